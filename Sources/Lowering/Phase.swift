package import Diagnostics
package import KubernetesModel

/// Why an object is written where it is: the parts of a make-before-break transition, in order.
package enum PhaseKind: String, Hashable, Sendable, CaseIterable {
  /// The namespace, and manifests that belong to none: nothing can be written into a namespace before it is there.
  case establish
  /// Loosened PeerAuthentication, ServiceAccounts, ConfigMaps, manifests, volumes, gateways, Services.
  case prepare
  /// DestinationRules widened to the subsets of both states.
  case widenSubsets = "widen-subsets"
  /// Inner VirtualServices gain the lanes of the new state; every caller of the old one stays where it was.
  case openLanes = "open-lanes"
  /// Workloads on a volume that another version takes over: they must be gone before that one may start.
  case freeVolumes = "free-volumes"
  /// Workloads of the new state, callees first.
  case startWorkloads = "start-workloads"
  /// Inner routes move, callees first.
  case switchInner = "switch-inner"
  /// The entry moves, last.
  case switchEntry = "switch-entry"
  /// References to what leaves are dropped: entry, then inner, callers first.
  case closeLanes = "close-lanes"
  /// DestinationRules narrowed to the subsets of the new state.
  case narrowSubsets = "narrow-subsets"
  /// Scale-downs, and workloads that leave go to 0 replicas.
  case stopWorkloads = "stop-workloads"
  /// Workloads that left are deleted; Service ports, gateways, manifests that only the old state had; volumes with
  /// consent.
  case remove
  /// PeerAuthentication where it tightens.
  case tighten
}

/// What must hold after a phase's writes before the next phase may begin.
package enum Gate: Hashable, Sendable {
  /// Each workload named has rolled out, within the deadline in milliseconds where one is declared.
  case ready([ReadyTarget])
  /// Every proxy acts on what was written: the entry answers with the stamp where one is visible, then a settle time.
  case settled(stamp: String?)
  /// No traffic reaches these versions any more: metrics where there are any, then a settle time. The time alone for those
  /// that something may still ask by itself, which nobody visits: they hold no request of a visitor longer than it does.
  case drained([WorkloadRef], byTime: [WorkloadRef])
  /// The pods of these workloads are gone.
  case stopped([ObjectID])
  /// These objects exist and have settled (a namespace is Active, a volume is bound or waits for its consumer).
  case established([ObjectID])
}

/// A Deployment, or a manifest's StatefulSet or DaemonSet, that must be ready, and how long that may take.
package struct ReadyTarget: Hashable, Sendable {
  package var deployment: ObjectID
  package var withinMilliseconds: Int?

  package init(deployment: ObjectID, withinMilliseconds: Int?) {
    self.deployment = deployment
    self.withinMilliseconds = withinMilliseconds
  }
}

/// One version of a component as the mesh knows it: labels `app` and `version`.
package struct WorkloadRef: Hashable, Sendable {
  package var app: String
  package var version: String

  package init(app: String, version: String) {
    self.app = app
    self.version = version
  }
}

/// One request to the API server that changes something.
package struct Write: Hashable, Sendable {
  package enum Action: String, Hashable, Sendable {
    case create, update, delete
  }

  package var action: Action
  package var id: ObjectID
  /// The whole intent for `create` and `update`; nil for `delete`.
  package var object: Value?
  /// What stood there before this write; nil for `create`.
  package var previous: Value?
  /// The plan's line that this write comes from.
  package var origin: SourceRange

  /// What is in a volume goes with its claim, and no way back brings it again.
  package var destroysData: Bool { action == .delete && id.isVolumeClaim }

  package init(action: Action, id: ObjectID, object: Value?, previous: Value?, origin: SourceRange) {
    self.action = action
    self.id = id
    self.object = object
    self.previous = previous
    self.origin = origin
  }
}

/// Writes that are independent of each other, and the gates that must hold after them.
package struct Phase: Hashable, Sendable {
  package var kind: PhaseKind
  /// In the order of writing. The order is for people: any order, or parallel writing, is safe.
  package var writes: [Write]
  package var gates: [Gate]

  package init(kind: PhaseKind, writes: [Write], gates: [Gate]) {
    self.kind = kind
    self.writes = writes
    self.gates = gates
  }
}
