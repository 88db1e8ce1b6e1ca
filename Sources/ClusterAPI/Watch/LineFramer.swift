/// Cuts a stream of bytes into lines, wherever the chunks were split: in a line, in a character, between `\r` and `\n`.
package struct LineFramer: Sendable {
  /// Longer lines are refused: objects are at most 3 MiB, lists of watch events never come in one line.
  package static let longestLine = 64 << 20

  private var buffer: [UInt8] = []
  /// Bytes of `buffer` that surely hold no line end, so that a line in a thousand chunks is searched once.
  private var searched = 0
  private let limit: Int

  package init(limit: Int = LineFramer.longestLine) { self.limit = limit }

  /// The lines that `chunk` completes, without their ends; empty lines are left out.
  package mutating func lines(after chunk: [UInt8]) throws(LineTooLong) -> [[UInt8]] {
    buffer += chunk
    var lines: [[UInt8]] = []
    var start = 0
    while let end = buffer[max(start, searched)...].firstIndex(of: 0x0a) {
      var line = buffer[start..<end]
      if line.last == 0x0d { line.removeLast() }
      if line.count > limit { throw LineTooLong(limit: limit) }
      if !line.isEmpty { lines.append(Array(line)) }
      start = end + 1
      searched = start
    }
    buffer.removeFirst(start)
    searched = buffer.count
    if buffer.count > limit { throw LineTooLong(limit: limit) }
    return lines
  }

  package struct LineTooLong: Error, Hashable, Sendable {
    package var limit: Int

    package init(limit: Int) { self.limit = limit }
  }
}
