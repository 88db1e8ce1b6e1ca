import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan

/// Where each document of a review comes from, while the review is written from the first step to the last.
struct ReviewLines {
  private let review: Review
  private var routing: RoutingLines
  /// The step and the segment that come next.
  private var next = (step: 0, segment: 0)

  init(review: Review) {
    self.review = review
    routing = RoutingLines(review.compiled.renderer)
  }

  /// Follows the plan up to and with this segment; -1 is the start of the step.
  mutating func advance(to step: Int, segment: Int) {
    while (next.step, next.segment) <= (step, segment) {
      let segments = review.plan.steps[next.step].segments
      if next.segment < segments.count {
        routing.advance(over: segments[next.segment])
        next.segment += 1
      } else {
        next = (next.step + 1, 0)
      }
    }
  }

  /// The line that the object is written for, then the others that made what it says.
  func places(_ id: ObjectID, _ origin: SourceRange) -> [String] {
    var places = [review.place(origin)]
    for range in routing.of(id, writtenFor: origin) {
      let place = review.place(range)
      if !places.contains(place) { places.append(place) }
    }
    return places
  }

  /// `# shop.rollout:20`, and below it `# also shop.rollout:17`.
  static func comments(_ places: [String]) -> [String] {
    places.enumerated().map { i, place in i == 0 ? "# \(place)" : "# also \(place)" }
  }
}
