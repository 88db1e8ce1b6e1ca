/// `R852`: what is looked at before the first write.
extension Code {
  package static let missingRight = Code("R8520", "missing-right")
  package static let missingHelp = Code("R8521", "missing-help", .warning)
  package static let missingKind = Code("R8522", "missing-kind")
  package static let namespaceUnusable = Code("R8523", "namespace-unusable")
  package static let notInjected = Code("R8524", "not-injected", .warning)
  package static let secretMissing = Code("R8525", "secret-missing")
  package static let quotaShort = Code("R8526", "quota-short", .warning)
  package static let webhookInTheWay = Code("R8527", "webhook-in-the-way", .warning)
  package static let outsideLimits = Code("R8528", "outside-limits")
  package static let routeBeside = Code("R8529", "route-beside", .warning)
  package static let gatewayUnusable = Code("R8530", "gateway-unusable")
  package static let withoutProxy = Code("R8531", "without-proxy", .warning)
  package static let cutOff = Code("R8532", "cut-off")

  static let preflight: [Code] = [
    .missingRight, .missingHelp, .missingKind, .namespaceUnusable, .notInjected, .secretMissing, .quotaShort,
    .webhookInTheWay, .outsideLimits, .routeBeside, .gatewayUnusable, .withoutProxy, .cutOff,
  ]
}
