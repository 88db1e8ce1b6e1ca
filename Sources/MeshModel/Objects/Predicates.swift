internal import KubernetesModel
internal import RegularExpressions

/// The expressions of objects, compiled: a route says the same in each of its versions.
package struct ExpressionTable {
  /// By its bytes: texts that read the same may be different expressions.
  private var known: [[UInt8]: RegularExpression] = [:]

  package init() {}

  fileprivate mutating func expression(_ text: String) throws -> RegularExpression {
    let bytes = Array(text.utf8)
    if let expression = known[bytes] { return expression }
    let expression = try RegularExpression(text, encoding: .latin1)
    known[bytes] = expression
    return expression
  }
}

/// What comes up while an object is read.
struct Reading {
  var issues: [String] = []
  var expressions: ExpressionTable
}

/// Istio's `StringMatch`.
enum StringPredicate: Sendable {
  case exact(String)
  case prefix(String)
  case regex(RegularExpression)
  /// `{}`, or the regex `*`, which is no expression but a sign.
  case presence
  /// A regex that does not compile. The webhook refuses it; where it got in, Envoy refuses the routes.
  case never

  init(_ match: Value, reading: inout Reading) {
    if let text = match["exact"]?.string {
      self = .exact(text)
    } else if let text = match["prefix"]?.string {
      self = .prefix(text)
    } else if let text = match["regex"]?.string {
      if text == "*" {
        self = .presence
        return
      }
      do {
        self = .regex(try reading.expressions.expression(text))
      } catch {
        reading.issues.append("the regex `\(text)` is none of RE2: \(error)")
        self = .never
      }
    } else {
      self = .presence
    }
  }

  /// Whether `value` satisfies it; of a presence predicate, that there is a value.
  func matches(_ value: String) -> Bool {
    switch self {
    case .exact(let text): sameBytes(value, text)
    case .prefix(let text): value.utf8.starts(with: text.utf8)
    case .regex(let regex): regex.matchesFully(value)
    case .presence: true
    case .never: false
    }
  }

  var isPresence: Bool { if case .presence = self { true } else { false } }
}

/// A predicate about one header or query parameter. A class, as are the matches and the rules that hold it: a request is
/// asked about by many, and none of them is copied for it.
final class NamedPredicate: Sendable {
  let name: String
  let predicate: StringPredicate

  init(name: String, predicate: StringPredicate) {
    self.name = name
    self.predicate = predicate
  }
}

/// What `uri` asks of a path without its query.
enum PathPredicate: Sendable {
  /// No `uri`.
  case any
  case exact(String, ignoresCase: Bool)
  /// A raw prefix of text: `/foo` covers `/foobar`.
  case prefix(String, ignoresCase: Bool)
  /// Case counts, whatever `ignoreUriCase` says.
  case regex(RegularExpression)
  case never

  func matches(_ path: String) -> Bool {
    switch self {
    case .any: path.utf8.first == UInt8(ascii: "/")
    case .exact(let text, let ignoresCase):
      ignoresCase
        ? path.utf8.count == text.utf8.count && startsIgnoringCase(path, text)
        : sameBytes(path, text)
    case .prefix(let text, let ignoresCase):
      ignoresCase ? startsIgnoringCase(path, text) : path.utf8.starts(with: text.utf8)
    case .regex(let regex): regex.matchesFully(path)
    case .never: false
    }
  }

  /// How many bytes of `path` a rewrite replaces: the prefix, else all.
  func rewrittenLength(of path: String) -> Int {
    switch self {
    case .any: 1
    case .prefix(let text, _): text.utf8.count
    case .exact, .regex, .never: path.utf8.count
    }
  }

  /// Only ASCII letters have case here, as in Envoy.
  private func startsIgnoringCase(_ path: String, _ prefix: String) -> Bool {
    path.utf8.starts(with: prefix.utf8) { a, b in
      a == b || (a | 0x20) == (b | 0x20) && (0x61...0x7A).contains(a | 0x20)
    }
  }
}
