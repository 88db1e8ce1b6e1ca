internal import ClusterAPI
internal import Lowering
internal import RegularExpressions
internal import RolloutPlan

/// An answer, as far as a `verify` looks at it. Headers are not in it, for they may hold what nobody else should see.
struct JudgedAnswer: Hashable {
  enum Content: Hashable {
    /// Its element's, or of the whole body.
    case text(String)
    case noElement
    /// The status alone decides.
    case ignored
  }

  var status: Int
  var content: Content
  /// Where a redirect leads, without its query.
  var location: String?
  /// `voting-app 2.0, by the routes of step 3 "Canary"`, as far as it is known.
  var source: String?
  var holds: Bool
}

/// Decides whether an answer is what a `verify` expects.
struct AnswerJudge {
  let plan: Plan
  let verification: Verification
  let probe: Probe
  private let request: ProbeRequest
  private let elementText: @Sendable (ProbeAnswer, String) throws(ProbeError) -> String?
  let expression: RegularExpression?

  init(
    _ plan: Plan, _ verification: Verification, _ request: ProbeRequest,
    elementText: @escaping @Sendable (ProbeAnswer, String) throws(ProbeError) -> String?
  ) {
    self.plan = plan
    self.verification = verification
    self.request = request
    self.elementText = elementText
    probe = plan.probes[verification.probe]
    switch verification.expectation {
    case .matches(let pattern, _): expression = try? RegularExpression(pattern)
    case .contains, .equals, .status: expression = nil
    }
  }

  func judged(_ answer: ProbeAnswer) throws(ProbeError) -> JudgedAnswer {
    var judged = JudgedAnswer(status: answer.status, content: .ignored, holds: false)
    judged.source = source(of: answer)
    if (300..<400).contains(answer.status), let location = answer.headers["Location"] {
      judged.location = String(location.prefix { $0 != "?" && $0 != "#" })
    }
    switch verification.expectation {
    case .status(let status):
      judged.holds = answer.status == status
      if !judged.holds { judged.content = content(ofError: answer) }
    case .matches, .contains, .equals:
      // A page that comes with an error, or that leads elsewhere, is not the page that was asked for.
      guard (200..<300).contains(answer.status) else {
        judged.content = content(ofError: answer)
        return judged
      }
      guard let text = try text(of: answer) else {
        judged.content = .noElement
        return judged
      }
      judged.content = .text(text)
      judged.holds = isExpected(text)
    }
    return judged
  }

  private func isExpected(_ text: String) -> Bool {
    switch verification.expectation {
    case .matches: expression?.isFound(in: text) ?? false
    case .contains(let part): part.isEmpty || text.utf8.firstRange(of: part.utf8) != nil
    // Bytes, not characters: what looks alike may be another text.
    case .equals(let whole): text.utf8.elementsEqual(whole.utf8)
    case .status: false
    }
  }

  private func text(of answer: ProbeAnswer) throws(ProbeError) -> String? {
    if let text = answer.text { return text }
    guard let element = probe.element else { return String(decoding: answer.body, as: UTF8.self) }
    return try elementText(answer, element)
  }

  /// A proxy says in plain text why it did not get an answer; a page of the application says nothing here.
  private func content(ofError answer: ProbeAnswer) -> JudgedAnswer.Content {
    guard answer.status >= 400, !answer.body.isEmpty,
      answer.headers["Content-Type"]?.lowercased().hasPrefix("text/plain") ?? false
    else { return .ignored }
    return .text(String(decoding: answer.body.prefix(500), as: UTF8.self))
  }

  private func source(of answer: ProbeAnswer) -> String? {
    let routes = answer.headers[stampHeader].flatMap { RouteOrigin($0, in: plan) }
    guard let version = answer.servedBy ?? routes?.version(for: request, in: plan) else { return nil }
    return routes.map { "\(version), by the routes of \($0.description(in: plan))" } ?? version
  }
}
