internal import ClusterAPI
package import KubernetesModel

/// The ReplicaSet that a Deployment rolls out now: owned by it, with its revision.
package func newReplicaSet(of deployment: Value, among sets: [Value]) -> Value? {
  let key = "deployment.kubernetes.io/revision"
  guard let uid = deployment.at("metadata", "uid"), let revision = deployment.at("metadata", "annotations")?[key]
  else { return nil }
  return sets.first { isOwned($0, by: uid) && $0.at("metadata", "annotations")?[key] == revision }
}

package func pods(ownedBy owner: Value, among pods: [Value]) -> [Value] {
  guard let uid = owner.at("metadata", "uid") else { return [] }
  return pods.filter { isOwned($0, by: uid) }
}

/// Objects by the UID of each of their owners.
func byOwner(_ objects: [Value]) -> [Value: [Value]] {
  var owned: [Value: [Value]] = [:]
  for object in objects {
    for owner in object.at("metadata", "ownerReferences")?.array ?? [] {
      if let uid = owner["uid"] { owned[uid, default: []].append(object) }
    }
  }
  return owned
}

private func isOwned(_ object: Value, by uid: Value) -> Bool {
  (object.at("metadata", "ownerReferences")?.array ?? []).contains { $0["uid"] == uid }
}

/// Why pods are not ready, the surest cause first: from their own status, and from what events say of them and of their
/// `owners` (a ReplicaSet that cannot make pods has no pod to ask).
///
/// - Parameter since: events whose last time is before this one (seconds since 1970) are history: a rollback returns to a
///   ReplicaSet with a past. Nil: none is.
package func causes(
  pods: [Value], events: [Value] = [], owners: [Value] = [], since: Int?,
  options: ReadinessOptions = .init()
) -> [Cause] {
  var causes: [Cause] = []
  let waiting = pods.filter {
    $0.at("metadata", "deletionTimestamp")?.string == nil && condition("Ready", of: $0)?.isTrue != true
  }
  let recent = byLastTime(events).filter { event in
    guard let since, let time = lastTime(of: event) else { return true }
    return time >= since
  }
  for pod in waiting {
    for key in ["initContainerStatuses", "containerStatuses"] {
      for status in pod.at("status", key)?.array ?? [] {
        if let cause = containerCause(status, of: pod, grace: options.grace) { causes.append(cause) }
      }
    }
    causes += eventCauses(about: pod, recent, options)
  }
  for owner in owners { causes += eventCauses(about: owner, recent, options) }
  var seen: Set<Cause> = []
  return causes.filter { seen.insert($0).inserted }.enumerated()
    .sorted { (rank($0.element), $0.offset) < (rank($1.element), $1.offset) }
    .map(\.element)
}

/// When it was last said, in seconds since 1970: a list has events by their names, and one that is said again keeps its
/// place.
private func lastTime(of event: Value) -> Int? {
  let times = [event.at("series", "lastObservedTime"), event["lastTimestamp"], event["eventTime"]]
  return times.compactMap { $0?.string.flatMap(secondsSince1970) }.max()
}

/// The latest last. Those of one second, and those without a time before all others, stay in their order.
func byLastTime(_ events: [Value]) -> [Value] {
  events.enumerated()
    .map { (time: lastTime(of: $0.element) ?? .min, place: $0.offset, event: $0.element) }
    .sorted { ($0.time, $0.place) < ($1.time, $1.place) }
    .map(\.event)
}

private func rank(_ cause: Cause) -> Int {
  switch cause.certainty {
  case .definite: 0
  case .probable: 1
  case .slow: 2
  }
}

private func containerCause(_ status: Value, of pod: Value, grace: Duration) -> Cause? {
  let name = "\(subject(pod)), container \(status["name"]?.string ?? "?")"
  let restarts = status["restartCount"]?.int ?? 0
  let ended = status.at("lastState", "terminated") ?? status.at("state", "terminated")
  let reason = status.at("state", "waiting", "reason")?.string ?? ""
  let message = status.at("state", "waiting", "message")?.string ?? ""
  if ended?["reason"]?.string == "OOMKilled", restarts >= 2 {
    return Cause("OOMKilled", "out of memory, \(restarts) restarts", in: name, .probable(grace: grace))
  }
  switch reason {
  case "ErrImageNeverPull", "InvalidImageName":
    return Cause(reason, message, in: name)
  case "CreateContainerConfigError", "CreateContainerError", "ImagePullBackOff", "RunContainerError":
    return Cause(reason, message, in: name, .probable(grace: grace))
  default: break
  }
  // Between two crashes the container runs for a moment; the cause must not seem to go away and come back.
  let isReady = status["ready"]?.bool == true
  guard restarts >= 3, !isReady, let ended else { return nil }
  let code = ended["exitCode"]?.int.map { "exit code \($0)" } ?? "ended"
  let why = ended["reason"]?.string.map { ", \($0)" } ?? ""
  return Cause("CrashLoopBackOff", "\(code)\(why)", in: name, .probable(grace: grace))
}

private func eventCauses(about object: Value, _ events: [Value], _ options: ReadinessOptions) -> [Cause] {
  guard let uid = object.at("metadata", "uid") else { return [] }
  let name = subject(object)
  var causes: [Cause] = []
  var scaling: Cause?
  if let scheduled = condition("PodScheduled", of: object), scheduled.isFalse, scheduled.reason == "Unschedulable" {
    scaling = Cause("Unschedulable", scheduled.message, in: name, .slow)
  }
  for event in events where event.at("involvedObject", "uid") == uid {
    let message = event["message"]?.string ?? ""
    switch event["reason"]?.string {
    case "FailedMount", "FailedAttachVolume":
      causes.append(Cause("FailedMount", message, in: name, .probable(grace: options.grace)))
    case "FailedCreate":
      causes.append(failedCreate(message, in: name, options))
    // An autoscaler at work makes a pod without a node slow; one that declines makes it suspect.
    case "NotTriggerScaleUp" where scaling != nil:
      scaling = Cause("Unschedulable", message, in: name, .probable(grace: options.grace))
    case "TriggeredScaleUp" where scaling != nil:
      scaling = Cause("Unschedulable", message, in: name, .slow)
    default: break
    }
  }
  if let scaling { causes.append(scaling) }
  return causes
}

/// A refusal of a pod is final unless it is about something that others may still bring: quota, a ServiceAccount.
private func failedCreate(_ message: String, in name: String, _ options: ReadinessOptions) -> Cause {
  if message.contains("exceeded quota") {
    return Cause("QuotaExceeded", message, in: name, .probable(grace: options.replicaFailureGrace))
  }
  if message.contains("being terminated") { return Cause("NamespaceTerminating", message, in: name) }
  let isAboutAccount =
    message.contains("error looking up service account") || message.contains("failed calling webhook")
  if !isAboutAccount, message.contains("is forbidden") || message.contains("is invalid") || message.contains("denied") {
    return Cause("FailedCreate", message, in: name)
  }
  return Cause("FailedCreate", message, in: name, .probable(grace: options.grace))
}
