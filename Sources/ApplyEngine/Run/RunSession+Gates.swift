internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel
internal import Lowering
internal import RolloutPlan

extension RunSession {
  /// Waits until `gate` holds, or says why it never will.
  func wait(for gate: Gate, of phase: Phase, in leg: Leg) async throws(RunBreak) {
    let origins = Dictionary(phase.writes.map { ($0.id, $0.origin) }, uniquingKeysWith: { first, _ in first })
    let fallback = phase.writes.first?.origin ?? plan.nameRange
    let origin: @Sendable (ObjectID) -> SourceRange = { origins[$0] ?? fallback }
    switch gate {
    case .ready(let targets): try await awaitReady(targets.filter { !left.contains($0.deployment) }, origin: origin)
    case .established(let ids): try await awaitEstablished(ids.filter { !left.contains($0) }, origin: origin)
    case .stopped(let ids): try await awaitStopped(ids.filter { !left.contains($0) }, origin: origin)
    case .settled(let stamp):
      if let stamp { try await awaitStamp(stamp, phase, fallback) }
      try await settle()
    case .drained(let versions, byTime: _): try await awaitDrained(versions, fallback)
    }
  }

  /// What was deleted is waited for until it is gone: with its finalizers it may still be used, and its name is not free.
  func awaitDeletions(_ phase: Phase) async throws(RunBreak) {
    for write in phase.writes where write.action == .delete {
      guard let uid = inventory[write.id]?.uid else { continue }
      try await poll(within: options.readyWithin) { session, isLast in
        guard let live = try await session.standing(write.id, uid, "whether `\(write.id)` is gone") else {
          session.inventory.gone(write.id)
          return true
        }
        session.tellPending(write.id, "is being deleted")
        if isLast {
          throw RunBreak.failed(
            RunFailure(
              .gateFailed(
                "`\(write.id)` was deleted and does not go away", at: write.origin,
                notes: pendingFinalizers(of: live).map { "finalizer \($0)" },
                help: "the controllers of its finalizers must be running"), at: session.place))
        }
        return false
      }
      if inventory[write.id] == nil { tell(.writeEnded(place, write.id, .deleted)) }
    }
  }

  /// What an earlier phase began to delete, and this one makes again, must be gone first: what is written to an object that
  /// is being deleted goes with it. The way back from the middle of a removal comes here.
  func awaitOwnDeletions(before phase: Phase) async throws(RunBreak) {
    for write in phase.writes where write.action != .delete {
      guard let entry = inventory[write.id], entry.outcome == .deleting, let uid = entry.uid else { continue }
      try await poll(within: options.readyWithin) { session, _ in
        // The deletion may never have been done; and what outlasts the wait is told by the write that it refuses.
        guard let live = try await session.standing(write.id, uid, "`\(write.id)`"),
          live.at("metadata", "deletionTimestamp") != nil
        else { return true }
        session.tellPending(write.id, "is being deleted, and made again when it is gone")
        return false
      }
    }
  }

  /// The object of this UID, being deleted or not. Nil where it is gone, whatever else has its name now.
  private func standing(_ id: ObjectID, _ uid: String, _ what: String) async throws(RunBreak) -> Value? {
    do throws(ClusterError) {
      let cluster = environment.cluster
      let live = try await cluster.get(try await cluster.reference(to: id))
      return live.at("metadata", "uid")?.string == uid ? live : nil
    } catch {
      if error.isNotFound { return nil }
      throw unreadable(what, error)
    }
  }

  private func settle() async throws(RunBreak) {
    if options.settle > .zero { try await sleep(options.settle) }
  }

  // MARK: - Ready

  /// Deployments that must roll out, with the claims that they mount, and then their pods behind their Services.
  func awaitReady(
    _ targets: [ReadyTarget], origin: @escaping @Sendable (ObjectID) -> SourceRange
  ) async throws(RunBreak) {
    var subjects: [ReadinessWait.Subject] = []
    var claims: Set<ObjectID> = []
    for target in targets {
      guard let anchor = try await anchor(target.deployment) else {
        // On its way out, and gone: that is what it waits for in the end.
        if isToGo(target.deployment) { continue }
        throw missing(target.deployment, origin)
      }
      let within = target.withinMilliseconds.map { Duration.milliseconds($0) } ?? ownDeadline(of: anchor)
      subjects.append(
        ReadinessWait.Subject(id: target.deployment, anchor: anchor, within: within, acceptsDebt: false))
      // A volume that waited for its first consumer has one now: what was owed is due. Where no pod is asked for, it waits on.
      let isConsumed = anchor.at("spec", "replicas")?.int != 0
      for claim in mountedClaims(of: anchor, in: target.deployment.namespace) where claims.insert(claim).inserted {
        guard let anchor = try await self.anchor(claim) else { continue }
        subjects.append(
          ReadinessWait.Subject(id: claim, anchor: anchor, within: within, acceptsDebt: !isConsumed))
      }
    }
    try await wait(for: subjects, origin: origin)
    wasReady(targets.map(\.deployment))
    // Proxies learn of endpoints as late as of routes: one that a route reaches too early still has none (Envoy: UH).
    if try await awaitEndpoints(targets.map(\.deployment), of: subjects, origin: origin) { try await settle() }
  }

  /// Somebody else, as an autoscaler, has taken all pods of a Deployment that is to serve.
  func awaitPods(of deployment: ObjectID, _ origin: SourceRange) async throws(RunBreak) {
    try await poll(within: options.readyWithin) { session, isLast in
      guard let live = try await session.live(deployment) else { return true }
      if live.at("status", "readyReplicas")?.int ?? 0 > 0 { return true }
      session.tellPending(deployment, "is scaled to \(live.at("spec", "replicas")?.int ?? 0), and is to serve")
      if isLast {
        throw RunBreak.failed(
          RunFailure(
            .gateFailed(
              "`\(deployment)` is to serve, and has no pods", at: origin,
              notes: ["its `replicas` are 0, which the plan does not say"],
              help: "let its autoscaler, or whoever scaled it, give it one, then `rolloutc resume`"), at: session.place)
        )
      }
      return false
    }
  }

  /// Its own clock runs besides ours (`progressDeadlineSeconds`); ours only ends what that one never ends.
  private func ownDeadline(of deployment: Value) -> Duration {
    guard let seconds = deployment.at("spec", "progressDeadlineSeconds")?.int, seconds < 100_000 else {
      return options.readyWithin
    }
    return max(options.readyWithin, .seconds(seconds + 30))
  }

  private func awaitEstablished(
    _ ids: [ObjectID], origin: @escaping @Sendable (ObjectID) -> SourceRange
  ) async throws(RunBreak) {
    var subjects: [ReadinessWait.Subject] = []
    for id in ids {
      guard let anchor = try await anchor(id) else {
        if isToGo(id) { continue }
        throw missing(id, origin)
      }
      subjects.append(
        ReadinessWait.Subject(id: id, anchor: anchor, within: options.readyWithin, acceptsDebt: true))
    }
    try await wait(for: subjects, origin: origin)
  }

  /// Scaled to nothing, and the last pod gone: until then it may still answer.
  private func awaitStopped(
    _ ids: [ObjectID], origin: @escaping @Sendable (ObjectID) -> SourceRange
  ) async throws(RunBreak) {
    var subjects: [ReadinessWait.Subject] = []
    for id in ids {
      guard let anchor = try await anchor(id) else { continue }
      subjects.append(
        ReadinessWait.Subject(id: id, anchor: anchor, within: options.readyWithin, acceptsDebt: false))
    }
    try await wait(for: subjects, origin: origin)
    for subject in subjects {
      guard let selector = selector(of: subject.anchor) else { continue }
      let pods = ResourceType.pods.collection(in: subject.id.namespace).selecting(selector)
      try await poll(within: options.readyWithin) { session, isLast in
        guard let live = try await session.listed(pods, of: subject.id, origin), !live.isEmpty else { return true }
        session.tellPending(subject.id, live.count == 1 ? "1 pod still ends" : "\(live.count) pods still end")
        if isLast {
          throw RunBreak.failed(
            RunFailure(
              .gateFailed(
                "pods of `\(subject.id)` do not end", at: origin(subject.id),
                notes: live.prefix(5).map { "Pod/\($0.at("metadata", "name")?.string ?? "?")" },
                help: "look for finalizers on them, or a node that is gone"), at: session.place))
        }
        return false
      }
    }
  }

  private func wait(
    for subjects: [ReadinessWait.Subject], origin: @escaping @Sendable (ObjectID) -> SourceRange
  ) async throws(RunBreak) {
    if subjects.isEmpty { return }
    let (environment, options, place) = (environment, options, place)
    let failure = try await interruptible(by: stop) { () async throws(RunBreak) in
      await ReadinessWait(subjects, environment: environment, options: options, place: place).run()
    }
    if let failure {
      if let error = failure.stuck {
        throw broken(
          .clusterFailed(
            "how far `\(failure.id)` is cannot be seen", "\(error)", at: origin(failure.id),
            help: "when the cluster answers again, `rolloutc resume`"), by: error)
      }
      throw .failed(
        RunFailure(
          .notReady(failure.id, failure.cause, after: failure.after, at: origin(failure.id), lines: failure.lines),
          at: place))
    }
  }

  private func missing(_ id: ObjectID, _ origin: (ObjectID) -> SourceRange) -> RunBreak {
    .failed(
      RunFailure(
        Diagnostic(
          .vanished, "`\(id)` is not there any more", at: Label(origin(id), "waits for it"),
          help: "find out who deleted it"), at: place))
  }

  // MARK: - Endpoints

  /// The pods are ready; the mesh sends requests only to those that EndpointSlices list. Without them a route would lead to
  /// an empty subset (Envoy: UH). The controller that fills them is another one than that of Deployments, and may be late by
  /// minutes: after conflicts it waits up to 100 s before it tries again (`maxSyncBackOff` of Kubernetes' endpointslice
  /// controller).
  ///
  /// - Parameter subjects: what was waited for. Pods that die meanwhile stand behind no Service: they are waited for again,
  ///   which finds out why.
  /// - Returns: whether some of them stand behind a Service.
  private func awaitEndpoints(
    _ deployments: [ObjectID], of subjects: [ReadinessWait.Subject],
    origin: @escaping @Sendable (ObjectID) -> SourceRange
  ) async throws(RunBreak) -> Bool {
    guard let sliceType = try await endpointSliceType() else { return true }
    var pending: [Backed] = []
    for id in deployments {
      guard let anchor = try await anchor(id), anchor.at("spec", "replicas")?.int != 0,
        let labels = anchor.at("spec", "template", "metadata", "labels"), let service = labels["app"]?.string,
        inventory[ObjectID(group: "", kind: "Service", namespace: id.namespace, name: service)] != nil,
        let selector = anchor.at("spec", "selector", "matchLabels")?.fields, !selector.isEmpty
      else { continue }
      pending.append(Backed(id: id, service: service, selector: selector))
    }
    if pending.isEmpty { return false }
    try await poll(within: options.readyWithin) { session, isLast in
      pending = try await session.unlisted(pending, sliceType, origin)
      guard let first = pending.first else { return true }
      session.tellPending(first.id, "its pods do not stand behind the Service `\(first.service)` yet")
      if let live = try await session.live(first.id), live.at("status", "readyReplicas")?.int ?? 0 == 0 {
        try await session.wait(for: subjects.filter { $0.id == first.id }, origin: origin)
      }
      if isLast {
        throw RunBreak.failed(
          RunFailure(
            .gateFailed(
              "no ready pod of `\(first.id)` stands behind the Service `\(first.service)`", at: origin(first.id),
              notes: ["requests that are routed to it would meet a 503 (Envoy: UH)"],
              help: "compare the Service's selector and ports with the pods"), at: session.place))
      }
      return false
    }
    return true
  }

  /// A Deployment whose pods a Service is to list.
  private struct Backed {
    var id: ObjectID
    var service: String
    var selector: Fields
  }

  /// Those of `pending` without a ready pod in the EndpointSlices of their Service. A few are asked for one by one, more by
  /// lists of their namespace.
  private func unlisted(
    _ pending: [Backed], _ sliceType: ResourceType, _ origin: @Sendable (ObjectID) -> SourceRange
  ) async throws(RunBreak) -> [Backed] {
    var rest: [Backed] = []
    if pending.count <= LateReasons.few {
      for one in pending {
        let slices = sliceType.collection(in: one.id.namespace).selecting("kubernetes.io/service-name=\(one.service)")
        let pods = ResourceType.pods.collection(in: one.id.namespace).selecting(selectorText(one.selector))
        guard let slices = try await listed(slices, of: one.id, origin),
          let pods = try await listed(pods, of: one.id, origin)
        else { continue }
        if !isListed(pods, in: slices) { rest.append(one) }
      }
      return rest
    }
    for (namespace, members) in Dictionary(grouping: pending, by: \.id.namespace).sorted(by: { $0.key < $1.key }) {
      guard let slices = try await listed(sliceType.collection(in: namespace), of: members[0].id, origin),
        let pods = try await listed(ResourceType.pods.collection(in: namespace), of: members[0].id, origin)
      else { continue }
      let byService = Dictionary(grouping: slices) {
        $0.at("metadata", "labels", "kubernetes.io/service-name")?.string ?? ""
      }
      let byApp = Dictionary(grouping: pods) { $0.at("metadata", "labels", "app")?.string ?? "" }
      for one in members {
        let own = (byApp[one.selector["app"]?.string ?? ""] ?? []).filter { pod in
          one.selector.entries.allSatisfy { pod.at("metadata", "labels", $0.key) == $0.value }
        }
        if !isListed(own, in: byService[one.service] ?? []) { rest.append(one) }
      }
    }
    return rest
  }

  private func isListed(_ pods: [Value], in slices: [Value]) -> Bool {
    standsBehind(Set(pods.compactMap { $0.at("metadata", "uid")?.string }), slices: slices)
  }

  /// What a collection holds now. Nil where there is no right to look; any other silence is no answer.
  private func listed(
    _ collection: ObjectCollection, of id: ObjectID, _ origin: @Sendable (ObjectID) -> SourceRange
  ) async throws(RunBreak) -> [Value]? {
    do throws(ClusterError) {
      return try await environment.cluster.list(collection).items
    } catch {
      if error.isForbidden { return nil }
      throw broken(
        .clusterFailed("the cluster does not say what `\(id)` has", "\(error)", at: origin(id)), by: error)
    }
  }

  /// Nil where the server has none, or does not let us ask.
  private func endpointSliceType() async throws(RunBreak) -> ResourceType? {
    let cluster = environment.cluster
    do throws(ClusterError) {
      let versions = try await cluster.versions(of: "discovery.k8s.io")
      guard let version = ["v1", "v1beta1"].first(where: versions.contains) else { return nil }
      return try await cluster.resourceType(
        of: "EndpointSlice", in: GroupVersion(group: "discovery.k8s.io", version: version))
    } catch {
      if error.isForbidden || error.isNotFound { return nil }
      throw unreadable("the API for endpoints", error)
    }
  }

  // MARK: - Traffic

  /// Answers of the gateway carry the stamp of the segment, several in a row: the proxies behind the address have the new
  /// routes. Where nobody can ask there is only the settle time.
  private func awaitStamp(_ stamp: String, _ phase: Phase, _ origin: SourceRange) async throws(RunBreak) {
    guard let prober = environment.prober else { return }
    let wanted = stampHeaderText(stamp, namespace: plan.namespace)
    let renderer = itinerary.compiled.renderer
    // A connection carries no stamp.
    for write in phase.writes where write.object?.at("spec", "http") != nil {
      guard let component = renderer.exposedComponent(of: write.id) else { continue }
      guard let exposure = plan.exposure(of: component) else { continue }
      let request = ProbeRequest(component: component, path: exposure.path)
      var inARow = 0
      // The gateway itself sends visitors to another port (`httpsRedirect`): no route of ours has a part in that answer.
      var redirected = 0
      // The gateway found no pod. Most releases of Envoy put a route's headers only on answers of pods, so that these do not
      // tell which route it was.
      var unserved = 0
      var last = "no answer yet"
      let begin = environment.clock.now
      asking: while inARow < options.stampAnswers {
        let answered = try await interruptible(by: stop) {
          () async throws(RunBreak) -> Result<ProbeAnswer, ProbeError> in
          do throws(ProbeError) { return .success(try await prober.answer(to: request)) } catch {
            return .failure(error)
          }
        }
        switch answered {
        case .success(let answer):
          let seen = answer.headers[stampHeader]
          let isUnserved = seen == nil && answer.status == 503
          unserved = isUnserved ? unserved + 1 : seen == wanted ? unserved : 0
          if !isUnserved { inARow = seen == wanted ? inARow + 1 : 0 }
          if isUnserved, unserved % options.stampAnswers == 0,
            let dead = try await versionWithoutReadyPods(of: component)
          {
            tell(
              .note(
                "the gateway answers 503 by itself, as no pod of \(dead) is ready; only the settle time is waited for"))
            break asking
          }
          redirected =
            seen == nil && (300..<400).contains(answer.status)
              && answer.headers["location"]?.hasPrefix("https:") == true
            ? redirected + 1 : 0
          if redirected >= options.stampAnswers {
            tell(
              .note(
                "the gateway sends visitors to https by itself (\(answer.status)); only the settle time is waited for"))
            break asking
          }
          last = seen.map { "the answer has \($0)" } ?? "the answer (\(answer.status)) has no \(stampHeader)"
        case .failure(let error):
          if error.isFinal {
            tell(.note("nobody can ask the gateway (\(error.message)); only the settle time is waited for"))
            return
          }
          inARow = 0
          last = error.message.isEmpty ? "no answer" : error.message
        }
        if inARow > 0, unserved == 0 { continue }
        if begin.duration(to: environment.clock.now) > options.stampWithin {
          throw .failed(
            RunFailure(
              .gateFailed(
                "the gateway does not answer by the new routes", at: write.origin,
                notes: ["wanted \(stampHeader): \(wanted)", last, "after \(shortText(options.stampWithin))"],
                help: environment.gatewayAdvice
                  ?? "is istiod healthy, and does the gateway's selector match its pods?"), at: place))
        }
        try await sleep(.milliseconds(200))
      }
    }
  }

  /// The first version of a component that is to have pods, none of which is ready: `web 1.0`.
  private func versionWithoutReadyPods(of component: ComponentID) async throws(RunBreak) -> String? {
    let renderer = itinerary.compiled.renderer
    for index in plan[component].versions.indices {
      let version = VersionID(component, index)
      guard let live = try await live(renderer.deploymentID(of: version)) else { continue }
      if live.at("spec", "replicas")?.int != 0, live.at("status", "readyReplicas")?.int ?? 0 == 0 {
        return "`\(plan[component].name)` \(plan[version].name)"
      }
    }
    return nil
  }

  /// No traffic for a settle time, where metrics tell; else that time alone.
  private func awaitDrained(_ versions: [WorkloadRef], _ origin: SourceRange) async throws(RunBreak) {
    guard let metrics = environment.metrics else { return try await settle() }
    for version in versions {
      try await poll(within: max(.seconds(120), options.settle * 10)) { session, isLast in
        let reading: MetricReading
        do throws(MetricError) { reading = try await metrics.traffic(to: version) } catch {
          session.tell(.note("traffic to \(version.app) \(version.version) cannot be read: \(error.message)"))
          return true
        }
        guard case .value(let rate) = reading, rate > 0 else { return true }
        session.tell(.observationProgress(session.place, text: "\(version.app) \(version.version) still has traffic"))
        if isLast {
          throw RunBreak.failed(
            RunFailure(
              .gateFailed(
                "`\(version.app)` \(version.version) still gets \(floatText(rate)) requests per second", at: origin,
                notes: ["nothing in the plan routes to it any more"],
                help: "look for clients that keep a connection open, or routes outside this plan"), at: session.place))
        }
        return false
      }
    }
    try await settle()
  }

  // MARK: - Helpers

  /// Asks again and again until `isDone`, more and more rarely; the last time it is told so.
  private func poll(
    within limit: Duration, until isDone: (isolated RunSession, _ isLast: Bool) async throws -> Bool
  ) async throws(RunBreak) {
    let begin = environment.clock.now
    var wait = Duration.milliseconds(10)
    while true {
      if stop.isRaised { throw .stopped }
      let isLast = begin.duration(to: environment.clock.now) >= limit
      do {
        if try await isDone(self, isLast) { return }
      } catch let error as RunBreak {
        throw error
      } catch {
        throw .stopped
      }
      if isLast { return }
      try await sleep(wait)
      wait = min(wait * 2, .seconds(2))
    }
  }
}

/// The labels of a Deployment's pods, as a query has them.
func selector(of deployment: Value) -> String? {
  guard let labels = deployment.at("spec", "selector", "matchLabels")?.fields, !labels.isEmpty else { return nil }
  return selectorText(labels)
}

func selectorText(_ labels: Fields) -> String {
  labels.entries.map { "\($0.key)=\($0.value.string ?? "")" }.joined(separator: ",")
}

extension ObjectCollection {
  func selecting(_ labels: String) -> ObjectCollection {
    var copy = self
    copy.labelSelector = labels
    return copy
  }
}

/// The claims that the pods of a Deployment wait for.
func mountedClaims(of deployment: Value, in namespace: String) -> [ObjectID] {
  (deployment.at("spec", "template", "spec", "volumes")?.array ?? []).compactMap { volume in
    volume.at("persistentVolumeClaim", "claimName")?.string.map {
      ObjectID(group: "", kind: "PersistentVolumeClaim", namespace: namespace, name: $0)
    }
  }
}

/// What an object that is being deleted still waits for; of a Namespace that is in its `spec`.
func pendingFinalizers(of object: Value) -> [String] {
  let lists = [object.at("metadata", "finalizers"), object.at("spec", "finalizers")]
  return lists.flatMap { $0?.array ?? [] }.compactMap(\.string)
}
