/// Reads a selector, over unicode scalars:
///
///     selector   = path { "," path }
///     path       = compound { (blank | ">") compound }
///     compound   = [ name | "*" ] { "#" name | "." name | "[" attribute "]" }
///     attribute  = name [ operator (name | string) ]
struct SelectorReader {
  private let scalars: [Unicode.Scalar]
  private var i = 0

  init(_ text: String) { scalars = Array(text.unicodeScalars) }

  mutating func paths() throws(SelectorError) -> [ElementSelector.Path] {
    var paths: [ElementSelector.Path] = []
    repeat {
      paths.append(try path())
    } while consume(",")
    guard peek == nil else { throw unexpected() }
    return paths
  }

  private mutating func path() throws(SelectorError) -> ElementSelector.Path {
    skipBlanks()
    var path = ElementSelector.Path(first: try compound())
    while true {
      let hadBlank = skipBlanks()
      guard let next = peek, next != "," else { return path }
      if next == ">" {
        i += 1
        skipBlanks()
        path.combinators.append(.child)
      } else if hadBlank {
        path.combinators.append(.descendant)
      } else {
        throw unexpected()
      }
      path.compounds.append(try compound())
    }
  }

  private mutating func compound() throws(SelectorError) -> ElementSelector.Compound {
    var result = ElementSelector.Compound()
    let start = i
    if !consume("*"), let next = peek, isNameStart(next) {
      result.element = try name().lowercased()
    }
    while let next = peek {
      switch next {
      case "#":
        i += 1
        result.ids.append(try name())
      case ".":
        i += 1
        result.classes.append(try name())
      case "[": result.attributes.append(try attribute())
      default:
        if i == start { throw unexpected() }
        return result
      }
    }
    if i == start { throw SelectorError(message: "something is missing at its end", offset: offset(of: i)) }
    return result
  }

  private mutating func attribute() throws(SelectorError) -> ElementSelector.Attribute {
    let open = i
    i += 1
    skipBlanks()
    let name = try name().lowercased()
    skipBlanks()
    if consume("]") { return ElementSelector.Attribute(name: name, comparison: .exists, value: "") }
    for comparison in ElementSelector.Attribute.Operator.allCases
    where comparison != .exists && consume(comparison.rawValue) {
      skipBlanks()
      let value = peek == "\"" || peek == "'" ? try string() : try self.name()
      skipBlanks()
      guard consume("]") else { throw SelectorError(message: "`[` is not closed", offset: offset(of: open)) }
      return ElementSelector.Attribute(name: name, comparison: comparison, value: value)
    }
    if peek == nil { throw SelectorError(message: "`[` is not closed", offset: offset(of: open)) }
    throw unexpected()
  }

  // MARK: - Names and strings

  /// CSS's `ident`, without its leading digits; after `#` a digit may stand first.
  private mutating func name() throws(SelectorError) -> String {
    var text = String.UnicodeScalarView()
    while let next = peek {
      if next == "\\" {
        text.append(try escape())
      } else if isNamePart(next) {
        text.append(next)
        i += 1
      } else {
        break
      }
    }
    if text.isEmpty { throw unexpected() }
    return String(text)
  }

  private mutating func string() throws(SelectorError) -> String {
    let open = i
    let quote = scalars[i]
    i += 1
    var text = String.UnicodeScalarView()
    while let next = peek {
      if next == quote {
        i += 1
        return String(text)
      }
      if next == "\\" {
        text.append(try escape())
      } else {
        text.append(next)
        i += 1
      }
    }
    throw SelectorError(message: "a quote is not closed", offset: offset(of: open))
  }

  /// A backslash and the scalar that it takes as it stands, or up to six hexadecimal digits and one blank.
  private mutating func escape() throws(SelectorError) -> Unicode.Scalar {
    let open = i
    i += 1
    var number: UInt32 = 0
    var digits = 0
    while digits < 6, let next = peek, let digit = next.properties.isASCIIHexDigit ? hexValue(next) : nil {
      number = number * 16 + digit
      digits += 1
      i += 1
    }
    if digits > 0 {
      if peek == " " { i += 1 }
      guard let scalar = Unicode.Scalar(number), number != 0 else {
        throw SelectorError(message: "an escape stands for no character", offset: offset(of: open))
      }
      return scalar
    }
    guard let next = peek else {
      throw SelectorError(message: "something is missing at its end", offset: offset(of: open))
    }
    i += 1
    return next
  }

  private func hexValue(_ scalar: Unicode.Scalar) -> UInt32 {
    let value = scalar.value
    return value <= 0x39 ? value - 0x30 : (value | 0x20) - 0x61 + 10
  }

  private func isNameStart(_ scalar: Unicode.Scalar) -> Bool {
    isNamePart(scalar) && !(0x30...0x39).contains(scalar.value) || scalar == "\\"
  }

  private func isNamePart(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
    default: scalar.value >= 0x80
    }
  }

  // MARK: - The text

  private var peek: Unicode.Scalar? { i < scalars.count ? scalars[i] : nil }

  private mutating func consume(_ text: String) -> Bool {
    guard scalars[i...].starts(with: text.unicodeScalars) else { return false }
    i += text.unicodeScalars.count
    return true
  }

  @discardableResult
  private mutating func skipBlanks() -> Bool {
    let start = i
    while let next = peek, " \t\n\r\u{C}".unicodeScalars.contains(next) { i += 1 }
    return i > start
  }

  private func offset(of index: Int) -> Int {
    scalars[..<index].reduce(0) { $0 + UTF8.width($1) }
  }

  private func unexpected() -> SelectorError {
    guard let next = peek else {
      return SelectorError(message: "something is missing at its end", offset: offset(of: i))
    }
    if next == ":" {
      var end = i
      while end < scalars.count, scalars[end] == ":" || isNamePart(scalars[end]) { end += 1 }
      var text = String.UnicodeScalarView()
      text.append(contentsOf: scalars[i..<end])
      return SelectorError(message: "`\(String(text))` cannot be used here", offset: offset(of: i))
    }
    return SelectorError(message: "`\(next)` cannot stand here", offset: offset(of: i))
  }
}
