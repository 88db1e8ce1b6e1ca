internal import Diagnostics

/// A line as a row is tried on it: its tokens with what is changed in them, and where each of them stands in the file.
struct TrialLine {
  var tokens: [Token]
  var original: [Int]

  init(_ all: [Token], from start: Int, upTo lineEnd: Int) {
    let stop = min(lineEnd + 1, all.count)
    tokens = Array(all[start..<stop])
    original = Array(start..<stop)
    // The matcher looks one token ahead of the end.
    tokens.append(
      Token(kind: .endOfFile, leading: all[stop - 1].end, start: all[stop - 1].end, end: all[stop - 1].end))
    original.append(stop - 1)
  }

  mutating func remove(_ place: Int) {
    tokens.remove(at: place)
    original.remove(at: place)
  }

  /// Puts in a token that stands in the file nowhere.
  mutating func insert(_ token: Token, at place: Int) {
    tokens.insert(token, at: place)
    original.insert(original[place], at: place)
  }

  mutating func insertEquals(at place: Int) {
    let start = tokens[place].start
    insert(Token(kind: .equals, leading: start, start: start, end: start), at: place)
  }

  mutating func move(_ place: Int, to earlier: Int) {
    let (token, index) = (tokens[place], original[place])
    remove(place)
    tokens.insert(token, at: earlier)
    original.insert(index, at: earlier)
  }

  mutating func end(at place: Int) {
    tokens[place].kind = .newline
    if place + 1 >= tokens.count { return }
    tokens[place + 1] = tokens[tokens.count - 1]
    original[place + 1] = original[original.count - 1]
    tokens.removeSubrange((place + 2)...)
    original.removeSubrange((place + 2)...)
  }
}

extension Parser {
  struct Trial {
    var end: Int
    var captures: [Capture]
    var equals: [(token: Int, tight: Bool)]
    var block: Context?
  }

  /// Runs the row over the line, and maps what it captured back to the real tokens; without a trial where the row does
  /// not fit, and then with the place where it stopped and what would fit there.
  func run(_ row: StatementTable.Compiled, over line: TrialLine) -> (
    trial: Trial?, furthest: Int, expected: [MatchCode.Op], end: Int?
  ) {
    file.bytes.withUnsafeBufferPointer { bytes in
      line.tokens.withUnsafeBufferPointer { tokens in
        var matcher = Matcher(row, of: table, tokens: tokens, bytes: bytes)
        guard let end = matcher.run(at: 0) else { return (nil, matcher.furthest, matcher.expected, nil) }
        switch tokens[end].kind {
        case .newline, .closeBrace, .endOfFile: break
        case .openBrace where row.block != nil: break
        default:
          return (nil, max(end, matcher.furthest), matcher.furthest < end ? [] : matcher.expected, end)
        }
        let captures = matcher.captures.map {
          Capture(slot: $0.slot, keyword: $0.keyword, token: line.original[$0.token])
        }
        let equals = matcher.equals.map { (token: line.original[$0.token], tight: $0.tight) }.filter {
          self.tokens[$0.token].kind == .equals
        }
        return (
          Trial(end: line.original[end], captures: captures, equals: equals, block: matcher.block), end,
          matcher.expected, end
        )
      }
    }
  }
}
