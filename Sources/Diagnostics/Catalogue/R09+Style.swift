/// `R09`: style and edition.
extension Code {
  package static let missingLanguage = Code("R0901", "missing-language", .warning)
  package static let allowWithoutReason = Code("R0902", "allow-without-reason", .warning)
  package static let unknownSlug = Code("R0903", "unknown-slug", .warning)
  package static let unknownDirective = Code("R0904", "unknown-directive", .warning)
  package static let unusedAllow = Code("R0905", "unused-allow", .warning)

  static let style: [Code] = [
    .missingLanguage, .allowWithoutReason, .unknownSlug, .unknownDirective, .unusedAllow,
  ]
}
