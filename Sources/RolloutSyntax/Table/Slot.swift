/// What a word means is decided by the slot it stands in, never by its spelling.
package enum Slot: UInt8, Hashable, Sendable, CaseIterable {
  // References to what is declared, written `@component` in the table.
  case component, release, version, cookie, header, probe, pattern, metric, secret
  /// A cookie or a header, after the word `cookie` or `header`.
  case visitor
  /// A release or a version: `retire 1.0`.
  case target
  /// A probe or a metric: the subject of `verify`.
  case subject
  // Values, written in capitals.
  case name, newVersion, int, percent, duration, size, cpu, path, image, host, file, envName, kind, key, value, text
  case regex, number, word, method, status, selector

  /// How the table's notation writes it.
  package var notation: String {
    switch self {
    case .component: "@component"
    case .release: "@release"
    case .version: "@version"
    case .cookie: "@cookie"
    case .header: "@header"
    case .probe: "@probe"
    case .pattern: "@pattern"
    case .metric: "@metric"
    case .secret: "@secret"
    case .visitor: "@visitor"
    case .target: "@target"
    case .subject: "@subject"
    case .name: "NAME"
    case .newVersion: "VERSION"
    case .int: "INT"
    case .percent: "PERCENT"
    case .duration: "DURATION"
    case .size: "SIZE"
    case .cpu: "CPU"
    case .path: "PATH"
    case .image: "IMAGE"
    case .host: "HOST"
    case .file: "FILE"
    case .envName: "ENVNAME"
    case .kind: "KIND"
    case .key: "KEY"
    case .value: "VALUE"
    case .text: "TEXT"
    case .regex: "REGEX"
    case .number: "NUMBER"
    case .word: "WORD"
    case .method: "METHOD"
    case .status: "STATUS"
    case .selector: "SELECTOR"
    }
  }

  /// How an "expected …" text names it.
  package var description: String {
    switch self {
    case .component: "the name of a component"
    case .release: "the name of a release"
    case .version, .newVersion: "a version"
    case .cookie: "the name of a cookie"
    case .header: "the name of a header"
    case .probe: "the name of a probe"
    case .pattern: "the name of a pattern"
    case .metric: "the name of a metric"
    case .secret: "the name of a secret"
    case .visitor: "the name of a cookie or a header"
    case .target: "a release or a version"
    case .subject: "the name of a probe or a metric"
    case .name: "a name"
    case .int: "a whole number"
    case .percent: "a percentage such as `10%`"
    case .duration: "a duration such as `30s`"
    case .size: "a size such as `1Gi`"
    case .cpu: "an amount of CPU such as `250m`"
    case .path: "a path such as `/`"
    case .image: "an image"
    case .host: "a host name"
    case .file: "a file name"
    case .envName: "the name of an environment variable"
    case .kind: "a kind of object"
    case .key: "a key"
    case .value: "a value"
    case .text: "a text in double quotes"
    case .regex: "a regular expression in single quotes"
    case .number: "a number"
    case .word: "a word"
    case .method: "an HTTP method such as `GET`"
    case .status: "an HTTP status such as `200`"
    case .selector: "a CSS selector in double quotes"
    }
  }

  /// Names: the reserved small words cannot stand here without quotes.
  package var isName: Bool {
    switch self {
    case .component, .release, .version, .cookie, .header, .probe, .pattern, .metric, .secret, .visitor, .target,
      .subject, .name, .newVersion, .key, .envName, .kind, .host:
      true
    default: false
    }
  }

  package var isReference: Bool { rawValue <= Slot.subject.rawValue }

  /// Whether a token has the shape that the slot asks for. The value is checked later: `10 percent` is a wrong shape
  /// (R01), `110%` a wrong value (R03).
  func accepts(_ token: Token, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    switch token.kind {
    case .word, .text: break
    case .raw: return self == .regex || self == .value || self == .text
    case .blockText: return self == .text || self == .value
    default: return false
    }
    // A keyword that a repair put in has no bytes: it fills no slot.
    guard token.start < token.end else { return false }
    // In quotes a value keeps its shape: `pause "30s"` is a duration, `pause "Look"` a text.
    let isQuoted = token.kind == .text
    let place = Int(token.start) + (isQuoted ? TokenText.quotes(token, bytes).open : 0)
    let first = place < token.end ? bytes[place] : 0
    let isParameter = first == UInt8(ascii: "$")
    let isDigit = first >= UInt8(ascii: "0") && first <= UInt8(ascii: "9")
    switch self {
    case .text, .selector: return isQuoted || isParameter
    // Double quotes are the wrong ones, but the line is known: R0113 says so, and keeps the rest of its meaning.
    case .regex: return isQuoted
    case .int, .percent, .duration, .number, .status:
      return isParameter || isDigit || first == UInt8(ascii: "-") || first == UInt8(ascii: ".")
    case .size, .cpu: return isParameter || isDigit || first == UInt8(ascii: "-") || first == UInt8(ascii: ".")
    case .method:
      // `text of #results in GET /`, where the comment has taken the rest: no method is called so.
      if token.keyword == .text { return false }
      return first >= UInt8(ascii: "A") && first <= UInt8(ascii: "Z")
        || first >= UInt8(ascii: "a") && first <= UInt8(ascii: "z")
    default:
      if isQuoted { return true }
      if isName, let keyword = token.keyword, keyword.isReserved { return false }
      return true
    }
  }
}

extension Slot {
  /// What stands in a ``method`` slot.
  package static let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
}
