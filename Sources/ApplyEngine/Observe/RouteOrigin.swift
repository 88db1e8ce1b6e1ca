internal import Lowering
internal import RegularExpressions
internal import RolloutPlan

/// Which part of a plan made the routes by which an answer came, from the stamp in it.
struct RouteOrigin {
  private let step: Int
  /// Nil for a way back or a failure block: what its routes were depends on where the step broke off.
  private let segment: Int?

  /// - Parameter text: what the header says. Nil where it is not of this plan.
  init?(_ text: String, in plan: Plan) {
    let prefix = stampHeaderText("", namespace: plan.namespace)
    guard text.hasPrefix(prefix) else { return nil }
    let stamp = String(text.dropFirst(prefix.count))
    for step in plan.steps where stamp == step.folder || stamp.hasPrefix(step.folder + "/") {
      self.step = step.index
      segment = step.segments.indices.first { step.stamp(ofSegment: $0) == stamp }
      return
    }
    return nil
  }

  /// `step 3 "Canary 2.0 for flagged users"`.
  func description(in plan: Plan) -> String {
    (segment == nil ? "the way back from " : "") + "step \(step + 1) \"\(plan.steps[step].name)\""
  }

  /// Who serves a request by these routes: `voting-app 2.0`, or several behind a share.
  func version(for request: ProbeRequest, in plan: Plan) -> String? {
    guard let segment else { return nil }
    let state = plan.steps[step].segments[segment].after
    let component = request.component
    guard state.components.indices.contains(component.index), let table = state.components[component.index].entry
    else { return nil }
    let versions = table.versions(for: request.visitor)
    if versions.isEmpty { return nil }
    return "\(plan[component].name) "
      + versions.map { plan[component].versions[$0].name }.joined(separator: " or ")
  }
}

extension RouteTable {
  /// The versions that may serve a visitor: one, unless shares decide.
  func versions(for visitor: Selector?) -> [Int] {
    if let visitor, let rule = rules.first(where: { $0.selector.takes(visitor) }) { return [rule.version] }
    var versions: [Int] = []
    var shared = 0
    for share in shares {
      versions.append(share.version)
      shared += share.percent
    }
    if shared < 100, let fallback, !versions.contains(fallback) { versions.append(fallback) }
    return versions
  }
}
