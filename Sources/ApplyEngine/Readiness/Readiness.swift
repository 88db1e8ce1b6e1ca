package import KubernetesModel

/// Whether one object is as far as the next phase needs it.
package enum Readiness: Hashable, Sendable {
  case ready
  /// As far as it can come alone: a volume that waits for its first consumer. The debt must be paid before the phase
  /// that has the consumer ends.
  case readyForNow(owed: String)
  /// Not yet. A suspect is what makes it look as if it will never be; how long that is borne is in its certainty.
  case waiting(String, suspect: Cause? = nil)
  case failed(Cause)

  package var isReady: Bool { if case .ready = self { true } else { false } }
}

/// Why something is not ready.
package struct Cause: Hashable, Sendable, CustomStringConvertible {
  package enum Certainty: Hashable, Sendable {
    /// Time does not heal it.
    case definite
    /// Time has healed it before: it counts once it has lasted that long.
    case probable(grace: Duration)
    /// Slow, not broken: shown, and left to the deadline.
    case slow
  }

  /// One word that does not change while the cause lasts: `CrashLoopBackOff`, `ProgressDeadlineExceeded`.
  package var reason: String
  package var message: String
  /// What has it: `Pod/web-6d4`, with the container where one is meant.
  package var subject: String
  package var certainty: Certainty

  package init(_ reason: String, _ message: String, in subject: String, _ certainty: Certainty = .definite) {
    self.reason = reason
    self.message = message
    self.subject = subject
    self.certainty = certainty
  }

  package var description: String { message.isEmpty ? "\(subject): \(reason)" : "\(subject): \(reason): \(message)" }
}

/// What readiness is judged by, besides the object.
package struct ReadinessOptions: Hashable, Sendable {
  /// For causes that heal at times: image pulls, crash loops, missing configuration.
  package var grace = Duration.seconds(60)
  /// For `ReplicaFailure`: quota races heal.
  package var replicaFailureGrace = Duration.seconds(30)
  /// Also wait until pods of the old template are gone (`status.terminatingReplicas`, where the server counts them).
  package var wantsOldPodsGone = false
  /// The manager whose fields must still be ours after someone else wrote the object.
  package var fieldManager = "rolloutc"

  package init() {}
}

/// Judges `object`, seen after `written`, the server's answer to our own write.
///
/// Kinds without a rule are ready when they exist.
package func readiness(of object: Value, after written: Value, options: ReadinessOptions = .init()) -> Readiness {
  if let verdict = anchored(object, to: written, options: options) { return verdict }
  switch kindKey(object) {
  case "apps/Deployment": return deploymentReadiness(object, after: written, options: options)
  case "apps/StatefulSet": return statefulSetReadiness(object, options: options)
  case "apps/DaemonSet": return daemonSetReadiness(object)
  case "batch/Job": return jobReadiness(object)
  case "/PersistentVolumeClaim": return claimReadiness(object, storageClasses: nil)
  case "/Service": return serviceReadiness(object)
  case "/Namespace": return namespaceReadiness(object)
  case "apiextensions.k8s.io/CustomResourceDefinition": return definitionReadiness(object)
  default: return .ready
  }
}

private func kindKey(_ object: Value) -> String {
  guard let id = ObjectID(object) else { return "" }
  return "\(id.group)/\(id.kind)"
}
