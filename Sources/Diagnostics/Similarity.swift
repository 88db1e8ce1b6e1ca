/// The candidate nearest to `word`, where it is near enough to be meant: an edit distance (Damerau's, with swaps of
/// neighbours) of at most a third of the longer word's length, and at least 1, or where only capitals differ. A tie is no
/// answer.
///
/// - Parameter allowsOne: one edit is always near enough. Names that somebody made up are often short, and another one that
///   differs by a sign is no misspelling: `c1` and `c2`.
package func nearest(to word: String, in candidates: [String], allowsOne: Bool = true) -> String? {
  let closest = closest(to: word, in: candidates, allowsOne: allowsOne)
  return closest.count == 1 ? closest[0] : nil
}

/// All candidates that are as near to `word` as the nearest one: an edit distance of at most a third of the length, with
/// one edit allowed to any if asked for. Empty where none is that close.
package func closest(to word: String, in candidates: [String], allowsOne: Bool = true) -> [String] {
  let scalars = Array(word.unicodeScalars)
  var best = (distance: Int.max, candidates: [String]())
  var seen: Set<String> = []
  let lowercased = word.lowercased()
  let isASCII = word.utf8.allSatisfy { $0 < 0x80 }
  let others = candidates.filter { candidate in
    // Small letters of ASCII are as long as its capitals.
    if candidate.utf8.count != word.utf8.count, isASCII, candidate.utf8.allSatisfy({ $0 < 0x80 }) { return false }
    return candidate != word && candidate.lowercased() == lowercased
  }
  if let only = others.first, others.allSatisfy({ $0 == only }) { return [only] }
  let opposite = "un" + word
  let isOpposite = word.hasPrefix("un")
  for candidate in candidates {
    let count = candidate.unicodeScalars.count
    let limit = max(allowsOne ? 1 : 0, max(scalars.count, count) / 3)
    if abs(scalars.count - count) > limit { continue }
    if min(scalars.count, count) < 2, limit >= max(scalars.count, count) { continue }
    // The opposite of a word is no misspelling of it.
    if candidate == word || candidate == opposite || isOpposite && word == "un" + candidate { continue }
    guard seen.insert(candidate).inserted else { continue }
    let other = Array(candidate.unicodeScalars)
    let distance = editDistance(scalars, other)
    guard distance <= limit else { continue }
    if distance < best.distance { best = (distance, []) }
    if distance == best.distance { best.candidates.append(candidate) }
  }
  return best.candidates
}

/// Optimal string alignment distance: insertions, deletions, substitutions, and swaps of neighbours cost 1 each.
package func editDistance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
  if a.isEmpty { return b.count }
  if b.isEmpty { return a.count }
  var before = [Int](repeating: 0, count: b.count + 1)
  var previous = Array(0...b.count)
  var current = [Int](repeating: 0, count: b.count + 1)
  for i in 1...a.count {
    current[0] = i
    for j in 1...b.count {
      let cost = a[i - 1] == b[j - 1] ? 0 : 1
      current[j] = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost)
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
        current[j] = min(current[j], before[j - 2] + 1)
      }
    }
    (before, previous, current) = (previous, current, before)
  }
  return previous[b.count]
}
