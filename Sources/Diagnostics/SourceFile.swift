/// Identifies one source file within a ``SourceSet``.
package struct FileID: Hashable, Sendable, Comparable {
  package let index: UInt32

  package init(_ index: Int) { self.index = UInt32(truncatingIfNeeded: index) }

  package static func < (a: FileID, b: FileID) -> Bool { a.index < b.index }
}

/// A half-open range of UTF-8 byte offsets in one file. Lines and columns are computed at the edge, by ``LineMap``.
package struct SourceRange: Hashable, Sendable, Comparable {
  package var file: FileID
  package var start: UInt32
  package var end: UInt32

  package init(file: FileID, start: UInt32, end: UInt32) {
    self.file = file
    self.start = start
    self.end = Swift.max(start, end)
  }

  package init(file: FileID, _ range: Range<Int>) {
    self.init(
      file: file, start: UInt32(truncatingIfNeeded: range.lowerBound), end: UInt32(truncatingIfNeeded: range.upperBound)
    )
  }

  package var isEmpty: Bool { start == end }

  /// The smallest range that holds both; `self` where the files differ.
  package func joined(_ other: SourceRange) -> SourceRange {
    guard file == other.file else { return self }
    return SourceRange(file: file, start: min(start, other.start), end: max(end, other.end))
  }

  package static func < (a: SourceRange, b: SourceRange) -> Bool {
    (a.file, a.start, a.end) < (b.file, b.start, b.end)
  }
}

/// One source file: its path as the user named it, and its bytes.
package struct SourceFile: Sendable {
  package let id: FileID
  package let path: String
  package let bytes: [UInt8]

  package init(id: FileID, path: String, bytes: [UInt8]) {
    self.id = id
    self.path = path
    self.bytes = bytes
  }

  /// The text of `range`, with invalid UTF-8 repaired to U+FFFD; ranges are clamped to the file.
  package func text(_ range: SourceRange) -> String {
    let upper = min(Int(range.end), bytes.count)
    let lower = min(Int(range.start), upper)
    return String(decoding: bytes[lower..<upper], as: UTF8.self)
  }
}

/// The files of one run, in the order in which they were read: the first is the plan named on the command line.
package struct SourceSet: Sendable {
  package private(set) var files: [SourceFile] = []

  package init() {}

  @discardableResult
  package mutating func add(path: String, bytes: [UInt8]) -> FileID {
    let id = FileID(files.count)
    files.append(SourceFile(id: id, path: path, bytes: bytes))
    return id
  }

  package subscript(id: FileID) -> SourceFile? {
    Int(id.index) < files.count ? files[Int(id.index)] : nil
  }
}

/// A position as people count it: both numbers start at 1; the column counts Unicode scalars of the line.
package struct LineColumn: Hashable, Sendable {
  package var line: Int
  package var column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

/// The line starts of one file. Building it is O(bytes); a lookup is O(log lines).
///
/// A line ends at LF, CRLF or a lone CR, so that the numbers agree with every editor.
package struct LineMap: Sendable {
  private let starts: [Int]
  private let file: SourceFile

  package init(_ file: SourceFile) {
    self.file = file
    var starts = [0]
    let bytes = file.bytes
    var i = 0
    while i < bytes.count {
      if bytes[i] == 0x0A {
        starts.append(i + 1)
      } else if bytes[i] == 0x0D, i + 1 >= bytes.count || bytes[i + 1] != 0x0A {
        starts.append(i + 1)
      }
      i += 1
    }
    self.starts = starts
  }

  package var lineCount: Int { starts.count }

  /// The 1-based line that holds byte `offset`.
  package func line(at offset: UInt32) -> Int {
    var low = 0
    var high = starts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= Int(offset) { low = middle } else { high = middle }
    }
    return low + 1
  }

  package func position(at offset: UInt32) -> LineColumn {
    let line = line(at: offset)
    let start = starts[line - 1]
    let end = min(Int(offset), file.bytes.count)
    var column = 1
    if start < end {
      for byte in file.bytes[start..<end] where byte & 0xC0 != 0x80 { column += 1 }
    }
    return LineColumn(line: line, column: column)
  }

  /// The bytes of 1-based `line` without its line break, as a half-open byte range.
  package func bytes(ofLine line: Int) -> Range<Int> {
    let start = starts[line - 1]
    var end = line < starts.count ? starts[line] : file.bytes.count
    while end > start, file.bytes[end - 1] == 0x0A || file.bytes[end - 1] == 0x0D { end -= 1 }
    return start..<end
  }

  package func text(ofLine line: Int) -> String {
    String(decoding: file.bytes[bytes(ofLine: line)], as: UTF8.self)
  }
}
