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
