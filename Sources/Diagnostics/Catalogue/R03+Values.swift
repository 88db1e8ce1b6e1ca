/// `R03`: values and units: the right shape, and a value that cannot be.
extension Code {
  package static let badName = Code("R0301", "bad-name")
  package static let badVersion = Code("R0302", "bad-version")
  package static let badNumber = Code("R0303", "bad-number")
  package static let badPercent = Code("R0304", "bad-percent")
  package static let badDuration = Code("R0305", "bad-duration")
  package static let badSize = Code("R0306", "bad-size")
  package static let badCPU = Code("R0307", "bad-cpu")
  package static let badPath = Code("R0308", "bad-path")
  package static let badImage = Code("R0309", "bad-image")
  package static let badHost = Code("R0310", "bad-host")
  package static let badEnvName = Code("R0311", "bad-env-name")
  package static let badRegex = Code("R0312", "bad-regex")
  package static let badCookieValue = Code("R0313", "bad-cookie-value")
  package static let badPort = Code("R0314", "bad-port")
  package static let badStatus = Code("R0315", "bad-status")
  package static let metricUnit = Code("R0316", "metric-unit")
  package static let unsupportedEdition = Code("R0317", "unsupported-edition")
  package static let parameterType = Code("R0318", "parameter-type")
  package static let levelsDoNotRise = Code("R0319", "levels-do-not-rise")
  package static let badYAML = Code("R0320", "bad-yaml")
  package static let badKey = Code("R0321", "bad-key")
  package static let badMethod = Code("R0322", "bad-method")
  package static let visitorNeedsValue = Code("R0323", "visitor-needs-value")
  package static let portOfIsAmbiguous = Code("R0324", "port-of-is-ambiguous")
  package static let probeNeedsComponent = Code("R0325", "probe-needs-component")
  package static let badKind = Code("R0326", "bad-kind")
  package static let badSelector = Code("R0327", "bad-selector")

  static let values: [Code] = [
    .badName, .badVersion, .badNumber, .badPercent, .badDuration, .badSize, .badCPU, .badPath, .badImage, .badHost,
    .badEnvName, .badRegex, .badCookieValue, .badPort, .badStatus, .metricUnit, .unsupportedEdition, .parameterType,
    .levelsDoNotRise, .badYAML, .badKey, .badMethod, .visitorNeedsValue, .portOfIsAmbiguous, .probeNeedsComponent,
    .badKind, .badSelector,
  ]
}
