/// Every code, by family. A new family file adds its list here.
package enum Catalogue {
  package static let codes: [Code] =
    Code.syntax + Code.names + Code.values + Code.routing + Code.safety + Code.folders + Code.output
    + Code.environments + Code.rehearsals + Code.style + Code.running + Code.preflight

  package static func code(slug: String) -> Code? { codes.first { $0.slug == slug } }

  /// `R0202`, in any case, or a slug.
  package static func code(named name: String) -> Code? {
    let upper = name.uppercased()
    return codes.first { $0.id == upper } ?? code(slug: name)
  }
}

extension Code {
  /// A lint can be silenced in place with a reason; so can what fails for a while, or for good, where
  /// somebody has thought about it: downtime, and a port that nobody is to call any more. Errors cannot.
  package var canBeAllowed: Bool { severity == .warning || [.downtime, .portGone, .failedRequests].contains(self) }

  /// The comment that silences it, as it is written in a plan.
  package var allowance: String { "# rolloutc: allow \(slug) -- REASON" }
}
