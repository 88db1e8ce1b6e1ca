import Pictures
import RequestTracing
import TestSupport
import Testing

struct GoldenTests {
  /// Plans of no particular sense, for what no plan of ours has: calls in a circle, several entries, shared components.
  @Test(arguments: [3, 17, 42] as [UInt64]) func randomPlans(_ seed: UInt64) {
    let moment = PlanMoment.any(seed: seed)
    let picture = GraphPicture(Survey(moment.mesh), title: "Plan \(seed)", subtitle: "made at random")
    Goldens.check(picture.svg, against: "Tests/Corpus/pictures/random-\(seed).svg")
  }
}
