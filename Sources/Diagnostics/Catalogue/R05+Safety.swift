/// `R05`: safety. The codes of the invariants S1 to S9 keep their numbers.
extension Code {
  package static let undefinedSubset = Code("R0501", "undefined-subset")
  package static let noReadyPods = Code("R0502", "no-ready-pods")
  package static let noRoute = Code("R0503", "no-route")
  package static let mixedReleases = Code("R0504", "mixed-releases")
  package static let strayTraffic = Code("R0505", "stray-traffic")
  package static let wrongPort = Code("R0506", "wrong-port")
  package static let tlsMismatch = Code("R0507", "tls-mismatch")
  package static let tooFewPods = Code("R0508", "too-few-pods")
  package static let stillInUse = Code("R0509", "still-in-use")
  package static let downtime = Code("R0511", "downtime")

  package static let safety: [Code] = [
    .undefinedSubset, .noReadyPods, .noRoute, .mixedReleases, .strayTraffic, .wrongPort, .tlsMismatch, .tooFewPods,
    .stillInUse, .downtime,
  ]
}

/// `R052` and `R053`: lints of YAML that somebody wrote, where the mesh does what nobody meant.
extension Code {
  package static let laneWithoutDefault = Code("R0521", "lane-without-default", .warning)
  package static let laneAcrossPorts = Code("R0522", "lane-across-ports", .warning)
  package static let orphanLane = Code("R0523", "orphan-lane", .warning)
  package static let shadowed = Code("R0524", "shadowed-object", .warning)
  package static let serviceSelector = Code("R0525", "service-selector", .warning)
  package static let lostSourceLabels = Code("R0526", "lost-source-labels", .warning)
  package static let lanesUnsupported = Code("R0527", "lanes-unsupported", .warning)
  package static let looseCookie = Code("R0528", "loose-cookie-match", .warning)
  package static let oddWeights = Code("R0529", "odd-weights", .warning)
  package static let noReadinessProbe = Code("R0530", "no-readiness-probe", .warning)
  package static let unquotedText = Code("R0531", "unquoted-text")
  package static let undeclaredProtocol = Code("R0532", "undeclared-protocol", .warning)

  package static let folders: [Code] = [
    .laneWithoutDefault, .laneAcrossPorts, .orphanLane, .shadowed, .serviceSelector, .lostSourceLabels,
    .lanesUnsupported, .looseCookie, .oddWeights, .noReadinessProbe, .unquotedText, .undeclaredProtocol,
  ]
}
