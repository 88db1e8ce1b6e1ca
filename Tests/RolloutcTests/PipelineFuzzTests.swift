import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import RolloutPlan
import RolloutSyntax
import SafetyChecks
import TestSupport
import Testing
import YAMLCoding

@testable import rolloutc

/// Whatever the plan, the whole way ends in diagnostics or in output: resolve, states, writes, the check of every moment,
/// the review in each form, the steps, and the formatter.
@Suite struct PipelineFuzzTests {
  /// Plans that say a lot with little: the check of a large one takes longer than it tells.
  static let plans = CorpusFile.all(in: "Tests/Corpus/resolve", ending: "rollout")

  @Test(arguments: [0, 1, 2, 3]) func mutatedPlans(_ part: Int) {
    var mutator = Mutator(seed: SeededGenerator.seed &+ 21 &+ UInt64(part))
    for plan in Self.plans.enumerated().filter({ $0.offset % 4 == part }).map(\.element) {
      for bytes in [plan.bytes] + (0..<3).map({ _ in mutator.mutated(plan.bytes) }) {
        expectLaws(bytes, plan.path)
      }
    }
  }

  /// Random steps below sound declarations. A line that the plan refuses is left out, so that long courses come about.
  @Test(arguments: RandomSteps.heads.indices) func randomSteps(_ head: Int) {
    var steps = RandomSteps(seed: SeededGenerator.seed &+ 31 &+ UInt64(head))
    var reached = 0
    for _ in 0..<12 {
      let bytes = steps.plan(head: head, lines: 14)
      if expectLaws(bytes, "plan.rollout") { reached += 1 }
    }
    #expect(reached >= 10, "hardly any plan came through")
  }

  private static let loader = FileLoader { path in
    Goldens.bytes(path).map { .success($0) } ?? .failure(FileError("no such file"))
  }

  /// - Returns: whether it came to writes.
  @discardableResult
  private func expectLaws(_ bytes: [UInt8], _ path: String) -> Bool {
    let resolution = resolve(path: path, bytes: bytes, loader: Self.loader)
    let context = "(seed \(SeededGenerator.seed)) \(path)\n\(String(decoding: bytes, as: UTF8.self))"
    guard let plan = resolution.checked else {
      if !resolution.diagnostics.hasErrors { Issue.record("no plan, and no error \(context)") }
      return false
    }
    let compiled = compile(plan)
    let report = check(compiled, plan: plan)
    for diagnostic in report.diagnostics where resolution.sources[diagnostic.primary.range.file] == nil {
      Issue.record("\(diagnostic.code.id) points nowhere \(context)")
    }
    let review = Review(
      plan: plan, compiled: compiled, sources: resolution.sources, steps: Array(plan.steps.indices))
    expectReview(review, compiled, context)
    let table = StepTable(plan: plan, compiled: compiled, review: review).text
    for step in plan.steps where !table.contains("\n\(step.index + 1)  ") {
      Issue.record("no step \(step.index + 1) \(context)")
    }
    expectFormatted(resolution, context)
    return compiled.steps.contains { !$0.segments.isEmpty }
  }

  /// What is printed reads back as the objects that were meant.
  private func expectReview(_ review: Review, _ compiled: Compiled, _ context: String) {
    do {
      let writes = compiled.steps.flatMap(\.segments).flatMap(\.phases).flatMap(\.writes)
      let stream = try parseYAML(Array(review.yaml(state: false).joined()))
      if stream != writes.compactMap(\.object) { Issue.record("the YAML reads back as something else \(context)") }
      let standing = try parseYAML(Array(review.yaml(state: true).joined()))
      let images = review.steps.flatMap { review.image(after: $0).entries.map(\.object) }
      if standing != images { Issue.record("the state's YAML reads back as something else \(context)") }
      for state in [false, true] {
        _ = try JSONSerialization.jsonObject(with: Data(review.json(state: state)))
      }
    } catch {
      Issue.record("the output cannot be read: \(error) \(context)")
    }
    for object in compiled.end.image.entries.map(\.object) {
      if object.hasNull { Issue.record("a null in \(object) \(context)") }
      if object["kind"]?.string == "Secret", object["data"] != nil || object["stringData"] != nil {
        Issue.record("data of a Secret \(context)")
      }
    }
  }

  /// The formatted plan means the same.
  private func expectFormatted(_ resolution: Resolution, _ context: String) {
    guard resolution.sources.files.count == 1, let file = resolution.sources.files.first else { return }
    guard let once = formatted(parse(file)) else {
      Issue.record("a plan without errors is not formatted \(context)")
      return
    }
    let again = resolve(path: file.path, bytes: once, loader: Self.loader)
    let words = { (resolution: Resolution) in
      resolution.checked.map { plan in
        compile(plan).steps.flatMap(\.segments).flatMap(\.phases).flatMap(\.writes).map(\.object)
      }
    }
    if words(again) != words(resolution) { Issue.record("formatting changes what the plan means \(context)") }
  }
}

extension Value {
  fileprivate var hasNull: Bool {
    switch self {
    case .null: true
    case .array(let items): items.contains(where: \.hasNull)
    case .object(let fields): fields.entries.contains { $0.value.hasNull }
    default: false
    }
  }
}

/// Steps at random, of statements that could stand there.
private struct RandomSteps {
  var random: SeededGenerator

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private static let components = """
    component web {
      image web
      port 8080 http
      calls api
      version 1, 2, 3
    }
    component api {
      image api
      port 8080 http
      calls store
      version 1, 2, 3
    }
    component store {
      image store
      version 1 {
        port 6379 redis
      }
      version 2 {
        port 3306 mysql
        volume data 1Gi at /data
      }
      version 3 {
        port 6379 redis
      }
    }
    component job {
      image job
      port 9000 tcp
      calls store
      version 1, 2
    }
    cookie beta is beta = on
    header agent is user-agent matches '.*Firefox.*'
    probe home is GET /
    metric good is istio success-rate at least 99%
    """

  private static let releases = """
    release r1 {
      web 1
      api 1
      store 1
    }
    release r2 {
      web 2
      api 2 -> 3
      store 2
    }
    release r3 {
      web 3
      store 3
    }
    """

  /// Without releases, with them, with open routing, and with failure paths.
  static let heads = [
    "plan p\nlanguage 1\nmesh istio mtls permissive\nexpose web on port 80\n" + components + "\n",
    "plan p\nlanguage 1\nmesh istio mtls strict\nexpose web on port 80\n"
      + components.replacing("port 9000 tcp\n  calls store", with: "port 9000 tcp") + "\n" + releases + "\n",
    "plan p\nlanguage 1\nrouting open\nexpose web on port 80\n" + components + "\n",
    "plan p\nlanguage 1\nexpose web on port 80 path /app\non failure rollback\n" + components + "\n",
  ]

  mutating func plan(head: Int, lines: Int) -> [UInt8] {
    var text = Self.heads[head]
    var inStep = 0
    for number in 0..<lines * 2 {
      let line = statement(hasReleases: head == 1)
      let opens = inStep == 0 && random.chance(0.6)
      let closes = inStep > 0 && random.chance(0.3)
      let added = (opens ? "step \"s\(number)\" {\n" : "") + "\(line)\n" + (closes ? "}\n" : "")
      let depth = inStep + (opens ? 1 : 0) - (closes ? 1 : 0)
      let tried = text + added
      let found = resolve(path: "plan.rollout", bytes: Array((tried + (depth > 0 ? "}\n" : "")).utf8))
      if found.diagnostics.hasErrors { continue }
      (text, inStep) = (tried, depth)
    }
    return Array((text + (inStep > 0 ? "}\n" : "")).utf8)
  }

  private mutating func statement(hasReleases: Bool) -> String {
    let component = random.pick(["web", "web", "api", "store", "job"])
    let version = random.pick(["1", "2", "3"])
    let visitor = random.pick(["cookie beta", "cookie other=1", "header agent", "header x-user=ann"])
    switch random.below(16) {
    case 0, 1, 2:
      return hasReleases && random.chance(0.7)
        ? "deploy release \(random.pick(["r1", "r2", "r3"]))" : "deploy \(component) \(version)"
    case 3: return "deploy \(component) \(version) replicas \(random.below(4))"
    case 4, 5: return "route \(component) all -> \(version)"
    case 6: return "route \(component) \(random.pick([0, 10, 50, 100]))% -> \(version)"
    case 7: return "route \(component) \(visitor) -> \(version)"
    case 8: return "unroute \(component) \(visitor)"
    case 9: return "mirror \(component) \(random.pick([0, 10]))% -> \(version)"
    case 10:
      return "shift \(component) -> \(version) through 10%, \(random.pick([50, 100]))% every 1m"
        + random.pick(["", " while good", " sticky for 1h"])
    case 11, 12:
      return
        (hasReleases && random.chance(0.5)
        ? "retire \(random.pick(["r1", "r2", "r3"]))" : "retire \(component) \(version)")
        + (random.chance(0.3) ? " with volumes" : "")
    case 13: return random.pick(["wait 1m", "approve \"go on?\"", "pause", "wait until \(component) \(version) ready"])
    case 14:
      return random.pick(["verify home status 200", "verify home contains x as cookie beta", "verify good for 1m"])
    default: return random.pick(["rollback", "rollback to start", "mtls strict", "mtls off", "mtls permissive"])
    }
  }
}
