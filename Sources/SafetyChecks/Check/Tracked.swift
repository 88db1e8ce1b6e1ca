package import KubernetesModel
internal import Lowering

/// One object in every version that some proxy may act on, the newest last.
struct Tracked {
  struct Variant {
    var edition: VersionedMesh.Edition
    /// The write that made it; nil for what stood before.
    var write: WriteLog.Place?
  }

  /// Two are nearly all that there ever are.
  private let first: Variant
  private var second: Variant
  private var rest: [Variant] = []
  /// Pods of a workload that may be ready, at the least and at the most.
  private(set) var ready: ClosedRange<Int>

  var current: Variant { rest.last ?? second }

  var variants: [Variant] { [first, second] + rest }

  /// What stood before `write`, and what it makes.
  /// - Parameter least: how few pods of a workload may be ready while it goes from one to the other.
  init(_ old: VersionedMesh.Edition, _ new: VersionedMesh.Edition, _ write: WriteLog.Place, least: Int) {
    first = Variant(edition: old, write: nil)
    second = Variant(edition: new, write: write)
    ready = min(old.replicas, least)...max(old.replicas, new.replicas)
  }

  mutating func add(_ new: VersionedMesh.Edition, _ write: WriteLog.Place, least: Int) {
    rest.append(Variant(edition: new, write: write))
    ready = min(ready.lowerBound, least)...max(ready.upperBound, new.replicas)
  }

  /// The numbers of the versions that may be held, the oldest first, each once.
  var versions: [Int] {
    var versions: [Int] = []
    for variant in variants where !versions.contains(Int(variant.edition.version)) {
      versions.append(Int(variant.edition.version))
    }
    return versions
  }

  /// Both of two; nil where there are more.
  var pair: (old: Int32, new: Int32)? { rest.isEmpty ? (first.edition.version, second.edition.version) : nil }
}

/// The writes of a run, phase by phase, so that whoever remembers one remembers two numbers.
struct WriteLog {
  struct Place {
    var phase: Int32
    var write: Int32
  }

  private var phases: [[Write]] = []

  mutating func begin(_ phase: Phase) { phases.append(phase.writes) }

  /// The place of a write of the phase that was begun last.
  func place(_ write: Int) -> Place { Place(phase: Int32(phases.count - 1), write: Int32(write)) }

  subscript(place: Place) -> Write { phases[Int(place.phase)][Int(place.write)] }

  /// Nobody remembers any.
  mutating func removeAll() { phases = [] }
}

func replicas(_ deployment: Value) -> Int {
  switch deployment["kind"]?.string {
  case "Deployment", "StatefulSet": max(0, deployment.at("spec", "replicas")?.int32 ?? 1)
  case "Pod": 1
  // As many as there are nodes, of which nothing is known: with two of them it shows what an update takes away.
  case "DaemonSet": 2
  default: 0
  }
}

/// How few pods may be ready while a Deployment goes from one version to the other (Kubernetes: `strategy`).
func readyDuring(_ old: Value?, _ new: Value?) -> Int {
  guard let old, let new else { return 0 }
  let (from, to) = (replicas(old), replicas(new))
  // Only a change of the template replaces pods.
  guard old.at("spec", "template") != new.at("spec", "template") else { return min(from, to) }
  if new["kind"]?.string == "StatefulSet" {
    // Its controller deletes a pod, or as many as it may, and then makes the new one; those below `partition` stay. With
    // OnDelete somebody else does that, or nobody.
    let update = new.at("spec", "updateStrategy")
    let rolling = update?["rollingUpdate"]
    if update?["type"]?.string == "OnDelete" || rolling?["partition"]?.int ?? 0 >= to { return min(from, to) }
    let unavailable = rolling?["maxUnavailable"].map { max(1, pods($0, of: to, up: true)) } ?? 1
    return max(0, min(from, to - min(unavailable, to)))
  }
  if new["kind"]?.string == "DaemonSet" {
    // On each node the old pod goes before the new one comes, unless there may be two.
    let update = new.at("spec", "updateStrategy")
    if update?["type"]?.string == "OnDelete" { return min(from, to) }
    let unavailable = pods(update?.at("rollingUpdate", "maxUnavailable") ?? .int(1), of: to, up: true)
    return max(0, min(from, to - unavailable))
  }
  if isRecreated(new) { return 0 }
  let rolling = new.at("spec", "strategy", "rollingUpdate")
  var unavailable = pods(rolling?["maxUnavailable"], of: to, up: false)
  // A roll-out that could neither add a pod nor take one away would never end (Kubernetes: `ResolveFenceposts`).
  if unavailable == 0, pods(rolling?["maxSurge"], of: to, up: true) == 0 { unavailable = 1 }
  return max(0, min(from, to - min(unavailable, to)))
}

/// How many pods an int-or-percent means, a quarter where nothing is said.
private func pods(_ amount: Value?, of replicas: Int, up: Bool) -> Int {
  let all = min(replicas, 1_000_000)
  func share(_ percent: Int) -> Int { (max(0, min(100, percent)) * all + (up ? 99 : 0)) / 100 }
  switch amount {
  case .int(let count): return max(0, min(replicas, count))
  case .string(let text):
    let digits = text.utf8.last == UInt8(ascii: "%") ? Int(text.dropLast()) : nil
    return min(replicas, digits.map(share) ?? Int(text).map { max(0, $0) } ?? 0)
  default: return share(25)
  }
}

func isRecreated(_ deployment: Value) -> Bool { deployment.at("spec", "strategy", "type")?.string == "Recreate" }

extension ObjectID {
  package var isWorkload: Bool {
    kind == "Deployment" || kind == "StatefulSet" || kind == "DaemonSet" || kind == "Pod"
  }

  /// Routing depends on it.
  package var isMeshObject: Bool {
    switch (group, kind) {
    case ("", "Service"), ("", "Namespace"): true
    case ("networking.istio.io", "VirtualService"), ("networking.istio.io", "DestinationRule"),
      ("networking.istio.io", "Gateway"), ("security.istio.io", "PeerAuthentication"):
      true
    default: isWorkload
    }
  }
}
