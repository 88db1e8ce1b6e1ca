/// `R07`: environments and secrets.
extension Code {
  package static let secretInPlan = Code("R0701", "secret-in-plan", .warning)
  package static let environmentUnknownParameter = Code("R0702", "environment-unknown-parameter")

  static let environments: [Code] = [
    .secretInPlan, .environmentUnknownParameter,
  ]
}
