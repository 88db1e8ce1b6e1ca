internal import ApplyEngine
package import Diagnostics
package import Lowering
package import Rehearsal
package import RolloutPlan

/// Everything that a report of rehearsals is made from. The same report gives the same bytes: all times are those of the
/// rehearsals' own clocks.
package struct RehearsalReport: Sendable {
  let plan: Plan
  let compiled: Compiled
  let sources: SourceSet
  let results: [RehearsalResult]
  let storm: Chaos.Report?
  let coverage: RehearsalCoverage?
  private let lines: [LineMap]

  package init(
    plan: Plan, compiled: Compiled, sources: SourceSet, results: [RehearsalResult], storm: Chaos.Report? = nil,
    coverage: RehearsalCoverage? = nil
  ) {
    self.plan = plan
    self.compiled = compiled
    self.sources = sources
    self.results = results
    self.storm = storm
    self.coverage = coverage
    lines = sources.files.map(LineMap.init)
  }

  var isGood: Bool { results.allSatisfy(\.isAsExpected) && storm?.faults.isEmpty != false }
  var requests: Int { results.reduce(0) { $0 + $1.traffic.requests } }
  var failedRequests: Int { results.reduce(0) { $0 + $1.traffic.failed } }

  func script(of result: RehearsalResult) -> RehearsalScript? { plan.rehearsals.first { $0.name == result.script } }

  /// `All goes well`; where the plan has no rehearsal block, what is rehearsed is the plan.
  func name(of result: RehearsalResult) -> String { result.script ?? "The plan as it is" }

  /// `plans/aks-voting.rollout:84`
  func place(_ range: SourceRange) -> String {
    guard let file = sources[range.file] else { return "" }
    return "\(file.path):\(lines[Int(range.file.index)].line(at: range.start))"
  }

  /// The plan's own words, on one line.
  func words(_ range: SourceRange) -> String {
    guard let file = sources[range.file], Int(range.end) <= file.bytes.count, range.start < range.end else { return "" }
    return String(decoding: file.bytes[Int(range.start)..<Int(range.end)], as: UTF8.self)
      .split { $0 == " " || $0.isNewline }.joined(separator: " ")
  }
}

/// One line of a rehearsal block that says what must come of it, and how that turned out.
struct Expectation {
  var words: String
  /// Nil where it was met.
  var problem: Diagnostic?
}

extension RehearsalReport {
  /// Where the plan says nothing, all is to go well.
  func expectations(of result: RehearsalResult) -> [Expectation] {
    guard let script = script(of: result) else {
      return [Expectation(words: "everything goes well", problem: result.result.failure?.diagnostic)]
    }
    if script.expectations.isEmpty { return [Expectation(words: "expect done", problem: result.unmet.first)] }
    return script.expectations.map { expectation in
      Expectation(
        words: words(expectation.range), problem: result.unmet.first { $0.primary.range == expectation.range })
    }
  }
}

extension RehearsalResult {
  /// What its block says came of it, and no visitor met an error.
  var isAsExpected: Bool {
    traffic.failed == 0 && unmet.isEmpty && (script != nil || result.failure == nil)
  }

  /// `done`, `rolled back`
  var outcomeWords: String { result.outcome.rawValue.replacing("-", with: " ") }
}

func counted(_ count: Int, _ noun: String) -> String { "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")" }

/// `12,480`
func grouped(_ number: Int) -> String {
  let digits = Array("\(number)")
  return String(
    digits.enumerated().flatMap { place, digit in
      place > 0 && (digits.count - place).isMultiple(of: 3) ? [",", digit] : [digit]
    })
}
