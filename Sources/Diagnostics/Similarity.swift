/// The candidate nearest to `word`, where it is near enough to be meant: an edit distance (Damerau's, with swaps of
/// neighbours) of at most a third of the longer word's length, and at least 1, or where only capitals differ. A tie is no
/// answer.
package func nearest(to word: String, in candidates: [String]) -> String? {
  let closest = closest(to: word, in: candidates)
  return closest.count == 1 ? closest[0] : nil
}

/// All candidates that are as near to `word` as the nearest one: an edit distance of at most a third of the length, with
/// one edit always allowed. Empty where none is that close.
package func closest(to word: String, in candidates: [String]) -> [String] {
  let scalars = Array(word.unicodeScalars)
  var best = (distance: Int.max, candidates: [String]())
  var seen: Set<String> = []
  let others = candidates.filter { $0 != word && $0.lowercased() == word.lowercased() }
  if let only = others.first, others.allSatisfy({ $0 == only }) { return [only] }
  for candidate in candidates where seen.insert(candidate).inserted && candidate != word {
    // The opposite of a word is no misspelling of it.
    if candidate == "un" + word || word == "un" + candidate { continue }
    let other = Array(candidate.unicodeScalars)
    let limit = max(1, max(scalars.count, other.count) / 3)
    if abs(scalars.count - other.count) > limit { continue }
    if min(scalars.count, other.count) < 2, limit >= max(scalars.count, other.count) { continue }
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
