/// `R08`: rehearsals.
extension Code {
  package static let stubNeverAsked = Code("R0801", "stub-never-asked", .warning)

  static let rehearsals: [Code] = [
    .stubNeverAsked
  ]
}
