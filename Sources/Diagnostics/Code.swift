/// The stable name of a kind of diagnostic. A code is never reused.
///
/// Families: `R01` syntax, `R02` names, `R03` values and units, `R04` routing and order of steps, `R05` safety,
/// `R06` Kubernetes and Istio output, `R07` environments and secrets, `R08` rehearsals, `R09` style and edition,
/// `R85` what fails while a plan runs. Each family is one file under `Catalogue/`.
package struct Code: Hashable, Sendable {
  /// `R0202`.
  package let id: String
  /// `undeclared-cookie`: the name that `# rolloutc: allow SLUG -- reason` takes.
  package let slug: String
  package let severity: Severity

  package init(_ id: String, _ slug: String, _ severity: Severity = .error) {
    self.id = id
    self.slug = slug
    self.severity = severity
  }

  package static func == (a: Code, b: Code) -> Bool { a.id == b.id }

  package func hash(into hasher: inout Hasher) { hasher.combine(id) }
}
