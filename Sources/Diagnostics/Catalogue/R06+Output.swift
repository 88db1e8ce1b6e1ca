/// `R06`: what Kubernetes or Istio cannot take, or would take badly.
extension Code {
  package static let nameTooLong = Code("R0601", "name-too-long")
  package static let nameCollision = Code("R0602", "name-collision")
  package static let mutableImageTag = Code("R0603", "mutable-image-tag", .warning)
  package static let portWithoutProtocol = Code("R0604", "port-without-protocol", .warning)
  package static let unknownServicePort = Code("R0605", "unknown-service-port", .warning)
  package static let missingImage = Code("R0606", "missing-image")
  package static let sameImageForVersions = Code("R0607", "same-image-for-versions", .warning)
  package static let missingPort = Code("R0608", "missing-port")
  package static let protocolClash = Code("R0609", "protocol-clash")
  package static let sharedVolume = Code("R0610", "shared-volume")
  package static let secretInManifest = Code("R0611", "secret-in-manifest")
  package static let badManifest = Code("R0612", "bad-manifest")
  package static let patchWithoutTarget = Code("R0613", "patch-without-target")
  package static let exposeNeedsTLS = Code("R0614", "expose-needs-tls")
  package static let exposeConflict = Code("R0615", "expose-conflict")
  package static let protectedField = Code("R0616", "protected-field")
  package static let reservedPort = Code("R0617", "reserved-port", .warning)
  package static let noVersions = Code("R0618", "no-versions")
  package static let serverFirstPlaintext = Code("R0619", "server-first-plaintext", .warning)
  package static let notFollowed = Code("R0620", "not-followed", .warning)
  package static let tlsEndsEarly = Code("R0621", "tls-ends-early")
  package static let guessedPort = Code("R0622", "guessed-port", .warning)
  package static let unknownField = Code("R0623", "unknown-field", .warning)

  static let output: [Code] = [
    .nameTooLong, .nameCollision, .mutableImageTag, .portWithoutProtocol, .unknownServicePort, .missingImage,
    .sameImageForVersions, .missingPort, .protocolClash, .sharedVolume, .secretInManifest, .badManifest,
    .patchWithoutTarget, .exposeNeedsTLS, .exposeConflict, .protectedField, .reservedPort, .noVersions,
    .serverFirstPlaintext, .notFollowed, .tlsEndsEarly, .guessedPort, .unknownField,
  ]
}
