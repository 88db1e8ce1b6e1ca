import Diagnostics

/// Lines within others: `expose basket … path /basket` beside `expose shop …`. Istio asks the routes of both in the order of
/// their age, and only one for everything comes last. So rules of the outer line leave the inner path out from the beginning,
/// and while nobody answers there the outer one's default does.
extension Interpreter {
  /// Visitors whom the outer line tells apart are not told apart below a path at which nobody answers yet.
  func checkInnerPaths(_ changes: [Change]) {
    guard !innerLines.isEmpty, !taint.everything, !state.components.isEmpty else { return }
    for (outer, inner) in innerLines {
      let (outerLine, innerLine) = (plan.exposures[outer], plan.exposures[inner])
      if taint.covers(outerLine.component) || taint.covers(innerLine.component) { continue }
      guard !isAnswering(innerLine.component, in: state), isAnswering(outerLine.component, in: state),
        let cause = changes.last(where: { $0.components.contains(outerLine.component) })
          ?? changes.last(where: { $0.components.contains(innerLine.component) })
      else { continue }
      let component = state.components[outerLine.component.index]
      let names = (outer: plan[outerLine.component].name, inner: plan[innerLine.component].name)
      if outerLine.path != "/" {
        // Whatever the line says leaves the inner path out; the one for everything around it does not.
        guard let around = widest(around: innerLine), around.component != outerLine.component,
          saidInnerPaths.insert(inner).inserted
        else { continue }
        report(
          .innerPathTaken(
            names.inner, path: innerLine.path, by: plan[around.component].name, notBy: names.outer, at: cause.range,
            exposed: innerLine.range))
      } else if component.isPinned, let entry = component.entry,
        entry.rules.contains(where: { entry.weighted != [$0.version] && component.isServing($0.version) })
          || entry.weighted.count > 1 && entry.shares.contains(where: { $0.stickyMilliseconds != nil }),
        saidInnerPaths.insert(inner).inserted
      {
        report(
          .innerPathApart(
            names.inner, path: innerLine.path, outer: names.outer, at: cause.range, exposed: innerLine.range))
      }
    }
  }

  /// Whoever asks for the paths of `id` is answered by the lines around them once it is gone.
  func isAnsweredAround(_ id: ComponentID, in goal: State) -> Bool {
    let lines = plan.exposures.filter { $0.component == id }
    return !lines.isEmpty && !innerLines.isEmpty
      && lines.allSatisfy { line in
        guard let around = widest(around: line), around.component != id else { return false }
        return isAnswering(around.component, in: goal)
      }
  }

  /// The line around `inner` that is for every path, and takes what no other one does.
  private func widest(around inner: Exposure) -> Exposure? {
    plan.exposures.first { $0.path == "/" && $0.leavesOut(inner) && !$0.isTCP(plan[$0.component]) }
  }

  private func isAnswering(_ id: ComponentID, in state: State) -> Bool {
    guard state.components.indices.contains(id.index) else { return false }
    let component = state.components[id.index]
    return component.entry?.targets.contains(where: component.isServing) ?? false
  }
}

extension RouteTable {
  /// The versions that everybody gets who is not told apart.
  fileprivate var weighted: Set<Int> {
    Set(shares.lazy.filter { $0.percent > 0 }.map(\.version)).union(fallback.map { [$0] } ?? [])
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
