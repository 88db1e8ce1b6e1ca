package import Diagnostics
internal import KubernetesModel
package import MeshModel
internal import RolloutPlan

/// What a check of folders looked at.
package struct FolderCoverage: Hashable, Sendable {
  package var flows = 0
  package var configurations = 0
  package var changes = 0
}

/// What is known about folders besides what is in them.
package struct FolderCheckOptions: Sendable {
  package var mesh: MeshOptions
  /// Who should be served by what; nil: nobody says it.
  package var intent: FolderIntent?
  /// That claims may be deleted, and what is on them.
  package var mayDeleteVolumes: Bool

  package init(mesh: MeshOptions = MeshOptions(), intent: FolderIntent? = nil, mayDeleteVolumes: Bool = false) {
    self.mesh = mesh
    self.intent = intent
    self.mayDeleteVolumes = mayDeleteVolumes
  }
}

/// Whether every request that was served stays so while the objects of one folder become those of the next.
///
/// Nothing says in which order they are written, and a mesh learns of them in any order anyway. So each object may be
/// held as it was or as it will be, whatever the others are, and the pods that come and go may be ready or not. What
/// stands then is looked at once more by itself: some of what is odd about it costs nobody a request yet.
package func check(
  folders stages: [FolderStage], options: FolderCheckOptions = FolderCheckOptions()
) -> (diagnostics: [Diagnostic], coverage: FolderCoverage) {
  var diagnostics: [Diagnostic] = []
  var coverage = FolderCoverage()
  var said: Set<String> = []
  for (n, (before, after)) in zip(stages, stages.dropFirst()).enumerated() {
    var change = FolderChange(before, after, number: n, options)
    change.judge()
    var found = change.findings
    for lint in FolderLints(change.after).all {
      if lint.object.allowed.contains(lint.code.slug) { continue }
      // What a request fails of is said once: the lint says why.
      var isExplained = false
      for i in found.indices where lint.explains(found[i]) {
        if !isExplained { found[i].diagnostic.notes.append("because \(lint.message)") }
        isExplained = true
      }
      if !isExplained, said.insert("\(lint.code.id) \(lint.message)").inserted {
        found.append(FolderFinding(diagnostic: lint.diagnostic))
      }
    }
    found += change.unfollowed.map { FolderFinding(diagnostic: $0) }
    diagnostics += found.map(\.diagnostic).inReadingOrder
    coverage.flows += change.flows.count
    coverage.configurations += change.configurations
    coverage.changes += change.count
  }
  return (diagnostics, coverage)
}

/// A diagnostic, and what it is about where lints look for it.
struct FolderFinding {
  var diagnostic: Diagnostic
  /// The full name of the service at which a request failed.
  var host: String?
}
