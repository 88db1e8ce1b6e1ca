/// `R05`: safety. The codes of the invariants S1 to S9 keep their numbers.
extension Code {
  package static let downtime = Code("R0511", "downtime")

  static let safety: [Code] = [.downtime]
}
