extension Course {
  /// Where it leads, in a few words; `names` are those of all steps.
  package func words(_ names: [String]) -> String {
    switch self {
    case .forward(let steps):
      if steps == 0, !names.isEmpty { return "at the start" }
      return steps >= names.count ? "all \(names.count) steps" : "up to \(stepWords(steps - 1, names))"
    case .rollback(_, let steps), .leaveBlock(_, _, let steps), .leaveRollback(_, _, _, let steps):
      return steps == 0 ? "back to the start" : "back to what stood after \(stepWords(steps - 1, names))"
    case .block: return "through the `on failure` block"
    }
  }
}

/// `step 2, Canary`
package func stepWords(_ index: Int, _ names: [String]) -> String {
  names.indices.contains(index) ? "step \(index + 1), \(names[index])" : "step \(index + 1)"
}
