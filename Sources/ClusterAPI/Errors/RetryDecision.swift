/// What a call does, as far as repeating it matters.
package enum CallClass: String, Hashable, Sendable, CaseIterable {
  /// GET, LIST, and any dry run: repeating changes nothing.
  case read
  /// Server-side apply: the same body twice is the same as once.
  case apply
  /// DELETE with a UID precondition: cannot hit a successor.
  case pinnedDelete
  /// POST of a named object, and a patch that names the version it is for: doing it again gives 409 where the first
  /// attempt did it, and only a look tells that from somebody else's.
  case guarded
  /// Other patches, POST without a name, DELETE by name alone: look before doing it again.
  case unrepeatable
}

/// What to do about a call that gave an error: the taxonomy of failures as a pure function.
package enum RetryDecision: Hashable, Sendable {
  /// Repeating cannot help, or is for the caller to decide.
  case giveUp(GiveUpReason)
  /// Repeat the call after the time that the schedule gives.
  case retry(RetrySchedule, RetryReason)
  /// The call may have taken effect: look at the object, then decide.
  case lookFirst(RetryReason)
  /// Get new credentials, once, then repeat the call at once.
  case refreshCredentials
}

package enum GiveUpReason: String, Hashable, Sendable {
  case badRequest
  case cancelled
  case credentials
  /// Another manager owns a field.
  case fieldConflict
  case forbidden
  /// The watch or page is too old; the caller lists again.
  case expired
  case invalid
  case namespaceTerminating
  case notFound
  case other
  case tooLarge
  /// TLS does not verify, a URL or option cannot be used: the same next time.
  case unusableConnection
  /// Somebody wrote between our read and our write: read, compare, decide.
  case versionConflict
  /// Whoever guards the call gave no leave.
  case withheld
}

package enum RetryReason: String, Hashable, Sendable {
  case disruptionBudget
  /// The kind was created a moment ago and another API server does not know it yet.
  case newKind
  case quotaRace
  case throttled
  case transient
  case webhook
}

/// How often and for how long a call is repeated.
package struct RetrySchedule: Hashable, Sendable {
  /// The wait before the first repetition; doubles up to `longest`.
  package var first: Duration
  package var longest: Duration
  /// Counted from the first failure; nil for as long as the caller's deadline lets it.
  package var budget: Duration?
  package var limit: Int?
  /// What the server asked for; it counts instead of the growing wait.
  package var serverWait: Duration?

  package init(first: Duration, longest: Duration, budget: Duration?, limit: Int? = nil, serverWait: Duration? = nil) {
    self.first = first
    self.longest = longest
    self.budget = budget
    self.limit = limit
    self.serverWait = serverWait
  }

  package static let transient = RetrySchedule(
    first: .milliseconds(500), longest: .seconds(10), budget: .seconds(120))
  package static let webhook = RetrySchedule(first: .seconds(1), longest: .seconds(5), budget: .seconds(30))
  package static let newKind = RetrySchedule(first: .milliseconds(500), longest: .seconds(2), budget: .seconds(15))
  package static let quota = RetrySchedule(first: .milliseconds(50), longest: .seconds(1), budget: nil, limit: 5)

  /// It answers, so that it is worth a longer wait than one that does not; but one that takes nothing for ten minutes is
  /// for a person to look at.
  package static func throttled(_ wait: Duration?) -> RetrySchedule {
    RetrySchedule(first: .seconds(1), longest: .seconds(30), budget: .seconds(600), serverWait: wait)
  }

  /// The wait before repetition `attempt` (1, 2, …), or nil when the schedule is used up. `random` in 0..<1 adds up to a
  /// fifth, so that many clients do not come back at once; what the server asked for is never cut short.
  package func wait(before attempt: Int, elapsed: Duration, random: Double) -> Duration? {
    if let limit, attempt > limit { return nil }
    if let budget, elapsed >= budget { return nil }
    var wait = first
    for _ in 1..<max(1, min(attempt, 32)) where wait < longest { wait *= 2 }
    wait = serverWait ?? min(wait, longest)
    return wait + wait * (random / 5)
  }
}

extension RetryDecision {
  /// - Parameters:
  ///   - expectsNewKind: the kind's definition was created a moment ago, so that 404 may be another server's lag.
  ///   - hasFreshCredentials: credentials were already renewed for this call.
  package static func after(
    _ error: ClusterError, of call: CallClass, expectsNewKind: Bool = false, hasFreshCredentials: Bool = false
  ) -> RetryDecision {
    switch error {
    case .cancelled: .giveUp(.cancelled)
    case .unauthenticated: .giveUp(.credentials)
    case .withheld: .giveUp(.withheld)
    case .notUnderstood: call == .unrepeatable ? .lookFirst(.transient) : .giveUp(.other)
    case .unreachable(let error): after(error, of: call)
    case .refused(let status):
      after(status, of: call, expectsNewKind: expectsNewKind, hasFreshCredentials: hasFreshCredentials)
    }
  }

  private static func after(_ error: TransportError, of call: CallClass) -> RetryDecision {
    switch error.kind {
    case .badRequest, .libraryMissing, .tls: .giveUp(.unusableConnection)
    case .cancelled: .giveUp(.cancelled)
    case .tooLarge: .giveUp(.tooLarge)
    case .connect, .other, .protocolViolation, .proxy, .refused, .reset, .stalled, .timeout, .unresolvedHost:
      // What never reached the server can be sent again, whatever it is.
      call == .unrepeatable && error.mayHaveTakenEffect ? .lookFirst(.transient) : .retry(.transient, .transient)
    }
  }

  private static func after(
    _ status: APIStatus, of call: CallClass, expectsNewKind: Bool, hasFreshCredentials: Bool
  ) -> RetryDecision {
    switch status.code {
    case 400, 405, 406, 415: return .giveUp(.badRequest)
    case 401: return hasFreshCredentials ? .giveUp(.credentials) : .refreshCredentials
    case 403: return .giveUp(status.hasCause("NamespaceTerminating") ? .namespaceTerminating : .forbidden)
    case 404: return expectsNewKind ? .retry(.newKind, .newKind) : .giveUp(.notFound)
    case 409: return afterConflict(status)
    case 410: return .giveUp(.expired)
    case 413: return .giveUp(.tooLarge)
    case 422: return .giveUp(.invalid)
    case 429:
      // The server did nothing, so that repeating is safe for every call.
      return .retry(
        .throttled(status.retryAfter), status.hasCause("DisruptionBudget") ? .disruptionBudget : .throttled)
    case 500 where isWebhookFailure(status):
      // Webhooks answer before anything is stored.
      return .retry(.webhook, .webhook)
    case 500, 502, 503, 504:
      var schedule = RetrySchedule.transient
      schedule.serverWait = status.retryAfter
      return call == .unrepeatable ? .lookFirst(.transient) : .retry(schedule, .transient)
    default: return .giveUp(.other)
    }
  }

  private static func afterConflict(_ status: APIStatus) -> RetryDecision {
    if !status.fieldConflicts.isEmpty { return .giveUp(.fieldConflict) }
    // Two creations that count against one quota: the server lost the race for the quota, not for our object.
    if status.kind == "resourcequotas" || status.message.contains("resourcequotas") {
      return .retry(.quota, .quotaRace)
    }
    if status.hasCause("NamespaceTerminating") { return .giveUp(.namespaceTerminating) }
    return .giveUp(.versionConflict)
  }

  private static func isWebhookFailure(_ status: APIStatus) -> Bool {
    status.message.contains("failed calling webhook") || status.message.contains("failed calling admission webhook")
  }
}
