internal import Crypto

/// CRC-32C (Castagnoli), reflected, as in RFC 3720, B.4.
func crc32c(_ bytes: some Sequence<UInt8>) -> UInt32 {
  var crc: UInt32 = 0xffff_ffff
  for byte in bytes { crc = crcTable[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8) }
  return ~crc
}

private let crcTable: [UInt32] = (0..<256).map { index in
  (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? 0x82f6_3b78 ^ (crc >> 1) : crc >> 1 }
}

/// SHA-256 (FIPS 180-4), in lower-case hexadecimal.
func sha256Hex(_ message: [UInt8]) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  for byte in SHA256.hash(data: message) {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}
