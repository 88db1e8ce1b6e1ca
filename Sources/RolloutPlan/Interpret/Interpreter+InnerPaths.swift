import Diagnostics

/// Lines within others: `expose basket … path /basket` beside `expose shop …`. Istio asks the routes of both in the order of
/// their age, and only one for everything comes last. So rules of the outer line leave the inner path out from the beginning,
/// and while nobody answers there the outer one's default does.
extension Interpreter {
  /// Visitors whom the outer line tells apart are not told apart below a path at which nobody answers yet.
  func checkInnerPaths(_ changes: [Change]) {
    if taint.everything || state.components.isEmpty { return }
    for (outer, inner) in innerLines where !taint.covers(outer.component) && !taint.covers(inner.component) {
      guard !isAnswering(inner.component, in: state), isAnswering(outer.component, in: state),
        let cause = changes.last(where: { $0.components.contains(outer.component) })
          ?? changes.last(where: { $0.components.contains(inner.component) })
      else { continue }
      let found: Diagnostic
      let name = plan[inner.component].name
      if outer.path == "/" {
        guard tellsApart(state.components[outer.component.index]) else { continue }
        found = .innerPathApart(
          name, path: inner.path, outer: plan[outer.component].name, at: cause.range, exposed: inner.range)
      } else {
        // Whatever the line says leaves the inner path out; the one for everything around it does not.
        guard let around = widest(around: inner), around.component != outer.component else { continue }
        found = .innerPathTaken(
          name, path: inner.path, by: plan[around.component].name, notBy: plan[outer.component].name, at: cause.range,
          exposed: inner.range)
      }
      if saidInnerPaths.insert(inner.range).inserted { report(found) }
    }
  }

  /// Whoever asks for the paths of `id` is answered by the lines around them once it is gone.
  func isAnsweredAround(_ id: ComponentID, in goal: State) -> Bool {
    let lines = plan.exposures.lines(of: id)
    return !lines.isEmpty
      && lines.allSatisfy { widest(around: $0).map { isAnswering($0.component, in: goal) } ?? false }
  }

  /// The line around `inner` that is for every path, and takes what no other one does.
  private func widest(around inner: Exposure) -> Exposure? {
    plan.exposures.lines(beside: inner).first {
      $0.path == "/" && $0.leavesOut(inner) && !$0.isTCP(plan[$0.component])
    }
  }

  private func isAnswering(_ id: ComponentID, in state: State) -> Bool {
    guard state.components.indices.contains(id.index) else { return false }
    let component = state.components[id.index]
    return component.entry?.targets.contains(where: component.isServing) ?? false
  }

  /// Somebody gets another version than everybody else, or is kept by a cookie where several are dealt out.
  private func tellsApart(_ component: ComponentState) -> Bool {
    guard component.isPinned, let entry = component.entry else { return false }
    let rest = Set(entry.withoutRules)
    return entry.rules.contains { rest != [$0.version] && component.isServing($0.version) }
      || rest.count > 1 && entry.shares.contains { $0.stickyMilliseconds != nil }
  }
}

extension Diagnostic {
  fileprivate static func innerPathApart(
    _ inner: String, path: String, outer: String, at range: SourceRange, exposed: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .innerPathApart, "nobody answers at `\(path)` yet, and rules of `\(outer)` do not hold there",
      at: Label(range, "below `\(path)` visitors get what everybody else gets"),
      secondary: [Label(exposed, "the path of `\(inner)`")],
      notes: ["rules of the outer line leave an inner path out, and while nobody answers there the default does"],
      help: "deploy `\(inner)` before this line, or wait with it until everybody is led to one version of `\(outer)`")
  }

  fileprivate static func innerPathTaken(
    _ inner: String, path: String, by around: String, notBy outer: String, at range: SourceRange, exposed: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .innerPathApart, "nobody answers at `\(path)` yet: `\(around)` takes these visitors, and not `\(outer)`",
      at: Label(range, "from here on"), secondary: [Label(exposed, "the path of `\(inner)`")],
      notes: ["a line of a path of its own leaves an inner path out altogether"],
      help: "deploy `\(inner)` before this line, or together with `\(outer)`")
  }
}
