package import KubernetesModel

/// A Deployment, after the rules for every kind.
///
/// `written` matters for one trap: when the wanted template already has a ReplicaSet, as in every rollback, the controller
/// leaves an old `ProgressDeadlineExceeded` standing until the counts first move (pkg/controller/deployment/progress.go).
/// A deadline that our own write's answer already carried is therefore no news, and gets a clock of its own.
///
/// A Deployment that is to have no pods fails by nothing that its pods lacked: the controller may say so a moment after our
/// write, about the rollout before it.
func deploymentReadiness(_ object: Value, after written: Value, options: ReadinessOptions) -> Readiness {
  let name = subject(object)
  if object.at("spec", "paused")?.bool == true {
    return .failed(Cause("Paused", "a paused Deployment does not roll out", in: name))
  }
  let want = object.at("spec", "replicas")?.int ?? 1
  let progress = condition("Progressing", of: object)
  var suspect: Cause?
  if want > 0, let progress, progress.isFalse, progress.reason == "ProgressDeadlineExceeded" {
    let before = condition("Progressing", of: written)
    let isStale = before?.reason == progress.reason && before?.lastUpdateTime == progress.lastUpdateTime
    guard isStale else { return .failed(Cause(progress.reason, progress.message, in: name)) }
    let seconds = min(max(object.at("spec", "progressDeadlineSeconds")?.int ?? 600, 0), 86_400)
    suspect = Cause(progress.reason, progress.message, in: name, .probable(grace: .seconds(seconds)))
  }
  if want > 0, let failure = condition("ReplicaFailure", of: object), failure.isTrue {
    suspect = Cause(
      failure.reason.isEmpty ? "ReplicaFailure" : failure.reason, failure.message, in: name,
      .probable(grace: options.replicaFailureGrace))
  }
  let (total, updated) = (count("replicas", object), count("updatedReplicas", object))
  let (available, ready) = (count("availableReplicas", object), count("readyReplicas", object))
  if updated < want { return .waiting("\(updated) of \(want) updated", suspect: suspect) }
  if total > updated { return .waiting("\(total &- updated) old replicas left", suspect: suspect) }
  if available < updated { return .waiting("\(available) of \(updated) available", suspect: suspect) }
  if ready < want { return .waiting("\(ready) of \(want) ready", suspect: suspect) }
  if hasProgressDeadline(object), progress?.reason != "NewReplicaSetAvailable" {
    return .waiting("the rollout is not complete yet", suspect: suspect)
  }
  if condition("Available", of: object)?.isTrue != true { return .waiting("not available yet", suspect: suspect) }
  let terminating = count("terminatingReplicas", object)
  if options.wantsOldPodsGone, terminating > 0 {
    return .waiting(terminating == 1 ? "1 pod still ends" : "\(terminating) pods still end", suspect: suspect)
  }
  return .ready
}

/// Without a deadline, or with the largest number for one, the controller writes no `Progressing` condition.
private func hasProgressDeadline(_ object: Value) -> Bool {
  guard let seconds = object.at("spec", "progressDeadlineSeconds")?.int else { return false }
  return seconds < Int(Int32.max)
}

func statefulSetReadiness(_ object: Value, options: ReadinessOptions) -> Readiness {
  let want = object.at("spec", "replicas")?.int ?? 1
  let (total, ready) = (count("replicas", object), count("readyReplicas", object))
  let updateRevision = object.at("status", "updateRevision")?.string ?? ""
  let replacesByHand = object.at("spec", "updateStrategy", "type")?.string == "OnDelete"
  if updateRevision.isEmpty { return .waiting("it has no revision yet") }
  if !replacesByHand {
    let partition = max(0, object.at("spec", "updateStrategy", "rollingUpdate", "partition")?.int ?? 0)
    let need = partition >= want ? 0 : max(0, want) &- partition
    let updated = count("updatedReplicas", object)
    if updated < need { return .waiting("\(updated) of \(need) updated") }
    if partition == 0, want > 0, object.at("status", "currentRevision")?.string != updateRevision {
      return .waiting("the old revision is still current")
    }
  }
  if total != want { return .waiting("\(total) pods where \(want) are wanted") }
  if ready < want { return .waiting("\(ready) of \(want) ready") }
  if count("availableReplicas", object) < want {
    return .waiting("\(count("availableReplicas", object)) of \(want) available")
  }
  return .ready
}

func daemonSetReadiness(_ object: Value) -> Readiness {
  guard let want = object.at("status", "desiredNumberScheduled")?.int else {
    return .waiting("no node was counted yet")
  }
  let (updated, available) = (count("updatedNumberScheduled", object), count("numberAvailable", object))
  if updated < want { return .waiting("\(updated) of \(want) updated") }
  if available < want { return .waiting("\(available) of \(want) available") }
  return .ready
}

func jobReadiness(_ object: Value) -> Readiness {
  if let failed = condition("Failed", of: object), failed.isTrue {
    return .failed(Cause(failed.reason.isEmpty ? "Failed" : failed.reason, failed.message, in: subject(object)))
  }
  if condition("Complete", of: object)?.isTrue == true { return .ready }
  if condition("Suspended", of: object)?.isTrue == true || object.at("spec", "suspend")?.bool == true {
    return .waiting("it is suspended")
  }
  if let target = condition("FailureTarget", of: object), target.isTrue {
    return .waiting("it is failing: \(target.reason)")
  }
  return .waiting("\(count("succeeded", object)) succeeded, \(count("active", object)) running")
}
