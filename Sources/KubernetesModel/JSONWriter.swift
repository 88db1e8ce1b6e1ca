/// `value` as JSON in the order of its members, in a form that YAML readers accept as well.
///
/// The API server decodes apply bodies with a YAML 1.1 reader, so this JSON stays inside what both languages read the
/// same way: `/` is never escaped, characters beyond the basic plane are written raw and never as surrogate pairs, and
/// everything that a YAML reader refuses or takes for a line break (DEL, the C1 controls, NEL, LS, PS, the byte order
/// mark, U+FFFE and U+FFFF) is written as `\uXXXX`. Infinities and NaN do not exist in JSON and become `null`.
///
/// - Parameter pretty: two spaces per level, one member per line, as kubectl does; otherwise no blanks at all.
package func jsonBytes(_ value: Value, pretty: Bool = false) -> [UInt8] {
  var writer = JSONWriter(pretty: pretty)
  writer.write(value, depth: 0)
  return writer.output
}

/// ``jsonBytes(_:pretty:)`` as text.
package func jsonText(_ value: Value, pretty: Bool = false) -> String {
  String(decoding: jsonBytes(value, pretty: pretty), as: UTF8.self)
}

/// A finite number in a form that JSON and every version of YAML read as a floating-point number: with a dot, and with
/// a sign in its exponent. YAML 1.1 takes `1e+20` for text.
package func floatText(_ number: Double) -> String {
  let text = number.description
  guard !text.utf8.contains(UInt8(ascii: ".")), let e = text.utf8.firstIndex(of: UInt8(ascii: "e")) else { return text }
  return "\(text[..<e]).0\(text[e...])"
}

/// One line with the members of every object in the order of their keys' bytes: equal values become equal bytes, whatever
/// order they were built in.
package func canonicalJSONBytes(_ value: Value) -> [UInt8] {
  var writer = JSONWriter(pretty: false, isSorted: true)
  writer.write(value, depth: 0)
  return writer.output
}

private struct JSONWriter {
  var output: [UInt8] = []
  let pretty: Bool
  let isSorted: Bool

  init(pretty: Bool, isSorted: Bool = false) {
    self.pretty = pretty
    self.isSorted = isSorted
    output.reserveCapacity(1024)
  }

  mutating func write(_ value: Value, depth: Int) {
    switch value {
    case .null: output.append(contentsOf: "null".utf8)
    case .bool(let b): output.append(contentsOf: (b ? "true" : "false").utf8)
    case .int(let i): output.append(contentsOf: String(i).utf8)
    case .double(let d): output.append(contentsOf: (d.isFinite ? floatText(d) : "null").utf8)
    case .string(let s): write(string: s)
    case .array(let items):
      output.append(UInt8(ascii: "["))
      for (i, item) in items.enumerated() {
        if i > 0 { output.append(UInt8(ascii: ",")) }
        newLine(depth &+ 1)
        write(item, depth: depth &+ 1)
      }
      if !items.isEmpty { newLine(depth) }
      output.append(UInt8(ascii: "]"))
    case .object(let fields):
      output.append(UInt8(ascii: "{"))
      for (i, entry) in (isSorted ? sorted(fields.entries) : fields.entries).enumerated() {
        if i > 0 { output.append(UInt8(ascii: ",")) }
        newLine(depth &+ 1)
        write(string: entry.key)
        output.append(UInt8(ascii: ":"))
        if pretty { output.append(UInt8(ascii: " ")) }
        write(entry.value, depth: depth &+ 1)
      }
      if !fields.isEmpty { newLine(depth) }
      output.append(UInt8(ascii: "}"))
    }
  }

  private func sorted(_ entries: [Fields.Entry]) -> [Fields.Entry] {
    func precedes(_ a: Fields.Entry, _ b: Fields.Entry) -> Bool { a.key.utf8.lexicographicallyPrecedes(b.key.utf8) }
    // Most are in order: what we render, and what a server answers.
    if zip(entries, entries.dropFirst()).allSatisfy({ !precedes($1, $0) }) { return entries }
    return entries.sorted(by: precedes)
  }

  private mutating func newLine(_ depth: Int) {
    guard pretty else { return }
    output.append(0x0A)
    output.append(contentsOf: repeatElement(0x20, count: depth &* 2))
  }

  private mutating func write(string: String) {
    var string = string
    output.append(0x22)
    string.withUTF8 { bytes in
      var copied = 0
      var i = 0
      while i < bytes.count {
        let length = escapedLength(bytes, i)
        if length == 0 {
          i &+= 1
          continue
        }
        output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[copied..<i]))
        escape(bytes, i, length)
        i &+= length
        copied = i
      }
      output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[copied..<bytes.count]))
    }
    output.append(0x22)
  }

  /// How many bytes at `i` make a character that must be escaped; 0 where it may stay as it is.
  private func escapedLength(_ bytes: UnsafeBufferPointer<UInt8>, _ i: Int) -> Int {
    let byte = bytes[i]
    if byte < 0x80 { return byte < 0x20 || byte == 0x22 || byte == 0x5C || byte == 0x7F ? 1 : 0 }
    switch byte {
    case 0xC2 where bytes[i &+ 1] < 0xA0:
      return 2
    case 0xD8 where bytes[i &+ 1] == 0x9C:
      return 2
    case 0xE2
    where bytes[i &+ 1] == 0x80 && (0xA8...0xAE ~= bytes[i &+ 2] || 0x8E...0x8F ~= bytes[i &+ 2])
      || bytes[i &+ 1] == 0x81 && 0xA6...0xA9 ~= bytes[i &+ 2]:
      return 3
    case 0xEF
    where bytes[i &+ 1] == 0xBB && bytes[i &+ 2] == 0xBF || bytes[i &+ 1] == 0xBF && bytes[i &+ 2] >= 0xBE:
      return 3
    default:
      return 0
    }
  }

  private mutating func escape(_ bytes: UnsafeBufferPointer<UInt8>, _ i: Int, _ length: Int) {
    output.append(0x5C)
    let code: UInt32
    switch length {
    case 1:
      switch bytes[i] {
      case 0x22: return output.append(0x22)
      case 0x5C: return output.append(0x5C)
      case 0x08: return output.append(UInt8(ascii: "b"))
      case 0x09: return output.append(UInt8(ascii: "t"))
      case 0x0A: return output.append(UInt8(ascii: "n"))
      case 0x0C: return output.append(UInt8(ascii: "f"))
      case 0x0D: return output.append(UInt8(ascii: "r"))
      default: code = UInt32(bytes[i])
      }
    case 2: code = UInt32(bytes[i] & 0x1F) << 6 | UInt32(bytes[i &+ 1] & 0x3F)
    default:
      code = UInt32(bytes[i] & 0x0F) << 12 | UInt32(bytes[i &+ 1] & 0x3F) << 6 | UInt32(bytes[i &+ 2] & 0x3F)
    }
    output.append(UInt8(ascii: "u"))
    for shift: UInt32 in [12, 8, 4, 0] {
      let digit = UInt8(truncatingIfNeeded: code >> shift) & 0xF
      output.append(digit < 10 ? 0x30 &+ digit : 0x57 &+ digit)
    }
  }
}
