/// What becomes of the pods of one workload: the fault injection of a rehearsal. All times in milliseconds.
package struct PodBehaviour: Hashable, Sendable {
  package enum Fate: Hashable, Sendable {
    case healthy
    /// Runs, and its readiness probe never succeeds.
    case neverReady
    /// Ends with `exitCode` soon after each start.
    case crashLoop(exitCode: Int)
    case imagePullError
    /// Finds no node.
    case unschedulable

    /// `healthy`, `never-ready`, `crash-loop`, `image-pull-error` or `unschedulable`.
    package init?(stated: String) {
      switch stated {
      case "healthy": self = .healthy
      case "never-ready": self = .neverReady
      case "crash-loop": self = .crashLoop(exitCode: 1)
      case "image-pull-error": self = .imagePullError
      case "unschedulable": self = .unschedulable
      default: return nil
      }
    }
  }

  package var fate: Fate
  package var scheduleDelay: Int
  /// From being scheduled until the containers run.
  package var startDelay: Int
  /// From running until ready.
  package var readyDelay: Int
  /// From the deletion until the pod is gone; never longer than its grace period.
  package var stopDelay: Int
  /// What `kubectl logs` shows; nil for a line that says that it started.
  package var log: String?

  package init(
    fate: Fate = .healthy, scheduleDelay: Int = 50, startDelay: Int = 500, readyDelay: Int = 500, stopDelay: Int = 300,
    log: String? = nil
  ) {
    self.fate = fate
    self.scheduleDelay = scheduleDelay
    self.startDelay = startDelay
    self.readyDelay = readyDelay
    self.stopDelay = stopDelay
    self.log = log
  }
}

/// How long the rest of the control plane takes, in milliseconds.
package struct ControlPlaneTiming: Hashable, Sendable {
  /// From a change until a controller acts on it.
  package var controllerDelay: Int
  package var loadBalancerDelay: Int
  package var volumeDelay: Int
  /// From a deletion until dependents are collected, and until a namespace is emptied.
  package var garbageDelay: Int

  package init(
    controllerDelay: Int = 20, loadBalancerDelay: Int = 1000, volumeDelay: Int = 200, garbageDelay: Int = 50
  ) {
    self.controllerDelay = controllerDelay
    self.loadBalancerDelay = loadBalancerDelay
    self.volumeDelay = volumeDelay
    self.garbageDelay = garbageDelay
  }
}
