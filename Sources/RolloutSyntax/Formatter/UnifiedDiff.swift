/// The difference between two texts, line by line, as `diff -u` writes it; empty where they are equal.
///
/// The shortest edit by Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its Variations", 1986) between the
/// common beginning and the common end. Beyond ``editLimit`` edits the middle is shown as replaced: memory stays bounded.
package func unifiedDiff(from old: [UInt8], to new: [UInt8], path: String) -> String {
  let a = DiffLine.lines(old)
  let b = DiffLine.lines(new)
  if a == b { return "" }
  let edits = editScript(a, b)
  var out = "--- \(path)\n+++ \(path)\n"
  for hunk in hunks(edits) { append(hunk, of: edits, a, b, to: &out) }
  return out
}

/// More differing lines than this are not aligned with each other.
private let editLimit = 1000
private let contextLines = 3

private struct DiffLine: Hashable {
  var bytes: ArraySlice<UInt8>
  var hasLineBreak: Bool

  static func lines(_ bytes: [UInt8]) -> [DiffLine] {
    var lines: [DiffLine] = []
    var start = 0
    while start < bytes.count {
      let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
      lines.append(DiffLine(bytes: bytes[start..<end], hasLineBreak: end < bytes.count))
      start = end + 1
    }
    return lines
  }

  static func == (a: DiffLine, b: DiffLine) -> Bool {
    a.hasLineBreak == b.hasLineBreak && a.bytes.elementsEqual(b.bytes)
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(hasLineBreak)
    for byte in bytes { hasher.combine(byte) }
  }
}

/// One line of the script, with its place in both texts.
private struct LineEdit {
  enum Kind { case keep, remove, add }

  var kind: Kind
  var old: Int
  var new: Int
}

private func editScript(_ a: [DiffLine], _ b: [DiffLine]) -> [LineEdit] {
  var start = 0
  while start < a.count, start < b.count, a[start] == b[start] { start += 1 }
  var end = 0
  while end < a.count - start, end < b.count - start, a[a.count - 1 - end] == b[b.count - 1 - end] { end += 1 }
  var script = (0..<start).map { LineEdit(kind: .keep, old: $0, new: $0) }
  script += middle(a, b, start..<(a.count - end), start..<(b.count - end))
  script += (0..<end).map { LineEdit(kind: .keep, old: a.count - end + $0, new: b.count - end + $0) }
  return script
}

private func middle(_ a: [DiffLine], _ b: [DiffLine], _ old: Range<Int>, _ new: Range<Int>) -> [LineEdit] {
  let n = old.count
  let m = new.count
  let limit = min(n + m, editLimit)
  // Lines as numbers: two equal lines have one number.
  var numbers: [DiffLine: Int] = [:]
  func number(_ line: DiffLine) -> Int {
    if let known = numbers[line] { return known }
    numbers[line] = numbers.count
    return numbers.count - 1
  }
  let x = old.map { number(a[$0]) }
  let y = new.map { number(b[$0]) }

  var furthest = [Int](repeating: 0, count: 2 * limit + 3)
  let zero = limit + 1
  var trace: [[Int]] = []
  var found = false
  search: for d in 0...limit {
    trace.append(Array(furthest[(zero - d - 1)...(zero + d + 1)]))
    for k in stride(from: -d, through: d, by: 2) {
      let down = k == -d || (k != d && furthest[zero + k - 1] < furthest[zero + k + 1])
      var i = down ? furthest[zero + k + 1] : furthest[zero + k - 1] + 1
      var j = i - k
      while i < n, j < m, j >= 0, x[i] == y[j] {
        i += 1
        j += 1
      }
      furthest[zero + k] = i
      if i >= n, j >= m {
        found = true
        break search
      }
    }
  }
  guard found else {
    return old.map { LineEdit(kind: .remove, old: $0, new: new.lowerBound) }
      + new.map { LineEdit(kind: .add, old: old.upperBound, new: $0) }
  }
  // Back from the end: at each level, which diagonal the last step came from.
  var script: [LineEdit] = []
  var i = n
  var j = m
  for d in stride(from: trace.count - 1, through: 0, by: -1) {
    let level = trace[d]
    func at(_ k: Int) -> Int { level[k + d + 1] }
    let k = i - j
    let down = k == -d || (k != d && at(k - 1) < at(k + 1))
    let fromK = down ? k + 1 : k - 1
    let fromI = d == 0 ? 0 : at(fromK)
    let fromJ = d == 0 ? 0 : fromI - fromK
    while i > fromI, j > fromJ, d == 0 || i > (down ? fromI : fromI + 1) || j > (down ? fromJ + 1 : fromJ) {
      i -= 1
      j -= 1
      script.append(LineEdit(kind: .keep, old: old.lowerBound + i, new: new.lowerBound + j))
    }
    if d == 0 { break }
    if down {
      j -= 1
      script.append(LineEdit(kind: .add, old: old.lowerBound + i, new: new.lowerBound + j))
    } else {
      i -= 1
      script.append(LineEdit(kind: .remove, old: old.lowerBound + i, new: new.lowerBound + j))
    }
  }
  return script.reversed()
}

/// Ranges of the script that hold changes and the context around them.
private func hunks(_ script: [LineEdit]) -> [Range<Int>] {
  var result: [Range<Int>] = []
  for (index, edit) in script.enumerated() where edit.kind != .keep {
    let range = max(0, index - contextLines)..<min(script.count, index + 1 + contextLines)
    if let last = result.last, last.upperBound >= range.lowerBound {
      result[result.count - 1] = last.lowerBound..<range.upperBound
    } else {
      result.append(range)
    }
  }
  return result
}

private func append(_ hunk: Range<Int>, of script: [LineEdit], _ a: [DiffLine], _ b: [DiffLine], to out: inout String) {
  let edits = script[hunk]
  let oldCount = edits.count { $0.kind != .add }
  let newCount = edits.count { $0.kind != .remove }
  guard let first = edits.first else { return }
  // An empty range is named by the line before it.
  func place(_ start: Int, _ count: Int) -> String {
    let line = count == 0 ? start : start + 1
    return count == 1 ? "\(line)" : "\(line),\(count)"
  }
  out += "@@ -\(place(first.old, oldCount)) +\(place(first.new, newCount)) @@\n"
  for edit in edits {
    let line: DiffLine
    switch edit.kind {
    case .keep:
      out += " "
      line = a[edit.old]
    case .remove:
      out += "-"
      line = a[edit.old]
    case .add:
      out += "+"
      line = b[edit.new]
    }
    out += String(decoding: line.bytes, as: UTF8.self) + "\n"
    if !line.hasLineBreak { out += "\\ No newline at end of file\n" }
  }
}
