import Diagnostics
import Lowering
import RolloutPlan
import SafetyChecks
import TestSupport
import Testing

/// The pages of the codes that only the proof can give: what they say is what the checker says.
@Suite struct PageTests {
  static let pages = Catalogue.pages.filter { $0.stage == .safety }

  private func codes(_ example: CodePage.Example) throws -> [Code] {
    let resolution = example.resolved()
    let plan = try #require(resolution.checked, "\(resolution.diagnostics.map(\.message))")
    let compiled = compile(plan)
    #expect(compiled.problems.isEmpty, "\(compiled.problems)")
    return resolution.allowances.filter(check(compiled, plan: plan).diagnostics).map(\.code)
  }

  @Test(arguments: pages) func theBadPlanEarnsTheCode(_ page: CodePage) throws {
    let found = try codes(page.bad)
    #expect(found.contains(page.code), "\(found.map(\.id))")
    // What goes astray in one state may be cut off when that state is left, so other invariants may be hurt as well.
    #expect(found.allSatisfy(Code.safety.contains), "\(found.map(\.id))")
  }

  @Test(arguments: pages) func theGoodPlanEarnsNothing(_ page: CodePage) throws {
    let found = try codes(page.good)
    #expect(found.isEmpty, "\(found.map(\.id))")
  }
}
