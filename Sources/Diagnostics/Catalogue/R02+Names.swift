/// `R02`: names: what is not declared, or declared twice.
extension Code {
  package static let unknownComponent = Code("R0201", "unknown-component")
  package static let undeclaredCookie = Code("R0202", "undeclared-cookie")
  package static let unknownVersion = Code("R0203", "unknown-version")
  package static let unknownRelease = Code("R0204", "unknown-release")
  package static let unknownHeader = Code("R0205", "unknown-header")
  package static let unknownProbe = Code("R0206", "unknown-probe")
  package static let unknownPattern = Code("R0207", "unknown-pattern")
  package static let unknownMetric = Code("R0208", "unknown-metric")
  package static let unknownSecret = Code("R0209", "unknown-secret")
  package static let unknownSecretKey = Code("R0210", "unknown-secret-key")
  package static let unknownParameter = Code("R0211", "unknown-parameter")
  package static let unknownEnvironment = Code("R0212", "unknown-environment")
  package static let unknownStep = Code("R0213", "unknown-step")
  package static let duplicateName = Code("R0214", "duplicate-name")
  package static let missingFile = Code("R0215", "missing-file")
  package static let includeCycle = Code("R0216", "include-cycle")
  package static let includeOutside = Code("R0217", "include-outside-root")
  package static let includeNotDeclaration = Code("R0218", "include-not-declaration")
  package static let duplicateSetting = Code("R0219", "duplicate-setting")
  package static let parameterNameTaken = Code("R0220", "parameter-name-taken")
  package static let duplicateMember = Code("R0221", "duplicate-member")
  package static let parameterCircle = Code("R0222", "parameter-circle")

  static let names: [Code] = [
    .unknownComponent, .undeclaredCookie, .unknownVersion, .unknownRelease, .unknownHeader, .unknownProbe,
    .unknownPattern, .unknownMetric, .unknownSecret, .unknownSecretKey, .unknownParameter, .unknownEnvironment,
    .unknownStep, .duplicateName, .missingFile, .includeCycle, .includeOutside, .includeNotDeclaration,
    .duplicateSetting, .parameterNameTaken, .duplicateMember, .parameterCircle,
  ]
}
