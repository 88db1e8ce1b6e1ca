/// Decodes base64 (RFC 4648, section 4) with line breaks and blanks anywhere; nil where it is none.
package func decodeBase64(_ text: String) -> [UInt8]? {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(text.utf8.count / 4 * 3)
  var bits: UInt32 = 0
  var count = 0
  var padding = 0
  for byte in text.utf8 {
    let value: UInt32
    switch byte {
    case 0x41...0x5a: value = UInt32(byte) - 0x41
    case 0x61...0x7a: value = UInt32(byte) - 0x61 + 26
    case 0x30...0x39: value = UInt32(byte) - 0x30 + 52
    case 0x2b: value = 62
    case 0x2f: value = 63
    case 0x3d:
      padding += 1
      continue
    case 0x20, 0x09, 0x0a, 0x0d: continue
    default: return nil
    }
    guard padding == 0 else { return nil }
    bits = bits << 6 | value
    count += 1
    if count == 4 {
      bytes += [
        UInt8(truncatingIfNeeded: bits >> 16), UInt8(truncatingIfNeeded: bits >> 8), UInt8(truncatingIfNeeded: bits),
      ]
      bits = 0
      count = 0
    }
  }
  switch (count, padding) {
  case (0, 0): break
  case (2, 2): bytes.append(UInt8(truncatingIfNeeded: bits >> 4))
  case (3, 1): bytes += [UInt8(truncatingIfNeeded: bits >> 10), UInt8(truncatingIfNeeded: bits >> 2)]
  default: return nil
  }
  return bytes
}

/// RFC 4648, section 4, with padding.
package func encodeBase64(_ bytes: [UInt8]) -> String {
  let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  var text: [UInt8] = []
  text.reserveCapacity((bytes.count + 2) / 3 * 4)
  var i = 0
  while i < bytes.count {
    let left = bytes.count - i
    let a = UInt32(bytes[i]) << 16
    let b = left > 1 ? UInt32(bytes[i + 1]) << 8 : 0
    let c = left > 2 ? UInt32(bytes[i + 2]) : 0
    let bits = a | b | c
    text.append(digits[Int(bits >> 18)])
    text.append(digits[Int(bits >> 12 & 63)])
    text.append(left > 1 ? digits[Int(bits >> 6 & 63)] : 0x3d)
    text.append(left > 2 ? digits[Int(bits & 63)] : 0x3d)
    i += 3
  }
  return String(decoding: text, as: UTF8.self)
}
