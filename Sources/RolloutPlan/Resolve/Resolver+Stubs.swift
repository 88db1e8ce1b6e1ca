import Diagnostics

/// Which stubs of a rehearsal some step asks. A stub that nothing asks covers nothing.
extension Resolver {
  /// What the steps and failure paths observe and deploy.
  struct Asked {
    var probes: Set<Int> = []
    var metrics: Set<Int> = []
    var approvals = false
    var deployed: Set<VersionID> = []
  }

  func whatIsAsked() -> Asked {
    var asked = Asked()
    for step in plan.steps {
      note(step.segments, in: &asked)
      note(step.onFailure, in: &asked)
    }
    note(plan.onFailure, in: &asked)
    return asked
  }

  private func note(_ failure: FailurePath?, in asked: inout Asked) {
    guard case .block(let block)? = failure else { return }
    for start in block.starts { note(start.segments, in: &asked) }
  }

  private func note(_ segments: [Segment], in asked: inout Asked) {
    for segment in segments {
      for (index, component) in segment.after.components.enumerated() {
        for deployed in component.deployed { asked.deployed.insert(VersionID(ComponentID(index), deployed.version)) }
      }
      for observation in segment.observations {
        switch observation.kind {
        case .verify(let verification): asked.probes.insert(verification.probe)
        case .verifyMetric(let metric, _): asked.metrics.insert(metric)
        case .hold(_, let metrics, _, _): asked.metrics.formUnion(metrics)
        case .approve: asked.approvals = true
        case .wait, .waitUntilReady, .pause: break
        }
      }
    }
  }

  func check(_ stub: RehearsalScript.Stub, at range: SourceRange, _ asked: Asked) {
    // A line with a fault may be the one that asks.
    guard !taint.everything, !stepTaint.everything, !hasWrongNames else { return }
    let problem: String?
    switch stub {
    case .answers(let version, let probe, _):
      problem =
        asked.probes.contains(probe) ? notDeployed(version, asked) : "no step verifies `\(plan.probes[probe].name)`"
    case .status(let version, _), .neverReady(let version): problem = notDeployed(version, asked)
    case .metric(let metric, _):
      problem = asked.metrics.contains(metric) ? nil : "no step looks at `\(plan.metrics[metric].name)`"
    case .approve: problem = asked.approvals ? nil : "no step waits for an approval"
    }
    if let problem { report(.stubNeverAsked(problem, at: range)) }
  }

  private func notDeployed(_ version: VersionID, _ asked: Asked) -> String? {
    asked.deployed.contains(version) || taint.covers(version.component)
      ? nil : "no step deploys `\(plan[version.component].name)` \(plan[version].name)"
  }
}

extension RehearsalScript.Stub {
  /// One question has one answer: the second could never be given.
  func isAbout(sameAs other: RehearsalScript.Stub) -> Bool {
    switch (self, other) {
    case (.approve, .approve): true
    case (.metric(let a, _), .metric(let b, _)): a == b
    case (.answers(let a, let probe, _), .answers(let b, let otherProbe, _)): a == b && probe == otherProbe
    case (.status(let a, _), .status(let b, _)): a == b
    case (.neverReady(let a), .neverReady(let b)): a == b
    case (.approve, _), (.metric, _), (.answers, _), (.status, _), (.neverReady, _): false
    }
  }
}

extension Diagnostic {
  static func stubNeverAsked(_ problem: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .stubNeverAsked, "nothing ever asks this stub: \(problem)", at: Label(range, "never used"),
      help: "remove it, or add the step that it is about")
  }
}
