package import Diagnostics
package import RolloutPlan

/// Which statement an object is written for.
package struct Origins: Sendable {
  package enum Aspect: Sendable {
    case workload, routing, exposure
  }

  private let plan: Plan
  private let changes: [Change]
  private let byComponent: [Int: [Int]]

  /// `changes` are those of the segment; without any, objects come from their declarations.
  package init(_ plan: Plan, changes: [Change]) {
    self.plan = plan
    self.changes = changes
    var byComponent: [Int: [Int]] = [:]
    for (c, change) in changes.enumerated() {
      for component in change.components { byComponent[component.index, default: []].append(c) }
    }
    self.byComponent = byComponent
  }

  /// The statement about this component that fits the object best, else the first of the segment (the object follows
  /// from what that statement did to a caller or a callee), else the declaration.
  package func of(_ component: Int, _ aspect: Aspect) -> SourceRange {
    let declaration =
      component < plan.components.count ? plan.components[component].nameRange : plan.nameRange
    if aspect == .exposure { return plan.exposure(of: ComponentID(component))?.range ?? declaration }
    guard let own = byComponent[component] else { return changes.first?.range ?? declaration }
    let best = own.first { fits(changes[$0].kind, aspect) } ?? own.first
    return best.map { changes[$0].range } ?? declaration
  }

  package func mtls() -> SourceRange {
    changes.first { $0.kind == .mtls }?.range ?? plan.meshRange
  }

  private func fits(_ kind: Change.Kind, _ aspect: Aspect) -> Bool {
    switch (kind, aspect) {
    case (.deploy, .workload), (.retire, .workload): true
    case (.route, .routing), (.unroute, .routing), (.shift, .routing), (.mirror, .routing): true
    default: false
    }
  }
}
