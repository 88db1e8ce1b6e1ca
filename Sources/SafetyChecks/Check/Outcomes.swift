internal import MeshModel

/// Outcomes by their number: there are few that differ.
///
/// Nearly every outcome is that one version answers. Such a one has the number of the version, so that nothing needs to
/// be looked up for it; ``none`` is nothing at all, and what comes after are the others.
package final class OutcomeTable {
  /// The number of nothing at all.
  let none: Int32

  private var others: [FlowOutcome] = []
  private var numbers: [FlowOutcome: Int32] = [:]
  private var unions: [UInt64: Int32] = [:]

  init(versions: Int) { none = Int32(versions) }

  subscript(number: Int32) -> FlowOutcome {
    if number > none { return others[Int(number - none - 1)] }
    var outcome = FlowOutcome()
    if number < none { outcome.add(target: Int(number)) }
    return outcome
  }

  func number(of outcome: FlowOutcome) -> Int32 {
    if outcome.faults.isEmpty, outcome.copies.isEmpty, outcome.targets.count < 2 {
      return outcome.targets.first.map { Int32($0) } ?? none
    }
    if let known = numbers[outcome] { return known }
    others.append(outcome)
    let number = none + Int32(others.count)
    numbers[outcome] = number
    return number
  }

  func union(_ a: Int32, _ b: Int32) -> Int32 {
    if a == b || b == none { return a }
    if a == none { return b }
    let pair = UInt64(UInt32(bitPattern: a)) << 32 | UInt64(UInt32(bitPattern: b))
    if let known = unions[pair] { return known }
    var both = self[a]
    both.formUnion(self[b])
    let number = number(of: both)
    unions[pair] = number
    return number
  }
}

/// The outcome of each flow in one situation, found out when somebody asks: where no request comes, nobody does.
package final class Outcomes {
  private let mesh: VersionedMesh
  private let situation: Superposition.Situation
  /// -1: not known yet.
  private var numbers: [Int32]
  private let none: Int32

  init(_ mesh: VersionedMesh) {
    self.mesh = mesh
    situation = []
    numbers = [Int32](repeating: -1, count: mesh.model.flows.count)
    none = Int32(mesh.model.versions.count)
  }

  private init(_ mesh: VersionedMesh, _ situation: Superposition.Situation, _ numbers: [Int32], _ none: Int32) {
    self.mesh = mesh
    self.situation = situation
    self.numbers = numbers
    self.none = none
  }

  /// The same in another situation, in which only flows of `changed` may have another outcome.
  func moved(to situation: Superposition.Situation, changed: [Int]) -> Outcomes {
    var numbers = numbers
    for f in changed { numbers[f] = -1 }
    return Outcomes(mesh, situation, numbers, none)
  }

  package subscript(of f: Int) -> FlowOutcome { mesh.outcome(numbered: number(of: f)) }

  /// Its number in the table of the mesh.
  func number(of f: Int) -> Int32 {
    let known = numbers[f]
    if known >= 0 { return known }
    let number = mesh.outcome(of: f, in: situation)
    numbers[f] = number
    return number
  }

  /// The version that answers all requests of the flow, where there is exactly one and nothing else happens.
  func soleTarget(of f: Int) -> Int? {
    let number = number(of: f)
    return number < none ? Int(number) : nil
  }

  /// Its requests are answered, and none of them fails.
  func isServed(_ f: Int) -> Bool { number(of: f) < none || self[of: f].isServed }

  /// None of its requests fails.
  func isAnswered(_ f: Int) -> Bool { number(of: f) <= none || self[of: f].isAnswered }
}
