internal import KubernetesModel

/// How records stand in a file: a signature, which tells the version, and then frames. What was written and synced together
/// is one frame, so that a write cut short anywhere, or stored in part, leaves whole frames and one that is none.
package enum JournalFormat {
  package enum Version: Hashable, Sendable, CaseIterable {
    /// A frame for each record: its length, the checksum of length and payload, and the payload, JSON.
    case first
    /// A frame for the records of one write: the length of its payload, the payload's checksum, the checksum of both, and the
    /// payload, a line of JSON for each record.
    case second

    package var signature: [UInt8] {
      switch self {
      case .first: Array("rolloutj".utf8)
      case .second: Array("rollout2".utf8)
      }
    }

    fileprivate var headerSize: Int {
      switch self {
      case .first: 8
      case .second: 12
      }
    }

    /// What stands in the file for records that are stored together, each as `payload(of:)` has it.
    func frames(of payloads: [[UInt8]]) -> [UInt8] {
      switch self {
      case .first:
        return payloads.flatMap { payload in
          let length = littleEndian(UInt32(payload.count))
          return length + littleEndian(crc32c(length + payload)) + payload
        }
      case .second:
        let payload = Array(payloads.joined(separator: [separator]))
        let head = littleEndian(UInt32(payload.count)) + littleEndian(crc32c(payload))
        return head + littleEndian(crc32c(head)) + payload
      }
    }

    /// The payload of the frame that begins at `start`; nil where none does that is whole.
    fileprivate func payload(in bytes: [UInt8], at start: Int) -> ArraySlice<UInt8>? {
      guard bytes.count - start >= headerSize else { return nil }
      if self == .second, crc32c(bytes[start..<(start + 8)]) != word(bytes, start + 8) { return nil }
      let length = Int(word(bytes, start))
      let begin = start + headerSize
      guard length <= longestPayload, length <= bytes.count - begin else { return nil }
      let payload = bytes[begin..<(begin + length)]
      let sum = self == .first ? crc32c(bytes[start..<(start + 4)] + payload) : crc32c(payload)
      return sum == word(bytes, start + 4) ? payload : nil
    }

    /// Nil for anything that this version of the tool did not write.
    fileprivate func records(_ payload: ArraySlice<UInt8>) -> [JournalRecord]? {
      let lines = self == .first ? [payload] : payload.split(separator: separator, omittingEmptySubsequences: false)
      var records: [JournalRecord] = []
      for line in lines {
        guard let value = try? parseJSON(line), let record = JournalRecord(value) else { return nil }
        records.append(record)
      }
      return records
    }
  }

  /// Larger than any object that an API server takes (3 MiB), so that a damaged length is seen as one.
  static let longestPayload = 8 << 20
  /// JSON has none of its own: in its texts it is written as `\n`.
  private static let separator: UInt8 = 0x0a

  /// Nil where the record is too long to be read again.
  static func payload(of record: JournalRecord) -> [UInt8]? {
    let payload = jsonBytes(record.value)
    return payload.count <= longestPayload ? payload : nil
  }

  /// Reads what is whole from the start on.
  package static func read(_ bytes: [UInt8]) -> JournalContent {
    guard let version = Version.allCases.first(where: { bytes.starts(with: $0.signature) }) else {
      // An empty or torn signature is a journal that has no record yet.
      let isOurs = Version.allCases.contains { $0.signature.starts(with: bytes) }
      return JournalContent(records: [], validLength: 0, rest: isOurs ? .torn : .foreign)
    }
    var content = JournalContent(records: [], validLength: version.signature.count, rest: .none)
    content.version = version
    while content.validLength < bytes.count {
      guard let payload = version.payload(in: bytes, at: content.validLength) else {
        // A frame is written when the one before it is on the disk: only the last one can be torn, whatever is left of it.
        let isLast = !(content.validLength + 1..<bytes.count).contains { version.payload(in: bytes, at: $0) != nil }
        content.rest = isLast ? .torn : .damaged
        return content
      }
      guard let records = version.records(payload) else {
        content.rest = .unknown
        return content
      }
      content.records += records
      content.validLength = payload.endIndex
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
  /// As which its next records are to be written.
  package var version = JournalFormat.Version.second
}
