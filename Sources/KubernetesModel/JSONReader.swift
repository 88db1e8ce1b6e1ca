/// Why some bytes are no JSON text.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The byte at which reading stopped.
  package var offset: Int
  package var message: String

  package init(offset: Int, message: String) {
    self.offset = offset
    self.message = message
  }

  package var description: String { "byte \(offset): \(message)" }
}

/// Reads one JSON text (RFC 8259) in UTF-8, with blanks around it.
///
/// Where a name stands twice in an object the last value wins, in the place of the first: so do Go's decoders, which
/// wrote what we read. Integers beyond 64 bits become doubles. Nesting is limited to 512 levels.
package func parseJSON(_ bytes: [UInt8]) throws(JSONError) -> Value {
  try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) -> Value in
    var reader = JSONReader(bytes: buffer)
    return try reader.readText()
  }
}

/// ``parseJSON(_:)`` over a part of a buffer, such as one line of a watch; offsets count from the start of the part.
package func parseJSON(_ bytes: ArraySlice<UInt8>) throws(JSONError) -> Value {
  try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) -> Value in
    var reader = JSONReader(bytes: buffer)
    return try reader.readText()
  }
}

private struct JSONReader {
  let bytes: UnsafeBufferPointer<UInt8>
  var i = 0

  static let depthLimit = 512

  init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// The current byte; 0 at the end, which no rule accepts.
  private var byte: UInt8 { i < bytes.count ? bytes[i] : 0 }

  mutating func readText() throws(JSONError) -> Value {
    skipBlanks()
    let value = try readValue(depth: 0)
    skipBlanks()
    guard i == bytes.count else { throw error("there is text after the value") }
    return value
  }

  private func error(_ message: String) -> JSONError {
    JSONError(offset: i, message: i >= bytes.count ? "the text ends too early: \(message)" : message)
  }

  private mutating func skipBlanks() {
    while i < bytes.count {
      switch bytes[i] {
      case 0x20, 0x0A, 0x0D, 0x09: i &+= 1
      default: return
      }
    }
  }

  private mutating func readValue(depth: Int) throws(JSONError) -> Value {
    switch byte {
    case UInt8(ascii: "\""): return .string(try readString())
    case UInt8(ascii: "{"): return try readObject(depth: depth)
    case UInt8(ascii: "["): return try readArray(depth: depth)
    case UInt8(ascii: "t"):
      try expect("true")
      return .bool(true)
    case UInt8(ascii: "f"):
      try expect("false")
      return .bool(false)
    case UInt8(ascii: "n"):
      try expect("null")
      return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try readNumber()
    default: throw error("a value was expected")
    }
  }

  private mutating func expect(_ word: StaticString) throws(JSONError) {
    let length = word.utf8CodeUnitCount
    guard bytes.count &- i >= length else { throw error("a value was expected") }
    for k in 0..<length where bytes[i &+ k] != word.utf8Start[k] { throw error("a value was expected") }
    i &+= length
  }

  private mutating func readObject(depth: Int) throws(JSONError) -> Value {
    guard depth < Self.depthLimit else { throw error("values are nested deeper than \(Self.depthLimit) levels") }
    i &+= 1
    var members = Members()
    skipBlanks()
    if byte == UInt8(ascii: "}") {
      i &+= 1
      return .object(Fields())
    }
    while true {
      guard byte == UInt8(ascii: "\"") else { throw error("a name in quotes was expected") }
      let key = try readString()
      skipBlanks()
      guard byte == UInt8(ascii: ":") else { throw error("a colon was expected") }
      i &+= 1
      skipBlanks()
      members.set(key, try readValue(depth: depth &+ 1))
      skipBlanks()
      switch byte {
      case UInt8(ascii: ","):
        i &+= 1
        skipBlanks()
      case UInt8(ascii: "}"):
        i &+= 1
        return .object(Fields(members.entries))
      default: throw error("a comma or a closing brace was expected")
      }
    }
  }

  private mutating func readArray(depth: Int) throws(JSONError) -> Value {
    guard depth < Self.depthLimit else { throw error("values are nested deeper than \(Self.depthLimit) levels") }
    i &+= 1
    var items: [Value] = []
    skipBlanks()
    if byte == UInt8(ascii: "]") {
      i &+= 1
      return .array([])
    }
    while true {
      items.append(try readValue(depth: depth &+ 1))
      skipBlanks()
      switch byte {
      case UInt8(ascii: ","):
        i &+= 1
        skipBlanks()
      case UInt8(ascii: "]"):
        i &+= 1
        return .array(items)
      default: throw error("a comma or a closing bracket was expected")
      }
    }
  }

  private mutating func readNumber() throws(JSONError) -> Value {
    let start = i
    let isNegative = byte == UInt8(ascii: "-")
    if isNegative { i &+= 1 }
    var magnitude = 0
    var isInteger = true
    switch byte {
    case UInt8(ascii: "0"): i &+= 1
    case UInt8(ascii: "1")...UInt8(ascii: "9"):
      while case let digit = byte &- 0x30, digit < 10 {
        // Counted down from zero, since the smallest integer has no positive counterpart.
        let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
        let (difference, underflow) = product.subtractingReportingOverflow(Int(digit))
        if overflow || underflow { isInteger = false }
        magnitude = difference
        i &+= 1
      }
    default: throw error("a digit was expected")
    }
    if byte == UInt8(ascii: ".") {
      isInteger = false
      i &+= 1
      try skipDigits()
    }
    if byte | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      i &+= 1
      if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { i &+= 1 }
      try skipDigits()
    }
    if isInteger {
      if isNegative { return .int(magnitude) }
      if magnitude != Int.min { return .int(0 &- magnitude) }
    }
    let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<i]), as: UTF8.self)
    guard let number = Double(text), number.isFinite else {
      throw JSONError(offset: start, message: "the number \(text.prefix(40)) is too large")
    }
    return .double(number)
  }

  private mutating func skipDigits() throws(JSONError) {
    guard byte &- 0x30 < 10 else { throw error("a digit was expected") }
    while byte &- 0x30 < 10 { i &+= 1 }
  }
}

// MARK: - Strings

extension JSONReader {
  private mutating func readString() throws(JSONError) -> String {
    i &+= 1
    let start = i
    var nonASCII: UInt8 = 0
    while i < bytes.count {
      let byte = bytes[i]
      if byte == 0x22 {
        let text = try decoded(bytes[start..<i], isASCII: nonASCII < 0x80)
        i &+= 1
        return text
      }
      if byte == 0x5C { return try readEscapedString(from: start) }
      if byte < 0x20 { throw error("a control character must be escaped") }
      nonASCII |= byte
      i &+= 1
    }
    throw error("a string is not closed")
  }

  /// The slow path, from the first backslash on.
  private mutating func readEscapedString(from start: Int) throws(JSONError) -> String {
    var text = Array(bytes[start..<i])
    while i < bytes.count {
      let byte = bytes[i]
      if byte == 0x22 {
        let result = try text.withUnsafeBufferPointer { (buffer) throws(JSONError) -> String in
          try decoded(buffer[...], isASCII: false)
        }
        i &+= 1
        return result
      }
      if byte < 0x20 { throw error("a control character must be escaped") }
      i &+= 1
      if byte == 0x5C { try readEscape(into: &text) } else { text.append(byte) }
    }
    throw error("a string is not closed")
  }

  private mutating func readEscape(into text: inout [UInt8]) throws(JSONError) {
    let kind = byte
    switch kind {
    case 0x22, 0x5C, 0x2F: text.append(kind)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      i &+= 1
      return try readUnicodeEscape(into: &text)
    default: throw error("there is no such escape")
    }
    i &+= 1
  }

  private mutating func readUnicodeEscape(into text: inout [UInt8]) throws(JSONError) {
    let start = i
    var code = try readHexadecimal()
    if code & 0xFC00 == 0xD800, byte == 0x5C, i &+ 1 < bytes.count, bytes[i &+ 1] == UInt8(ascii: "u") {
      i &+= 2
      let low = try readHexadecimal()
      if low & 0xFC00 == 0xDC00 { code = 0x10000 &+ ((code & 0x3FF) << 10 | low & 0x3FF) }
    }
    guard let scalar = Unicode.Scalar(code) else {
      throw JSONError(offset: start, message: "half of a surrogate pair stands alone")
    }
    text.append(contentsOf: String(scalar).utf8)
  }

  private mutating func readHexadecimal() throws(JSONError) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      switch byte {
      case 0x30...0x39: code = code << 4 | UInt32(byte &- 0x30)
      case 0x41...0x46: code = code << 4 | UInt32(byte &- 0x37)
      case 0x61...0x66: code = code << 4 | UInt32(byte &- 0x57)
      default: throw error("four hexadecimal digits were expected")
      }
      i &+= 1
    }
    return code
  }

  private func decoded(_ part: Slice<UnsafeBufferPointer<UInt8>>, isASCII: Bool) throws(JSONError) -> String {
    let buffer = UnsafeBufferPointer(rebasing: part)
    if isASCII { return String(decoding: buffer, as: UTF8.self) }
    guard let text = String(validating: buffer, as: UTF8.self) else { throw error("a string is not UTF-8") }
    return text
  }
}

/// Collects the members of an object. Small objects are searched, large ones (a ConfigMap of thousands of keys) are
/// indexed, so that reading stays linear.
private struct Members {
  var entries: [Fields.Entry] = []
  private var index: [String: Int]?

  mutating func set(_ key: String, _ value: Value) {
    if index == nil, entries.count >= 24 {
      var built: [String: Int] = [:]
      for (position, entry) in entries.enumerated() { built[entry.key] = position }
      index = built
    }
    let known = index == nil ? entries.firstIndex { $0.key == key } : index?[key]
    if let known {
      entries[known].value = value
    } else {
      index?[key] = entries.count
      entries.append(Fields.Entry(key: key, value: value))
    }
  }
}
