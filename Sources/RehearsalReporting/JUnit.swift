internal import ApplyEngine
internal import Diagnostics
internal import Rehearsal
internal import RolloutPlan

/// The rehearsals for pipelines: a suite for each, with a case for each step, each thing that was looked at and each
/// expectation. What a block expects to fail, and does, is no failure.
extension RehearsalReport {
  package var junit: String {
    let suites = results.map(suite) + (storm.map { [suite($0)] } ?? [])
    var xml = Markup()
    xml.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
    let cases = suites.flatMap(\.cases)
    xml.element(
      "testsuites",
      [
        "name": "rehearsal of \(plan.name)", "tests": "\(cases.count)",
        "failures": "\(cases.count { $0.verdict.isFailure })",
      ]
    ) { root in for suite in suites { write(suite, &root) } }
    return xml.text
  }

  private func suite(_ result: RehearsalResult) -> JUnitSuite {
    var suite = JUnitSuite(name: name(of: result), time: result.duration)
    let isAsExpected = result.unmet.isEmpty && script(of: result) != nil
    for step in result.steps(of: plan) {
      let problem = result.result.failure.map { JUnitVerdict($0.diagnostic) } ?? .failed("the step failed", "")
      let time = step.begin.flatMap { begin in step.end.map { $0 - begin } }
      let verdict: JUnitVerdict =
        switch step.status {
        case .done, .undone: .passed
        case .failed: isAsExpected ? .passed : problem
        case .notReached: .skipped("not reached")
        }
      suite.add("steps", stepWords(step.index), time, verdict)
      for observation in step.observations {
        suite.add(
          stepWords(step.index), observation.text, nil,
          observation.holds || isAsExpected ? .passed : .failed(observation.result, ""))
      }
    }
    for expectation in expectations(of: result) {
      suite.add("expectations", expectation.words, nil, expectation.problem.map { JUnitVerdict($0) } ?? .passed)
    }
    let failures = result.traffic.failures.map { failure in
      "\(clock(seconds(failure.moment))) \(failure.visitor): \(failure.status.map { "\($0)" } ?? "no answer") "
        + "\(failure.flag) at \(failure.hop)"
    }
    suite.add(
      "requests", "every visitor is served", nil,
      result.traffic.failed == 0
        ? .passed
        : .failed(
          "\(counted(result.traffic.failed, "request")) of \(result.traffic.requests) failed",
          failures.joined(separator: "\n")))
    return suite
  }

  private func suite(_ storm: Chaos.Report) -> JUnitSuite {
    var suite = JUnitSuite(name: "chaos", time: nil)
    // The others are told fault by fault.
    for run in storm.runs where !storm.faults.contains(where: { $0.kind == run.kind }) {
      suite.add("runs", "\(run.kind.rawValue), \(counted(run.count, "run"))", nil, .passed)
    }
    for fault in storm.faults { suite.add(stepWords(fault.step), fault.name, nil, .failed(fault.message, "")) }
    return suite
  }

  private func write(_ suite: JUnitSuite, _ root: inout Markup) {
    root.element(
      "testsuite",
      [
        "name": suite.name, "tests": "\(suite.cases.count)",
        "failures": "\(suite.cases.count { $0.verdict.isFailure })",
        "skipped": "\(suite.cases.count { $0.verdict.isSkipped })", "time": xmlSeconds(suite.time ?? .zero),
      ]
    ) { element in
      for entry in suite.cases {
        element.element(
          "testcase",
          [
            "classname": "\(plan.name).\(suite.name).\(entry.group)", "name": entry.name,
            "time": xmlSeconds(entry.time ?? .zero),
          ]
        ) { testcase in
          switch entry.verdict {
          case .passed: break
          case .skipped(let reason): testcase.empty("skipped", ["message": reason])
          case .failed(let message, let text):
            testcase.element("failure", ["message": message]) { failure in
              for line in text.split(separator: "\n") {
                failure.write(String(line))
                failure.raw("\n")
              }
            }
          }
        }
      }
    }
  }
}

private enum JUnitVerdict {
  case passed
  case skipped(String)
  /// A message, and more lines.
  case failed(String, String)

  init(_ diagnostic: Diagnostic) {
    self = .failed(diagnostic.message, diagnostic.notes.joined(separator: "\n"))
  }

  var isFailure: Bool { if case .failed = self { true } else { false } }
  var isSkipped: Bool { if case .skipped = self { true } else { false } }
}

private struct JUnitSuite {
  struct Case {
    var group: String
    var name: String
    var time: Duration?
    var verdict: JUnitVerdict
  }

  var name: String
  var time: Duration?
  private(set) var cases: [Case] = []

  init(name: String, time: Duration?) {
    self.name = name
    self.time = time
  }

  mutating func add(_ group: String, _ name: String, _ time: Duration?, _ verdict: JUnitVerdict) {
    cases.append(Case(group: group, name: name, time: time, verdict: verdict))
  }
}

/// `12.345`
private func xmlSeconds(_ duration: Duration) -> String {
  let milliseconds = Int((seconds(duration) * 1000).rounded())
  let rest = "\(milliseconds % 1000)"
  return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - rest.count) + rest
}
