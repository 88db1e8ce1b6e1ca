extension SourceSet {
  /// `bytes` with `edits` applied, all of which are taken to mean the same file; nil where two of them overlap or one
  /// reaches beyond the end. Insertions at one place are made in the order given.
  package static func applying(_ edits: [Edit], to bytes: [UInt8]) -> [UInt8]? {
    guard let ordered = inOrder(edits, length: bytes.count) else { return nil }
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    var copied = 0
    for edit in ordered {
      output.append(contentsOf: bytes[copied..<Int(edit.range.start)])
      output.append(contentsOf: edit.replacement.utf8)
      copied = Int(edit.range.end)
    }
    output.append(contentsOf: bytes[copied...])
    return output
  }

  /// `edits` by their place; nil where they cannot all be applied.
  package static func inOrder(_ edits: [Edit], length: Int) -> [Edit]? {
    let ordered = edits.enumerated().sorted { a, b in
      let (x, y) = (a.element.range, b.element.range)
      return (x.start, x.end, a.offset) < (y.start, y.end, b.offset)
    }.map(\.element)
    var last: UInt32 = 0
    for edit in ordered {
      guard edit.range.start >= last, Int(edit.range.end) <= length else { return nil }
      last = edit.range.end
    }
    return ordered
  }
}
