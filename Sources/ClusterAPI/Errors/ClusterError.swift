/// Why a call to the cluster gave no result. Every caller switches over the cases.
package enum ClusterError: Error, Hashable, Sendable {
  /// The server answered, and said no.
  case refused(APIStatus)
  /// There was no answer, or no whole one.
  case unreachable(TransportError)
  /// There are no credentials to call with: a plugin failed, a token file is gone. The text holds no secret.
  case unauthenticated(String)
  /// The server answered with something that is not what was asked for.
  case notUnderstood(String)
  /// The caller's task was cancelled. What was sent may have taken effect.
  case cancelled
  /// Whoever guards the call gave no leave to send it; an earlier attempt may have been sent, and done.
  case withheld(mayHaveTakenEffect: Bool = false)

  package init(_ error: TransportError) {
    self = error.kind == .cancelled ? .cancelled : .unreachable(error)
  }

  package var status: APIStatus? { if case .refused(let status) = self { status } else { nil } }

  package var isNotFound: Bool { status?.code == 404 }
  package var isForbidden: Bool { status?.code == 403 }
  /// The version to watch or continue from is too old; a new LIST is needed.
  package var isExpired: Bool { status?.code == 410 }
  /// There was no answer at all, however often it was asked: whatever comes next cannot be asked for either.
  package var isSilence: Bool {
    guard case .unreachable(let error) = self else { return false }
    return switch error.kind {
    case .connect, .other, .protocolViolation, .proxy, .refused, .reset, .stalled, .timeout, .unresolvedHost: true
    case .badRequest, .cancelled, .libraryMissing, .tls, .tooLarge: false
    }
  }

  /// Whether a write that gave this error may nevertheless have been done.
  package var mayHaveTakenEffect: Bool {
    switch self {
    case .refused(let status): status.code >= 500 || status.followsUncertainAttempt
    case .unreachable(let error): error.mayHaveTakenEffect
    case .notUnderstood, .cancelled: true
    case .unauthenticated: false
    case .withheld(let mayHaveTakenEffect): mayHaveTakenEffect
    }
  }

  /// The same without `secrets` in what the server said.
  func masking(_ secrets: [String]) -> ClusterError {
    switch self {
    case .refused(let status): .refused(status.masking(secrets))
    case .notUnderstood(let text): .notUnderstood(text.masking(secrets))
    case .unreachable, .unauthenticated, .cancelled, .withheld: self
    }
  }

  /// The same, of a call of which an earlier attempt may have been done.
  func afterUncertainAttempt() -> ClusterError {
    switch self {
    case .unreachable(var error):
      error.mayHaveTakenEffect = true
      return .unreachable(error)
    case .withheld: return .withheld(mayHaveTakenEffect: true)
    case .refused(var status):
      status.followsUncertainAttempt = true
      return .refused(status)
    case .unauthenticated, .notUnderstood, .cancelled: return self
    }
  }
}

extension ClusterError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .refused(let status):
      status.message.isEmpty ? "the server answered \(status.code) \(status.reason)" : status.message
    case .unreachable(let error): error.message
    case .unauthenticated(let text), .notUnderstood(let text): text
    case .cancelled: "cancelled"
    case .withheld: "it was not sent: the right to send it was gone"
    }
  }
}
