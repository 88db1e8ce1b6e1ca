internal import Diagnostics

/// Ranges as lines and columns, for the formats that machines read.
struct Places {
  let sources: SourceSet
  private let maps: [LineMap]

  init(_ sources: SourceSet) {
    self.sources = sources
    maps = sources.files.map(LineMap.init)
  }

  /// The file's path and both ends of the range, clamped to the file; nil for a file that is not in the set.
  func place(_ range: SourceRange) -> (path: String, start: LineColumn, end: LineColumn)? {
    guard let source = sources[range.file] else { return nil }
    let map = maps[Int(range.file.index)]
    let limit = UInt32(truncatingIfNeeded: source.bytes.count)
    return (source.path, map.position(at: min(range.start, limit)), map.position(at: min(range.end, limit)))
  }
}

/// Without the `./` before it that a person may write: what annotates files compares their names.
func pathInRepository(_ path: String) -> String {
  var path = path[...]
  while path.hasPrefix("./") { path = path.dropFirst(2).drop { $0 == "/" } }
  return String(path)
}
