package import KubernetesModel
package import Lowering

/// One object in every version that some proxy may act on, the newest last.
package struct Tracked: Sendable {
  package struct Variant: Sendable {
    /// The number of the version; -1: the object is not there.
    package var version: Int
    package var value: Value?
    /// The write that made it; nil for what stood before.
    package var write: Write?
  }

  package var variants: [Variant]
  /// Pods of a workload that may be ready, at the least and at the most.
  package var ready: ClosedRange<Int>

  /// How many pods the newest version asks for; 0 for what is no workload.
  package private(set) var declared: Int

  package var current: Variant { variants[variants.count - 1] }
  package var isPending: Bool { variants.count > 1 || ready != declared...declared }

  /// - Parameter replicas: how many pods `value` asks for.
  package init(_ value: Value?, _ version: Int, replicas: Int) {
    variants = [Variant(version: version, value: value, write: nil)]
    declared = replicas
    ready = replicas...replicas
  }

  /// - Parameter replicas: how many pods the object of `write` asks for.
  package mutating func add(_ write: Write, _ version: Int, replicas: Int) {
    if write.id.isWorkload {
      let least = readyDuring(current.value, write.object)
      ready = min(ready.lowerBound, least)...max(ready.upperBound, replicas)
    }
    declared = replicas
    variants.append(Variant(version: version, value: write.object, write: write))
  }

  /// Every proxy acts on the newest version.
  package mutating func settle() { variants = [current] }
}

func replicas(_ deployment: Value) -> Int {
  switch deployment["kind"]?.string {
  case "Deployment", "StatefulSet": max(0, deployment.at("spec", "replicas")?.int ?? 1)
  case "Pod": 1
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
  package var isWorkload: Bool { kind == "Deployment" || kind == "StatefulSet" || kind == "Pod" }

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
