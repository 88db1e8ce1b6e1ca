import ApplyEngine
import ClusterAPI
import Diagnostics
import RolloutPlan
import Synchronization
import TestSupport
import Testing

/// Answers one after another from a list, the last one for ever.
final class ScriptedProber: Prober {
  private let script: [Result<ProbeAnswer, ProbeError>]
  private let asked = Mutex<[ProbeRequest]>([])
  private let onAsk: @Sendable () -> Void

  init(_ script: [Result<ProbeAnswer, ProbeError>], onAsk: @escaping @Sendable () -> Void = {}) {
    self.script = script
    self.onAsk = onAsk
  }

  var requests: [ProbeRequest] { asked.withLock { $0 } }

  func answer(to request: ProbeRequest) async throws(ProbeError) -> ProbeAnswer {
    onAsk()
    let index = asked.withLock { asked in
      asked.append(request)
      return asked.count - 1
    }
    return try script[min(index, script.count - 1)].get()
  }
}

extension Result<ProbeAnswer, ProbeError> {
  static func text(_ text: String, from servedBy: String? = nil, step: String? = nil) -> Self {
    .page(200, text, headers: step.map { ["x-rollout-step": "shop/" + $0] } ?? [:], from: servedBy)
  }

  static func page(_ status: Int, _ body: String = "", headers: HTTPHeaders = [:], from servedBy: String? = nil) -> Self
  {
    .success(ProbeAnswer(status: status, headers: headers, body: Array(body.utf8), servedBy: servedBy))
  }

  static func error(_ message: String, isFinal: Bool = false) -> Self {
    .failure(ProbeError(message, isFinal: isFinal))
  }
}

struct VerifierTests {
  private static let text = """
    plan shop
    language 1

    expose web on port 80

    component web {
      image registry.example.com/web
      port 8080 http
      version 1.0, 2.0
    }

    cookie beta is preview
    header staff is x-team = web
    header ops is x-role = ops
    probe home is GET "/home?x=1"
    probe total is text of "#total" in GET / as cookie beta
    pattern number is 'Total: \\d+ EUR'

    step "Deploy 1.0" {
      deploy web 1.0
      verify home status 200
      verify home contains "Welcome"
      verify total number
      verify home equals "ok" 3 times within 10s as header staff
      verify home matches '^a.*z$' 2 times as header ops
    }

    step "Canary" {
      deploy web 2.0
      route web cookie beta -> 2.0
      verify home status 302 1 times as cookie beta
      route web 10% -> 2.0
      verify home contains "x"
    }
    """

  private static func plan() throws -> Plan {
    let resolution = resolve(path: "plan.rollout", bytes: Array(text.utf8))
    let plan = resolution.checked
    return try #require(plan, "\(resolution.diagnostics.map(\.message))")
  }

  private struct Outcome {
    var result: Result<String, VerifyFailure>
    var clock: ManualClock
    var prober: ScriptedProber
    var progress: [String]

    var holds: Bool { if case .success = result { true } else { false } }

    var text: String {
      switch result {
      case .success(let text): text
      case .failure(let failure):
        ([failure.message] + failure.notes + [failure.help].compactMap { $0 }).joined(separator: "\n")
      }
    }
  }

  /// Runs the `index`th verification of the plan.
  private func verify(
    _ index: Int, _ script: [Result<ProbeAnswer, ProbeError>], seconds perAnswer: Int = 0,
    elementText: @escaping @Sendable (ProbeAnswer, String) throws(ProbeError) -> String? = { answer, _ in
      answer.body.isEmpty ? nil : String(decoding: answer.body, as: UTF8.self)
    }
  ) async throws -> Outcome {
    let plan = try Self.plan()
    let verifications = plan.steps.flatMap(\.segments).flatMap(\.observations).compactMap { observation in
      if case .verify(let verification) = observation.kind { verification } else { nil }
    }
    let clock = ManualClock()
    let prober = ScriptedProber(script) { clock.advance(by: .seconds(perAnswer)) }
    var environment = RunEnvironment.idle(clock)
    environment.prober = prober
    environment.elementText = elementText
    let progress = Mutex<[String]>([])
    let verifier = Verifier(plan, environment: environment) { text in progress.withLock { $0.append(text) } }
    let result: Result<String, VerifyFailure>
    do throws(VerifyFailure) {
      result = .success(try await verifier.verify(verifications[index]))
    } catch {
      result = .failure(error)
    }
    return Outcome(result: result, clock: clock, prober: prober, progress: progress.withLock { $0 })
  }

  // MARK: - Rounds

  @Test func fiveGoodAnswersAreEnough() async throws {
    let outcome = try await verify(0, [.page(200)])
    #expect(outcome.text == "5 of 5 answers")
    #expect(outcome.prober.requests.count == 5 && outcome.clock.sleeps.isEmpty && outcome.progress.isEmpty)
    #expect(outcome.prober.requests[0].path == "/home?x=1" && outcome.prober.requests[0].visitor == nil)
    #expect(outcome.prober.requests[0].probe == 0 && outcome.prober.requests[0].method == "GET")
  }

  @Test func oneBadAnswerBeginsANewRound() async throws {
    let outcome = try await verify(0, [.page(200), .page(503), .page(200)])
    #expect(outcome.text == "5 of 5 answers")
    #expect(outcome.prober.requests.count == 10 && outcome.clock.sleeps == [.milliseconds(500)])
    #expect(outcome.progress == ["4 of 5 answers; asking again in 500 ms"])
  }

  /// Half a second, then twice as long each time, five seconds at most; and a last round when the time is over.
  @Test func pausesGrow() async throws {
    let outcome = try await verify(0, [.page(503)])
    let sleeps = outcome.clock.sleeps.map { $0 / Duration.milliseconds(1) }
    #expect(sleeps == [500, 1000, 2000, 4000] + Array(repeating: 5000, count: 10) + [2500])
    #expect(outcome.clock.now.offset == .seconds(60))
    #expect(
      outcome.text == """
        `home` does not answer with status 200
        expected: status 200
        5 of 5 answers: status 503
        asked: GET /home?x=1, 16 times in 1 min
        """)
  }

  /// An answer that is lost ends its round: nobody waits for four more of the same.
  @Test func noAnswerEndsARound() async throws {
    let outcome = try await verify(3, [.text("ok"), .error("10.0.0.1:80 refuses connections")])
    #expect(
      outcome.text == """
        `home` is "ok" in only 1 of 3 answers
        expected: "ok"
        1 of 1 answers: "ok"
        last error: 10.0.0.1:80 refuses connections
        asked: GET /home?x=1 as header x-team=web, 6 times in 10 s
        """)
  }

  @Test func nobodyAnswers() async throws {
    let outcome = try await verify(3, [.error("a refuses connections"), .error("b refuses connections")])
    #expect(
      outcome.text == """
        `home` gives no answer
        expected: "ok"
        last error: b refuses connections
        asked: GET /home?x=1 as header x-team=web, 6 times in 10 s
        `--gateway HOST:PORT` says where visitors come in
        """)
    guard case .failure(let failure) = outcome.result else { return }
    #expect(failure.code == .cannotAsk)
  }

  @Test func aFinalErrorEndsTheWait() async throws {
    let outcome = try await verify(0, [.error("the gateway has no address", isFinal: true)])
    #expect(outcome.text.contains("gives no answer") && outcome.text.contains("last error: the gateway has no address"))
    #expect(outcome.prober.requests.count == 1 && outcome.clock.sleeps.isEmpty)
  }

  /// The time is over in a round: a bad one ends there, a good one may finish.
  @Test func timeIsOverInARound() async throws {
    let good = try await verify(0, [.page(503), .page(200)], seconds: 10)
    #expect(good.text == "5 of 5 answers")
    #expect(good.prober.requests.count == 10)
    let bad = try await verify(0, [.page(503)], seconds: 25)
    #expect(bad.text.contains("3 of 3 answers: status 503") && bad.prober.requests.count == 3)
  }

  @Test func withoutAProber() async throws {
    let plan = try Self.plan()
    let verifier = Verifier(plan, environment: .idle(ManualClock())) { _ in }
    let verification = Verification(
      probe: 0, expectation: .status(200), count: 1, withinMilliseconds: 1, visitor: nil)
    let failure = await #expect(throws: VerifyFailure.self) { try await verifier.verify(verification) }
    #expect(failure?.code == .cannotAsk)
  }

  @Test func cancellingEndsTheWait() async throws {
    let plan = try Self.plan()
    var environment = RunEnvironment.idle(ManualClock())
    environment.prober = ScriptedProber([.page(503)]) { withUnsafeCurrentTask { $0?.cancel() } }
    let verifier = Verifier(plan, environment: environment) { _ in }
    let verification = Verification(
      probe: 0, expectation: .status(200), count: 5, withinMilliseconds: 60_000, visitor: nil)
    let failure = await #expect(throws: VerifyFailure.self) {
      try await Task { try await verifier.verify(verification) }.value
    }
    #expect(failure?.message == "`home` was not waited for any longer")
  }

  // MARK: - Visitors

  @Test func theProbesOwnVisitorAsks() async throws {
    let outcome = try await verify(2, [.text("Total: 3 EUR")])
    #expect(outcome.prober.requests[0].visitor == .cookie(key: "preview", value: nil))
    #expect(outcome.prober.requests[0].path == "/")
  }

  @Test func theVisitorOfTheLineWins() async throws {
    let outcome = try await verify(3, [.text("ok")])
    #expect(outcome.prober.requests[0].visitor == .header(key: "x-team", value: "web"))
    #expect(outcome.text == "3 of 3 answers")
    #expect(try await verify(4, [.text("abz")]).prober.requests[0].visitor == .header(key: "x-role", value: "ops"))
  }

  // MARK: - Expectations

  /// Found anywhere; `^` and `$` pin it to the ends of the text.
  @Test(arguments: [
    (1, "x Welcome y", true), (1, "welcome", false), (2, "Your Total: 12 EUR.", true), (2, "Total: EUR", false),
    (3, "ok", true), (3, "ok ", false), (4, "abz", true), (4, "abz\n", false), (4, "xabz", false), (4, "a\nz", false),
  ])
  func texts(_ index: Int, _ text: String, _ holds: Bool) async throws {
    let outcome = try await verify(index, [.text(text)])
    #expect(outcome.holds == holds, "\(outcome.text)")
  }

  /// The right words on the page of an error are not what was asked for.
  @Test func textsCountOnlyInGoodAnswers() async throws {
    let outcome = try await verify(1, [.page(500, "Welcome", headers: ["Content-Type": "text/html"])])
    #expect(outcome.text.contains("5 of 5 answers: status 500\n"), "\(outcome.text)")
    #expect(try await verify(1, [.page(206, "Welcome")]).text == "5 of 5 answers")
  }

  @Test func redirectsAreNotFollowed() async throws {
    let there: HTTPHeaders = ["Location": "https://id.example.com/login?state=s3cret#x"]
    let outcome = try await verify(1, [.page(302, "Welcome", headers: there)])
    #expect(
      outcome.text == """
        `home` does not contain "Welcome"
        expected: a text with "Welcome" in it
        5 of 5 answers: status 302, to https://id.example.com/login; redirects are not followed
        asked: GET /home?x=1, 16 times in 1 min
        probe the page that visitors end up at, or verify the status itself
        """)
    #expect(try await verify(5, [.page(302, headers: there)]).text == "1 of 1 answers")
  }

  // MARK: - What came back

  @Test func eachDifferentAnswerOnce() async throws {
    let outcome = try await verify(
      1,
      [
        .text("Welcome back", from: "web 1.0"), .text("Bye", from: "web 2.0"), .text("Welcome back", from: "web 1.0"),
        .page(503, "upstream connect error", headers: ["Content-Type": "text/plain"]), .text("Bye", from: "web 2.0"),
        .error("gone", isFinal: true),
      ])
    #expect(
      outcome.text == """
        `home` contains "Welcome" in only 2 of 5 answers
        expected: a text with "Welcome" in it
        2 of 5 answers: "Bye", from web 2.0
        1 of 5 answers: status 503, "upstream connect error"
        2 of 5 answers: "Welcome back", from web 1.0
        last error: gone
        asked: GET /home?x=1, 2 times in 500 ms
        """)
    #expect(outcome.progress == ["2 of 5 answers, from web 1.0; asking again in 500 ms"])
  }

  @Test func theDifferingPlaceIsShown() async throws {
    let number = try await verify(2, [.text("Your Total: 12 USD, and more")])
    #expect(
      number.text.contains(#"5 of 5 answers: "Your Total: 12 " fits, then "USD, and more" does not"#), "\(number.text)")
    let short = try await verify(2, [.text("Total: 12")])
    #expect(short.text.contains(#""Total: 12" fits, then the text ends"#), "\(short.text)")
    let equal = try await verify(3, [.text("okay")])
    #expect(equal.text.contains(#"answers: "okay""#), "two letters in common are chance: \(equal.text)")
    let part = try await verify(1, [.text("One Welc\u{e9}me")])
    #expect(part.text.contains(#""One Welc" fits, then "éme" does not"#), "\(part.text)")
    #expect(try await verify(1, [.text("")]).text.contains("5 of 5 answers: an empty text"))
    #expect(try await verify(2, [.page(200)]).text.contains(##"no element "#total" in the page"##))
  }

  @Test func longAndOddTexts() async throws {
    let long = try await verify(3, [.text("a\u{1B}[31m\n" + String(repeating: "x", count: 5000))])
    #expect(long.text.contains("answers: \"a[31m\\n" + String(repeating: "x", count: 112) + "…\""), "\(long.text)")
    #expect(long.text.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x0A })
    let many = try await verify(1, (0..<5).map { .text("answer \($0)") } + [.error("end", isFinal: true)])
    #expect(many.text.contains("1 of 5 answers: \"answer 4\"") && !many.text.contains("other answers"))
  }

  /// Headers may hold what nobody else should see, and never reach a message.
  @Test func noHeaderIsShown() async throws {
    let secret: HTTPHeaders = [
      "Set-Cookie": "session=hunter2", "Authorization": "Bearer hunter2", "X-Api-Key": "hunter2",
      "Content-Type": "text/plain",
    ]
    for index in 0..<6 {
      for answer in [.page(403, "no", headers: secret), .page(200, "x", headers: secret)]
        as [Result<ProbeAnswer, ProbeError>]
      {
        let outcome = try await verify(index, [answer])
        #expect(!outcome.text.contains("hunter2") && !outcome.progress.contains { $0.contains("hunter2") })
      }
    }
  }

  // MARK: - Versions

  /// The stamp of the routes by which an answer came tells who served it.
  @Test func versionsByTheStamp() async throws {
    let old = try await verify(5, [.page(200, headers: ["x-rollout-step": "shop/01-deploy-1-0"])])
    #expect(
      old.text.contains(#"1 of 1 answers: status 200, from web 1.0, by the routes of step 1 "Deploy 1.0""#),
      "\(old.text)")
    let new = try await verify(5, [.page(200, headers: ["x-rollout-step": "shop/02-canary/1"])])
    #expect(
      new.text.contains(#"1 of 1 answers: status 200, from web 2.0, by the routes of step 2 "Canary""#), "\(new.text)")
    let shared = try await verify(1, [.text("no", step: "02-canary/2")])
    #expect(shared.text.contains(#"from web 2.0 or 1.0, by the routes of step 2 "Canary""#), "\(shared.text)")
    let foreign = try await verify(5, [.page(200, headers: ["x-rollout-step": "shop/07-other"])])
    #expect(!foreign.text.contains("from"), "\(foreign.text)")
    let known = try await verify(1, [.text("no", from: "web 2.0", step: "02-canary/2")])
    #expect(known.text.contains(#""no", from web 2.0, by the routes of step 2 "Canary""#), "\(known.text)")
  }

  @Test func whoServedWhatHolds() async throws {
    let outcome = try await verify(
      6, [.text("x", from: "web 1.0"), .text("x", from: "web 2.0"), .text("x", from: "web 1.0")])
    #expect(outcome.text == "5 of 5 answers: 4 from web 1.0, 1 from web 2.0")
    #expect(try await verify(1, [.text("Welcome", from: "web 1.0")]).text == "5 of 5 answers, from web 1.0")
  }
}
