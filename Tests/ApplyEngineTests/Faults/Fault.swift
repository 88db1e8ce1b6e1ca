import ClusterAPI
import KubernetesModel
import Testing

@testable import ApplyEngine

/// One thing that goes wrong between a client and its server.
struct Fault: Sendable, CustomTestStringConvertible {
  enum Kind: Sendable {
    /// No whole answer comes. `reaches` says whether the server did what it was asked, `isSure` whether the client can
    /// know that it did not.
    case lost(TransportError.Kind, reaches: Bool, isSure: Bool)
    /// Somebody answers in place of the server, or of its registry, after it did what it was asked if `reaches`.
    case answered(Int, Value, retryAfter: Int?, reaches: Bool)
    /// The answer comes, and is not what the server said.
    case garbled(@Sendable ([UInt8]) -> [UInt8])
    case late(Duration)
    /// A list as it was when it was asked for before.
    case stale
    case watch(WatchFault)
    /// A deletion that waits for finalizers is answered as done (Services, up to Kubernetes 1.22).
    case toldDone
  }

  let name: String
  let kind: Kind
  /// Whether a run goes on as if one request had not met it.
  let isOvercome: Bool
  private var isForWatches = false

  init(_ name: String, _ kind: Kind, isOvercome: Bool = true) {
    self.name = name
    self.kind = kind
    self.isOvercome = isOvercome
  }

  var testDescription: String { name }

  func strikes(_ mark: RequestMark) -> Bool {
    if isForWatches { return mark.isWatch }
    return switch kind {
    case .watch: mark.isWatch
    case .stale: mark.label == "list"
    case .toldDone: mark.label == "delete"
    case .garbled, .late: !mark.isWatch
    // Versions and quotas matter to what changes something.
    case .answered(409, _, _, _): mark.changes
    case .lost(_, let reaches, _), .answered(_, _, _, let reaches):
      // To a question it makes no difference whether it was heard.
      mark.isWatch ? !reaches : !reaches || mark.changes
    }
  }
}

/// What may be wrong with the events of a watch that was opened.
enum WatchFault: Sendable {
  case endsAtOnce
  case endsAfter(Duration)
  /// So many events, then a failure.
  case breaks(after: Int)
  /// So many events, then one that says that the watch failed.
  case errorEvent(Int, String, after: Int)
  case garbageLine
  case cutLine
  case hugeLine
  /// Chunks of a few bytes, split anywhere.
  case drips
  case noBookmarks
  case twice
  /// After every event the one before it and the event again, as a server behind the others sends them.
  case replays
  /// Nothing at all comes, until the client gives the connection up.
  case silent
}

/// A request as a matrix sees it.
struct RequestMark: Hashable, Sendable, CustomStringConvertible {
  var label: String
  var path: String
  var isWatch: Bool

  init(_ request: HTTPRequest, isWatch: Bool) {
    label = request.label
    self.isWatch = isWatch
    let parts = request.url.split(separator: "?")[0].split(separator: "/", omittingEmptySubsequences: true)
    path = parts.dropFirst(2).joined(separator: "/")
  }

  var changes: Bool { ["apply", "create", "patch", "delete"].contains(label) }
  /// It changes an object of the plan's, and not the lock, the record or the story of a run.
  var isWrite: Bool { changes && !["/leases", "/configmaps", "/events"].contains { path.contains($0) } }
  /// What kind of request it is, whatever it is for: `get leases`.
  var kind: String {
    let parts = path.split(separator: "/")
    let resources = parts.firstIndex(of: "namespaces").map { parts.dropFirst($0 + 2) }
    return "\(label) \(resources?.first ?? parts.last ?? "")"
  }
  var description: String { "\(label) \(path)" }
  /// What it asks, without what differs from run to run: the namespace, and hashes of contents in names.
  var identity: String {
    var parts = path.split(separator: "/").map(String.init)
    if let namespaces = parts.firstIndex(of: "namespaces"), parts.indices.contains(namespaces + 1) {
      parts[namespaces + 1] = "*"
    }
    let plain = parts.joined(separator: "/").replacing(/-[0-9a-f]{12}$/, with: "-CONTENT")
    return "\(isWatch ? "watch" : label) \(plain)"
  }
}

extension Fault {
  private static func refusal(_ code: Int, _ reason: String, _ message: String, causes: [Value] = []) -> Value {
    [
      "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": .int(code), "reason": .string(reason),
      "message": .string(message), "details": ["causes": .array(causes)],
    ]
  }

  private static func answer(
    _ code: Int, _ reason: String, _ message: String = "injected", retryAfter: Int? = nil, reaches: Bool = false,
    causes: [Value] = []
  ) -> Kind {
    .answered(code, refusal(code, reason, message, causes: causes), retryAfter: retryAfter, reaches: reaches)
  }

  /// Every line of the list of faults that the design of the engine names, for requests that are answered once.
  static let ofRequests: [Fault] = [
    Fault("no address", .lost(.unresolvedHost, reaches: false, isSure: true)),
    Fault("connection refused", .lost(.refused, reaches: false, isSure: true)),
    Fault("no connection", .lost(.connect, reaches: false, isSure: true)),
    Fault("proxy fails", .lost(.proxy, reaches: false, isSure: true)),
    Fault("TLS does not verify", .lost(.tls, reaches: false, isSure: true), isOvercome: false),
    Fault("reset before the effect", .lost(.reset, reaches: false, isSure: false)),
    Fault("reset after the effect", .lost(.reset, reaches: true, isSure: false)),
    Fault("timeout without effect", .lost(.timeout, reaches: false, isSure: false)),
    Fault("timeout with effect", .lost(.timeout, reaches: true, isSure: false)),
    Fault("GOAWAY, stream refused", .lost(.protocolViolation, reaches: false, isSure: true)),
    Fault("GOAWAY in mid-answer", .lost(.protocolViolation, reaches: true, isSure: false)),
    Fault("429 with Retry-After", answer(429, "TooManyRequests", retryAfter: 3)),
    Fault("429 without Retry-After", answer(429, "TooManyRequests")),
    Fault("500", answer(500, "InternalError")),
    Fault("500 of a webhook", answer(500, "InternalError", "failed calling webhook \"w.example\": refused")),
    Fault("502 after the effect", .answered(502, .string("<html>bad gateway</html>"), retryAfter: nil, reaches: true)),
    Fault("503", answer(503, "ServiceUnavailable", "etcdserver: leader changed")),
    Fault("504 with effect", answer(504, "Timeout", "request timed out", reaches: true)),
    Fault("409 of a version", answer(409, "Conflict", "the object has been modified")),
    Fault("409 of a quota", answer(409, "Conflict", "Operation cannot be fulfilled on resourcequotas \"q\"")),
    Fault("401 once", answer(401, "Unauthorized")),
    Fault("a body that is no JSON", .garbled { _ in Array("<html>please log in</html>".utf8) }),
    Fault("a body that is cut short", .garbled { Array($0.prefix($0.count / 2)) }),
    Fault("an answer after 15 s", .late(.seconds(15))),
    Fault("an answer after 10 min", .late(.seconds(600))),
    Fault("a stale list", .stale),
    Fault("a deletion told as done too early", .toldDone),
    Fault("400", answer(400, "BadRequest"), isOvercome: false),
    Fault("403", answer(403, "Forbidden"), isOvercome: false),
    Fault("410", answer(410, "Expired"), isOvercome: false),
    Fault("413", answer(413, "RequestEntityTooLarge"), isOvercome: false),
    Fault("422", answer(422, "Invalid"), isOvercome: false),
    Fault(
      "namespace terminating",
      answer(403, "Forbidden", causes: [["reason": "NamespaceTerminating", "message": "m", "field": "f"]]),
      isOvercome: false),
  ]

  /// The same for watches.
  static let ofWatches: [Fault] = eventFaults.map { fault in
    var fault = fault
    fault.isForWatches = true
    return fault
  }

  private static let eventFaults: [Fault] = [
    Fault("a watch that ends at once", .watch(.endsAtOnce)),
    Fault("a watch that ends after 1 s", .watch(.endsAfter(.seconds(1)))),
    Fault("a watch that breaks at once", .watch(.breaks(after: 0))),
    Fault("a watch that breaks after an event", .watch(.breaks(after: 1))),
    Fault("410 by an event", .watch(.errorEvent(410, "Expired", after: 0))),
    Fault("410 by an event after one", .watch(.errorEvent(410, "Gone", after: 1))),
    Fault("500 by an event", .watch(.errorEvent(500, "InternalError", after: 0))),
    Fault("401 by an event", .watch(.errorEvent(401, "Unauthorized", after: 1))),
    Fault("a line that is no JSON", .watch(.garbageLine)),
    Fault("a line that is cut short", .watch(.cutLine)),
    Fault("a huge line", .watch(.hugeLine)),
    Fault("events in drips", .watch(.drips)),
    Fault("no bookmarks", .watch(.noBookmarks)),
    Fault("every event twice", .watch(.twice)),
    Fault("events replayed", .watch(.replays)),
    Fault("a silent watch", .watch(.silent)),
    Fault("410 at once", answer(410, "Expired")),
    Fault(
      "504, version too large",
      answer(504, "Timeout", causes: [["reason": "ResourceVersionTooLarge", "message": "m", "field": "f"]])),
    Fault("no right to watch", answer(403, "Forbidden")),
  ]
}
