internal import KubernetesModel

/// How records stand in a file: a signature, then for each record its length and the checksum of length and payload, both
/// 32 bits little-endian, then the payload, JSON. A write cut short anywhere leaves a prefix of the records.
package enum JournalFormat {
  package static let signature = Array("rolloutj".utf8)
  static let headerSize = 8
  /// Larger than any object that an API server takes (3 MiB), so that a damaged length is seen as one.
  static let longestPayload = 8 << 20

  /// Nil where the record is too long to be read again.
  package static func frame(_ record: JournalRecord) -> [UInt8]? {
    let payload = jsonBytes(record.value)
    guard payload.count <= longestPayload else { return nil }
    let length = littleEndian(UInt32(payload.count))
    return length + littleEndian(crc32c(length + payload)) + payload
  }

  /// Reads what is whole from the start on.
  package static func read(_ bytes: [UInt8]) -> JournalContent {
    guard bytes.count >= signature.count else {
      // An empty or torn signature is a journal that has no record yet.
      let isOurs = signature.starts(with: bytes)
      return JournalContent(records: [], validLength: 0, rest: isOurs ? .torn : .foreign)
    }
    guard bytes.starts(with: signature) else { return JournalContent(records: [], validLength: 0, rest: .foreign) }
    var content = JournalContent(records: [], validLength: signature.count, rest: .none)
    while content.validLength < bytes.count {
      let start = content.validLength
      guard bytes.count - start >= headerSize else {
        content.rest = .torn
        return content
      }
      let length = Int(word(bytes, start))
      guard length <= longestPayload else {
        content.rest = .damaged
        return content
      }
      let end = start + headerSize + length
      guard end <= bytes.count else {
        content.rest = .torn
        return content
      }
      let payload = bytes[(start + headerSize)..<end]
      guard crc32c(bytes[start..<(start + 4)] + payload) == word(bytes, start + 4) else {
        // The last record may be torn within its blocks; one in the middle was damaged.
        content.rest = end == bytes.count ? .torn : .damaged
        return content
      }
      guard let value = try? parseJSON(payload), let record = JournalRecord(value) else {
        content.rest = .unknown
        return content
      }
      content.records.append(record)
      content.validLength = end
    }
    return content
  }

  private static func littleEndian(_ word: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
  }

  private static func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << (UInt32($1) * 8) }
  }
}

package struct JournalContent: Hashable, Sendable {
  package enum Rest: Hashable, Sendable {
    /// Every byte was read.
    case none
    /// The last append did not end: what it was for was never sent, so it can be cut off.
    case torn
    /// Bytes changed after they were written; nothing may be appended.
    case damaged
    /// No journal.
    case foreign
    /// Written by a newer version of the tool.
    case unknown
  }

  package var records: [JournalRecord]
  /// Where the next record goes.
  package var validLength: Int
  package var rest: Rest

  /// The intents that have no result: each may have been done.
  package var open: [WriteIntent] {
    var open: [WriteIntent] = []
    for record in records {
      switch record {
      case .intent(let intent): open.append(intent)
      case .result(let number, _): open.removeAll { $0.number == number }
      case .started, .phaseDone: break
      }
    }
    return open
  }
}
