import Diagnostics
import RolloutSyntax

/// The lines on which the parser found a fault, and the words that stand on them.
///
/// What else is wrong on such a line mostly follows from its fault, and a name that is declared nowhere may be what the
/// line was to declare: about both, nothing more is said. A line is taken with the whole statement that it is part of.
struct FaultyLines {
  private var ranges: [Range<UInt32>] = []

  init(_ tree: SyntaxTree, words: inout Set<String>) {
    var starts: [UInt32] = []
    for diagnostic in tree.diagnostics where diagnostic.severity == .error {
      starts.append(lineStart(diagnostic.primary.range.start, in: tree.file.bytes))
    }
    guard !starts.isEmpty else { return }
    let faulty = Set(starts)
    var extents = faulty.map { $0..<lineEnd($0, in: tree.file.bytes) }
    for statement in tree.statements {
      guard let first = statement.header.first, let last = statement.header.last else { continue }
      let start = tree.tokens[first].start
      let end = tree.tokens[last].end
      // Most statements are one line.
      var line = lineStart(start, in: tree.file.bytes)
      var isFaulty = faulty.contains(line)
      if !isFaulty, last > first {
        let lastLine = lineStart(tree.tokens[last].start, in: tree.file.bytes)
        isFaulty = lastLine != line && faulty.contains { $0 > line && $0 <= lastLine }
      }
      guard isFaulty else { continue }
      line = min(line, start)
      extents.append(line..<max(end, line))
    }
    extents.sort { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
    for extent in extents {
      if let last = ranges.last, extent.lowerBound <= last.upperBound {
        ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, extent.upperBound)
      } else {
        ranges.append(extent)
      }
    }
    for (index, token) in tree.tokens.enumerated() where contains(token.start) {
      switch token.kind {
      case .word:
        let word = tree.word(index)
        words.insert(word.hasPrefix("$") ? String(word.dropFirst()) : word)
      case .text:
        for case .literal(let text) in TokenText.parts(token, in: tree.file) { words.insert(text) }
      default: break
      }
    }
  }

  func contains(_ offset: UInt32) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < offset { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].lowerBound <= offset
  }
}

private func lineStart(_ offset: UInt32, in bytes: [UInt8]) -> UInt32 {
  var i = min(Int(offset), bytes.count)
  while i > 0, bytes[i - 1] != UInt8(ascii: "\n") { i -= 1 }
  return UInt32(truncatingIfNeeded: i)
}

private func lineEnd(_ offset: UInt32, in bytes: [UInt8]) -> UInt32 {
  var i = Int(offset)
  while i < bytes.count, bytes[i] != UInt8(ascii: "\n") { i += 1 }
  return UInt32(truncatingIfNeeded: i)
}

extension Resolver {
  /// After all files are read.
  func findFaultyLines() {
    for tree in trees { faultyLines[tree.file.id] = FaultyLines(tree, words: &doubtfulWords) }
  }

  func isFaulty(_ range: SourceRange) -> Bool { faultyLines[range.file]?.contains(range.start) ?? false }

  func isFaulty(_ statement: StatementView) -> Bool { isFaulty(statement.range) }

  /// A misspelt name is a fault of its own, also on a line that has one.
  func isSilenced(_ diagnostic: Diagnostic) -> Bool {
    guard isFaulty(diagnostic.primary.range) else { return false }
    return diagnostic.fixIts.isEmpty || !diagnostic.code.id.hasPrefix("R02") || diagnostic.code == .duplicateName
  }
}
