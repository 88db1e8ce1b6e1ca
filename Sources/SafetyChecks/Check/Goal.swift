internal import RolloutPlan

/// What states say about who is to reach what, with the answers kept: each phase asks about every flow that some request
/// takes, and states change little from one to the next.
struct Goal {
  let intent: Intent
  let states: [IntentAnswers]

  /// The fewest replicas that one of the states has.
  func replicas(_ version: Int) -> Int {
    var least = Int.max
    for state in states { least = min(least, state.replicas[version]) }
    return states.isEmpty ? 0 : least
  }

  /// No state leads the flow to anything.
  func isEmpty(_ f: Int) -> Bool { states.allSatisfy { $0.leadsNowhere(f) } }

  /// Each state leads the flow to versions that have pods.
  func answers(_ f: Int) -> Bool {
    states.allSatisfy { state in
      let targets = state.outcome(of: f).targets
      return !targets.isEmpty && targets.allSatisfy { state.replicas[$0] > 0 }
    }
  }

  /// Each state in which the caller has pods leads it somewhere.
  func hasAnswer(_ f: Int, of caller: Int) -> Bool {
    states.allSatisfy { $0.replicas[caller] == 0 || !$0.leadsNowhere(f) }
  }

  /// Some state leads the flow where the outcome of that number says, and says nothing else.
  func says(_ number: Int32, of f: Int) -> Bool { states.contains { $0.number(of: f) == number } }

  /// A version to which the flow is to lead and that is not among `targets`; nil where one of the states is content.
  func missing(_ f: Int, in targets: [Int]) -> Int? {
    var missing: Int?
    for state in states {
      guard let first = state.outcome(of: f).targets.first(where: { !targets.contains($0) }) else { return nil }
      missing = first
    }
    return missing
  }

  /// Some state leads the flow to `version`.
  func leads(_ f: Int, to version: Int) -> Bool { states.contains { $0.outcome(of: f).targets.contains(version) } }
}

/// What one state says, worked out for a flow when somebody asks.
final class IntentAnswers {
  let intent: IntentOfState
  /// By version.
  let replicas: [Int]
  private let model: FlowModel
  private let table: OutcomeTable
  /// By flow: where the state leads it, as the number of an outcome; -1: not known yet.
  private var numbers: [Int32]

  /// `near` says the same of every component that is the same in both states.
  init(_ intent: IntentOfState, _ model: FlowModel, _ table: OutcomeTable, near: IntentAnswers?) {
    self.intent = intent
    self.model = model
    self.table = table
    var numbers: [Int32]
    var replicas: [Int]
    if let near, near.intent.defaultRelease == intent.defaultRelease {
      (numbers, replicas) = (near.numbers, near.replicas)
    } else {
      numbers = [Int32](repeating: -1, count: model.flows.count)
      replicas = near?.replicas ?? [Int](repeating: 0, count: model.versions.count)
    }
    for c in model.plan.components.indices {
      let component = intent.component(c)
      if component == near?.intent.component(c) { continue }
      for f in model.flowsInto[c] { numbers[f] = -1 }
      let first = model.firstVersion[c]
      for v in model.plan.components[c].versions.indices {
        let count = component?.deployment(of: v)?.replicas ?? 0
        // All that the plan asks for is that there are some.
        replicas[first + v] = model.isAutoscaled[first + v] ? min(1, count) : count
      }
    }
    self.numbers = numbers
    self.replicas = replicas
  }

  func number(of f: Int) -> Int32 {
    let known = numbers[f]
    if known >= 0 { return known }
    let first = model.firstVersion[model.flows[f].callee]
    var outcome = FlowOutcome()
    for version in intent.targets(of: model.flows[f], model) { outcome.add(target: first + version) }
    let number = table.number(of: outcome)
    numbers[f] = number
    return number
  }

  func outcome(of f: Int) -> FlowOutcome { table[number(of: f)] }

  func leadsNowhere(_ f: Int) -> Bool { number(of: f) == table.none }
}
