package import ClusterAPI
package import KubernetesModel

/// What a Lease says of the run that holds it.
package struct LeaseRecord: Hashable, Sendable {
  /// Empty where the lease was given back.
  package var holder: String
  /// Who and where, for people: `ann@build-7, pid 4711`.
  package var who: String
  package var run: String
  package var planHash: String
  package var step: String
  package var durationSeconds: Int
  /// Goes up by one with each new holder: the fence.
  package var transitions: Int
  package var acquireTime: String
  package var renewTime: String

  package init(
    holder: String, who: String, run: String, planHash: String, step: String, durationSeconds: Int = 30,
    transitions: Int = 0, acquireTime: String = "", renewTime: String = ""
  ) {
    self.holder = holder
    self.who = who
    self.run = run
    self.planHash = planHash
    self.step = step
    self.durationSeconds = durationSeconds
    self.transitions = transitions
    self.acquireTime = acquireTime
    self.renewTime = renewTime
  }
}

extension LeaseRecord {
  /// Whether the last sign of life is older than the lock lasts, as the clocks on the walls have it. They may differ: this
  /// is a reason to look for a while, and never one to take the lock.
  package func isOverdue(at wallTime: String, leaseSeconds: Int = 0) -> Bool {
    guard let seen = secondsSince1970(renewTime), let now = secondsSince1970(wallTime) else { return false }
    return now - seen > max(durationSeconds, leaseSeconds)
  }
}

/// Why a run may not write, or not yet.
package enum LockError: Error, Hashable, Sendable {
  /// Somebody else holds it, and has shown life on our clock.
  case held(by: LeaseRecord)
  /// It was ours and is no more.
  case lost(to: LeaseRecord?)
  /// It was not renewed in time: it may be somebody else's.
  case stale
  /// The cluster did not say.
  case cluster(ClusterError)

  /// What became of a lock that was ours.
  var end: RunResult.LockEnd {
    if case .lost(let record?) = self, record.holder.isEmpty { .freed } else { .taken }
  }
}

/// The annotations' common beginning.
private let prefix = "rolloutc.dev/"

extension LeaseRecord {
  package init?(_ lease: Value) {
    guard lease["kind"]?.string == "Lease" else { return nil }
    let notes = lease.at("metadata", "annotations")
    self.init(
      holder: lease.at("spec", "holderIdentity")?.string ?? "",
      who: notes?["\(prefix)who"]?.string ?? "",
      run: notes?["\(prefix)run"]?.string ?? "",
      planHash: notes?["\(prefix)plan"]?.string ?? "",
      step: notes?["\(prefix)step"]?.string ?? "",
      durationSeconds: lease.at("spec", "leaseDurationSeconds")?.int ?? 30,
      transitions: lease.at("spec", "leaseTransitions")?.int ?? 0,
      acquireTime: lease.at("spec", "acquireTime")?.string ?? "",
      renewTime: lease.at("spec", "renewTime")?.string ?? "")
  }

  package func lease(name: String, namespace: String) -> Value {
    var spec: Fields = [
      "holderIdentity": holder.isEmpty ? .null : .string(holder), "leaseDurationSeconds": .int(durationSeconds),
      "leaseTransitions": .int(transitions),
    ]
    if !acquireTime.isEmpty { spec["acquireTime"] = .string(acquireTime) }
    if !renewTime.isEmpty { spec["renewTime"] = .string(renewTime) }
    return [
      "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
      "metadata": [
        "name": .string(name), "namespace": .string(namespace),
        "annotations": [
          "\(prefix)who": .string(who), "\(prefix)run": .string(run), "\(prefix)plan": .string(planHash),
          "\(prefix)step": .string(step),
        ],
      ],
      "spec": .object(spec),
    ]
  }
}
