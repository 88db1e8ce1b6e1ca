extension RegularExpression {
  /// Where `text` comes nearest to a match: the longest part, the first of several, that some match could begin with.
  /// For showing a person at which character it went wrong. Takes time in the square of the text.
  package func longestAttempt(in text: [UInt8]) -> Range<Int> {
    var best = 0..<0
    for start in text.indices {
      var simulation = Simulation(program, after: start == 0 ? .edge : program.neighbor(text[start - 1]))
      var end = start
      while end < text.count, simulation.advance(over: text[end]) { end += 1 }
      if end - start > best.count { best = start..<end }
      // Nothing that begins later can be longer.
      if end == text.count { break }
    }
    return best
  }
}
