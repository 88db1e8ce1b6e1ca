import Diagnostics

/// Failure blocks: what each of them does from every place where it may begin. They come when all steps are known.
extension Interpreter {
  func path(_ failure: ResolvedFailure, covering indices: [Int]) -> FailurePath {
    switch failure {
    case .rollback: return .rollback
    case .block(let statements, let range):
      let (before, shifts) = (diagnostics, openShifts)
      var starts: [FailureStart] = []
      var findings = BlockFindings()
      for index in indices {
        rollbackLimit = index
        for k in steps[index].segments.indices { begin(statements, in: index, k, &starts, &findings) }
      }
      (diagnostics, openShifts, rollbackLimit) = (before, shifts, nil)
      for diagnostic in findings.all { report(diagnostic) }
      return .block(FailureBlock(range: range, starts: starts))
    }
  }

  /// From the end of segment `k` of a step, and from its middle.
  private func begin(
    _ statements: [StepStatement], in index: Int, _ k: Int, _ starts: inout [FailureStart],
    _ findings: inout BlockFindings
  ) {
    let step = steps[index]
    let segment = step.segments[k]
    func block(from start: State, dialed: [Call: Set<Int>]) -> (made: [Segment], found: [Diagnostic]) {
      (state, dialedPorts, diagnostics, missed) = (start, dialed, [], [])
      let made = segments(of: statements, stepStart: step.before, stepName: step.name)
      return (made, diagnostics)
    }
    func start(_ segments: [Segment], isBroken: Bool) -> FailureStart {
      FailureStart(place: .init(step: index, segments: k + 1, isBroken: isBroken), segments: segments)
    }
    let whole = block(from: segment.after, dialed: dialedIn[index][k + 1])
    // When the last segment has come through, and nothing is observed behind it, nothing of the step can fail any more.
    if k + 1 < step.segments.count || !segment.observations.isEmpty {
      starts.append(start(whole.made, isBroken: false))
      findings.add(whole.found, when: step.name)
    }
    if segment.changes.isEmpty { return }
    let broken = block(from: segment.before, dialed: dialedIn[index][k])
    // It leads back in any case, be there nothing that the block does or looks at first.
    let isLed = broken.made.first.map { !$0.changes.isEmpty || !$0.observations.isEmpty } ?? false
    let undo = Segment(before: segment.after, after: segment.before, changes: [])
    starts.append(start(isLed ? broken.made : [undo] + broken.made, isBroken: true))
    findings.add(broken.found, orAfter: whole.found, when: step.name)
  }
}

/// What is found about the lines of a failure block, from all of its starts.
///
/// What a block may not do is wrong from whichever start it is found. That a line has nothing to do is wrong only if it
/// never has: from an early start there is often less to undo.
private struct BlockFindings {
  private struct Line: Hashable {
    var code: Code
    var range: SourceRange

    init(_ diagnostic: Diagnostic) {
      code = diagnostic.code
      range = diagnostic.primary.range
    }
  }

  private var starts: [(step: String, diagnostics: [Diagnostic])] = []
  /// Lines about something that is not there, or is so already, from the middle of a segment and from its end.
  private var pointless: [Line: Int] = [:]
  private var middles: [(step: String, diagnostics: [Diagnostic])] = []

  /// What is found about a line where what it speaks of is not there, or is so already.
  private static let aboutOtherPlaces: Set<Code> = [
    .routeToUndeployed, .waitForUndeployed, .nothingToRetire, .nothingToUnroute, .noEffect,
  ]

  mutating func add(_ found: [Diagnostic], when step: String) { starts.append((step, found)) }

  /// From the middle of a segment: the block is for the state before it. A line about what the segment brings, or about what
  /// was so before it, is for other places.
  ///
  /// - Parameter after: what is found from the segment's end.
  mutating func add(_ found: [Diagnostic], orAfter after: [Diagnostic], when step: String) {
    let idle = found.filter { Self.aboutOtherPlaces.contains($0.code) }
    for line in Set(idle.map(Line.init)).intersection(after.map(Line.init)) { pointless[line, default: 0] += 1 }
    middles.append((step, idle))
    add(found.filter { !Self.aboutOtherPlaces.contains($0.code) }, when: step)
  }

  /// Each line's once.
  var all: [Diagnostic] {
    var counts: [Line: Int] = [:]
    for start in starts { for line in Set(start.diagnostics.map(Line.init)) { counts[line, default: 0] += 1 } }
    var seen: Set<Line> = []
    var all: [Diagnostic] = []
    func say(_ diagnostic: Diagnostic, when step: String) {
      guard seen.insert(Line(diagnostic)).inserted else { return }
      var diagnostic = diagnostic
      // The same line can be right after one step and wrong after another.
      if diagnostic.severity == .error { diagnostic.notes.append("this is so when the step `\(step)` fails") }
      all.append(diagnostic)
    }
    for (step, diagnostics) in starts {
      for diagnostic in diagnostics {
        let isIdle = diagnostic.severity == .warning || [.nothingToRetire, .nothingToUnroute].contains(diagnostic.code)
        if !isIdle || counts[Line(diagnostic)] == starts.count { say(diagnostic, when: step) }
      }
    }
    for (step, diagnostics) in middles {
      for diagnostic in diagnostics where pointless[Line(diagnostic)] == middles.count { say(diagnostic, when: step) }
    }
    return all
  }
}
