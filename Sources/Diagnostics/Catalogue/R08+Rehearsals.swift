/// `R08`: rehearsals.
extension Code {
  package static let stubNeverAsked = Code("R0801", "stub-never-asked", .warning)
  package static let unmetExpectation = Code("R0802", "unmet-expectation")
  package static let failedRequests = Code("R0803", "failed-requests")

  static let rehearsals: [Code] = [
    .stubNeverAsked, .unmetExpectation, .failedRequests,
  ]
}
