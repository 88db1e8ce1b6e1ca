package import Diagnostics
package import RolloutPlan

/// Which statement an object is written for.
package struct Origins: Sendable {
  package enum Aspect: Sendable {
    case workload, routing, subsets, exposure
    /// How many pods a workload has: who says a number is meant, and not who takes it away afterwards.
    case scale
  }

  private let plan: Plan
  private let changes: [Change]
  private let byComponent: [Int: [Own]]
  /// The first change of a caller, for components that no change is about.
  private let byCallee: [Int: Int]

  /// A change as one component sees it: of what it names, the versions of that component.
  private struct Own {
    var change: Int
    var kind: Change.Kind
    var range: SourceRange
    var versions: [Int]
  }

  /// `changes` are those of the segment; without any, objects come from their declarations.
  package init(_ plan: Plan, changes: [Change]) {
    self.plan = plan
    self.changes = changes
    var byComponent: [Int: [Own]] = [:]
    var byCallee: [Int: Int] = [:]
    func note(callees version: ComponentVersion, _ change: Int) {
      for callee in version.calls where byCallee[callee.index] == nil { byCallee[callee.index] = change }
    }
    for (c, change) in changes.enumerated() {
      let named = change.versionsByComponent
      for component in change.components where byComponent[component.index]?.last?.change != c {
        let versions = named[component.index] ?? []
        byComponent[component.index, default: []].append(
          Own(change: c, kind: change.kind, range: change.range, versions: versions))
      }
      if change.versions.isEmpty {
        for component in change.components { for version in plan[component].versions { note(callees: version, c) } }
      } else {
        for version in change.versions { note(callees: plan[version], c) }
      }
    }
    self.byComponent = byComponent
    self.byCallee = byCallee
  }

  /// The statement about this component that fits the object best, the last about one of its `versions` before all; else
  /// the one that changes a caller of it, from which the object follows; else the first of the segment; else the
  /// declaration.
  package func of(_ component: Int, _ aspect: Aspect, versions: [Int] = []) -> SourceRange {
    let declaration =
      component < plan.components.count ? plan.components[component].nameRange : plan.nameRange
    if aspect == .exposure { return plan.exposure(of: ComponentID(component))?.range ?? declaration }
    guard let own = byComponent[component] else {
      return (byCallee[component].map { changes[$0] } ?? changes.first)?.range ?? declaration
    }
    // Asked for every write of every way back: nothing is allocated.
    var fitting: Int?
    var exact: Int?
    for i in own.indices where fits(own[i].kind, aspect) {
      if fitting == nil { fitting = i }
      guard own[i].versions.contains(where: versions.contains) else { continue }
      if aspect == .scale, own[i].kind == .retire, let exact, own[exact].kind == .deploy { continue }
      exact = i
    }
    return own[exact ?? fitting ?? own.startIndex].range
  }

  package func mtls() -> SourceRange {
    changes.first { $0.kind == .mtls }?.range ?? plan.meshRange
  }

  private func fits(_ kind: Change.Kind, _ aspect: Aspect) -> Bool {
    switch (kind, aspect) {
    case (.deploy, .workload), (.retire, .workload), (.deploy, .scale), (.retire, .scale), (.deploy, .subsets),
      (.retire, .subsets):
      true
    case (.route, .routing), (.unroute, .routing), (.shift, .routing), (.mirror, .routing): true
    default: false
    }
  }
}
