import Foundation
import TestSupport
import Testing

/// The plans out of the table of statements are what they are said to be.
struct GrownPlanTests {
  /// What no plan of them has, and why.
  static let missing: Set<String> = []

  @Test("nothing of the table is missing in them") func coverage() {
    let count = ProcessInfo.processInfo.environment["ROLLOUTC_GROWN"].flatMap(UInt64.init) ?? 600
    var parts: Set<String> = []
    var plans = 0
    for seed in 0..<count {
      let grown = GrownPlan(seed: seed)
      if grown.plan == nil { continue }
      plans += 1
      parts.formUnion(grown.parts)
    }
    print("\(plans) of \(count) plans check")
    #expect(plans > Int(count) * 3 / 4)
    #expect(GrownPlan.allParts.subtracting(parts).sorted() == Self.missing.sorted())
  }
}
