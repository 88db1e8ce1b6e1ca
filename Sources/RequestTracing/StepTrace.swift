internal import KubernetesModel
package import Lowering
internal import SafetyChecks

/// Where a request goes before a step, and from each phase on that changes it.
package struct StepTrace: Sendable {
  package struct Place: Hashable, Sendable {
    /// Counted from 0.
    package var segment: Int
    package var phase: Int
    package var kind: PhaseKind
  }

  package struct Change: Sendable {
    /// Once this phase has come through.
    package var place: Place
    package var trace: Trace
  }

  package var before: Trace
  package var changes: [Change]
  package var after: Trace { changes.last?.trace ?? before }

  /// Does the writes of `step` in `mesh`, and looks after each phase.
  package init(_ request: TracedRequest, _ step: CompiledStep, _ mesh: inout MeshSnapshot) {
    before = Trace(request, in: mesh)
    changes = []
    for (s, segment) in step.segments.enumerated() {
      for (p, phase) in segment.phases.enumerated() {
        mesh.apply(phase)
        guard phase.writes.contains(where: { $0.id.isMeshObject }) else { continue }
        let trace = Trace(request, in: mesh)
        if trace.goesTheSameWay(as: after) { continue }
        changes.append(Change(place: Place(segment: s, phase: p, kind: phase.kind), trace: trace))
      }
    }
  }
}
