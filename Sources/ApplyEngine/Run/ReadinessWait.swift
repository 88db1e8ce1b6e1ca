internal import ClusterAPI
internal import KubernetesModel

/// Waits until objects are ready, all of one gate together: one watch for each kind, the verdicts of `ReadinessTracker`,
/// and every two seconds a look at the pods of whatever is late, to say why.
struct ReadinessWait: Sendable {
  struct Subject: Sendable {
    var id: ObjectID
    /// The server's answer to our write: nothing older counts.
    var anchor: Value
    /// Our own clock for it.
    var within: Duration
    /// A volume that waits for its first consumer is far enough.
    var acceptsDebt: Bool
  }

  struct Failure: Sendable {
    var id: ObjectID
    var cause: Cause
    var after: Duration
    /// What else a person should see: the last lines of a container's log.
    var lines: [String] = []
    /// Why the cluster does not say how far it is: no verdict about the object.
    var stuck: ClusterError?
  }

  private enum Input: Sendable {
    case change(Int, ObservedChange)
    case end(Int, ClusterError)
    case tick
  }

  private let subjects: [Subject]
  private let environment: RunEnvironment
  private let options: RunOptions
  private let place: RunPlace

  init(_ subjects: [Subject], environment: RunEnvironment, options: RunOptions, place: RunPlace) {
    self.subjects = subjects
    self.environment = environment
    self.options = options
    self.place = place
  }

  private static let tick = Duration.seconds(2)
  /// More than these are not asked about one by one: lists of a whole namespace say why they are late.
  static let few = 8

  /// Nil when all are ready.
  func run() async -> Failure? {
    let collections: [ObjectCollection]
    switch await self.collections() {
    case .success(let found): collections = found
    case .failure(let blindness): return unseen(blindness.id, blindness.error, after: .zero)
    }
    let (inputs, sink) = AsyncStream<Input>.makeStream()
    return await withTaskGroup(of: Void.self) { group in
      for (index, collection) in collections.enumerated() {
        group.addTask { await follow(collection, index, sink) }
      }
      group.addTask {
        while !Task.isCancelled {
          do { try await environment.clock.sleep(for: Self.tick) } catch { return }
          sink.yield(.tick)
        }
      }
      let failure = await judge(inputs)
      group.cancelAll()
      return failure
    }
  }

  private struct Blindness: Error {
    var id: ObjectID
    var error: ClusterError
  }

  private func unseen(_ id: ObjectID, _ error: ClusterError, after: Duration) -> Failure {
    Failure(id: id, cause: Cause("Unknown", "\(error)", in: "\(id)"), after: after, stuck: error)
  }

  /// One collection for each kind and namespace; of a single object only that one is asked for.
  private func collections() async -> Result<[ObjectCollection], Blindness> {
    var byKind: [ObjectCollection: [String]] = [:]
    var order: [ObjectCollection] = []
    for subject in subjects {
      let reference: ObjectReference
      do throws(ClusterError) { reference = try await environment.cluster.reference(to: subject.id) } catch {
        return .failure(Blindness(id: subject.id, error: error))
      }
      if byKind[reference.collection] == nil { order.append(reference.collection) }
      byKind[reference.collection, default: []].append(reference.name)
    }
    return .success(
      order.map { collection in
        let names = byKind[collection] ?? []
        return names.count == 1 ? collection.only(names[0]) : collection
      })
  }

  private func follow(_ collection: ObjectCollection, _ index: Int, _ sink: AsyncStream<Input>.Continuation) async {
    var policy = ObservationPolicy()
    policy.patience = options.silence
    var changes = CollectionObservation(
      of: collection, in: environment.cluster, clock: environment.clock, policy: policy, random: environment.random
    ).makeAsyncIterator()
    while true {
      do throws(ClusterError) {
        guard let change = try await changes.next(isolation: nil) else { return }
        sink.yield(.change(index, change))
      } catch {
        sink.yield(.end(index, error))
        return
      }
    }
  }

  private func judge(_ inputs: AsyncStream<Input>) async -> Failure? {
    let begin = environment.clock.now
    var trackers: [ObjectID: ReadinessTracker] = [:]
    var told: [ObjectID: ObjectProgress] = [:]
    var waiting = Dictionary(subjects.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var ticks = 0
    func late() -> [Subject] { subjects.filter { waiting[$0.id] != nil } }
    for subject in subjects {
      trackers[subject.id] = ReadinessTracker(written: subject.anchor, options: options.readiness)
    }
    var isFirst = true
    /// Nothing is asked beside the watches until they bring something again: they tell when it is time to give up.
    var isSilent = false
    for await input in inputs {
      var touched: ObjectID?
      switch input {
      case .change(_, .listed(let objects)):
        isSilent = false
        var listed: [ObjectID: Value] = [:]
        for object in objects { if let id = ObjectID(object) { listed[id] = object } }
        let kinds = Set(listed.keys.map(\.kind))
        for subject in subjects where kinds.contains(subject.id.kind) {
          trackers[subject.id]?.sawListed(listed[subject.id])
        }
      case .change(_, .changed(let object)):
        guard let id = ObjectID(object), trackers[id] != nil else { continue }
        trackers[id]?.saw(object)
        touched = id
      case .change(_, .removed(let object)):
        guard let id = ObjectID(object), trackers[id] != nil else { continue }
        trackers[id]?.sawRemoval(of: object)
        touched = id
      case .change(_, .note(let note)):
        if isFirst, case .polling = note {
          environment.tell(.note("there is no right to watch; the objects are read again and again instead"))
          isFirst = false
        }
        continue
      case .end(_, let error):
        guard let subject = late().first else { return nil }
        return unseen(subject.id, error, after: begin.duration(to: environment.clock.now))
      case .tick:
        ticks += 1
        if !isSilent { isSilent = await learn(about: late(), ticks, &trackers) == .silence }
      }
      let now = begin.duration(to: environment.clock.now)
      for subject in touched.map({ id in waiting[id].map { [$0] } ?? [] }) ?? late() {
        guard let verdict = trackers[subject.id]?.verdict(at: now) else { continue }
        switch verdict {
        case .ready: tell(subject.id, ObjectProgress("ready", isReady: true), &told)
        case .readyForNow(let owed):
          if !subject.acceptsDebt {
            tell(subject.id, ObjectProgress(owed, isReady: false), &told)
            if now >= subject.within { return await failure(subject, Cause("Pending", owed, in: "\(subject.id)"), now) }
            continue
          }
          tell(subject.id, ObjectProgress(owed, isReady: true), &told)
        case .waiting(let text, let suspect):
          tell(subject.id, ObjectProgress(text, isReady: false, suspect: suspect), &told)
          if now >= subject.within {
            let cause = suspect ?? Cause("DeadlineExceeded", text, in: "\(subject.id)")
            return await failure(subject, cause, now)
          }
          continue
        case .failed(let cause): return await failure(subject, cause, now)
        }
        waiting[subject.id] = nil
      }
      if waiting.isEmpty { return nil }
    }
    return nil
  }

  private func tell(_ id: ObjectID, _ progress: ObjectProgress, _ told: inout [ObjectID: ObjectProgress]) {
    if told[id] == progress { return }
    told[id] = progress
    environment.tell(.progress(place, id, progress))
  }

  // MARK: - Why

  /// What is known of the pods and events behind a subject, and what could not be read of them: a cause may be missing
  /// from it, which a person should know.
  private struct Surroundings {
    var pods: [Value] = []
    var sets: [Value] = []
    var events: [Value] = []
    /// Nil where they may not be read.
    var storageClasses: [Value]?
    var unread: [String] = []
    /// The server gives no answer; nothing more is asked.
    var isSilent = false

    mutating func read<T: Sendable>(
      _ what: String, _ call: () async throws(ClusterError) -> T
    ) async -> T? {
      if isSilent { return nil }
      do throws(ClusterError) {
        return try await call()
      } catch {
        isSilent = error.isSilence
        let line = "\(what) cannot be read: \(error)"
        if !unread.contains(line) { unread.append(line) }
        return nil
      }
    }
  }

  private enum Lesson { case answers, silence }

  private func learn(
    about waiting: [Subject], _ ticks: Int, _ trackers: inout [ObjectID: ReadinessTracker]
  ) async -> Lesson {
    let deployments = waiting.filter { $0.id.kind == "Deployment" }
    let isMany = deployments.count > Self.few
    // Every other time: the lists are long.
    if isMany, ticks.isMultiple(of: 2), await learn(aboutAll: deployments, &trackers) == .silence {
      return .silence
    }
    for subject in waiting where !isMany || subject.id.kind != "Deployment" {
      if await learn(about: subject, &trackers) == .silence { return .silence }
    }
    return .answers
  }

  /// Three lists for a whole namespace, whatever the number of Deployments.
  private func learn(
    aboutAll deployments: [Subject], _ trackers: inout [ObjectID: ReadinessTracker]
  ) async -> Lesson {
    let cluster = environment.cluster
    for (namespace, subjects) in Dictionary(grouping: deployments, by: \.id.namespace).sorted(by: { $0.key < $1.key }) {
      var found = Surroundings()
      func list(_ what: String, _ type: ResourceType) async -> [Value]? {
        await found.read(what) { () async throws(ClusterError) in
          try await cluster.list(type.collection(in: namespace)).items
        }
      }
      guard let sets = await list("its ReplicaSets", setType).map(byOwner),
        let pods = await list("its pods", podType).map(byOwner)
      else {
        if found.isSilent { return .silence }
        continue
      }
      // Without them the pods tell what they can.
      let events = Dictionary(grouping: await list("its events", eventType) ?? []) {
        $0.at("involvedObject", "uid") ?? .null
      }
      if found.isSilent { return .silence }
      for subject in subjects {
        let live = trackers[subject.id]?.latest ?? subject.anchor
        guard let newest = newReplicaSet(of: live, among: owned(by: live, in: sets)) else { continue }
        let own = owned(by: newest, in: pods)
        let told = ([newest] + own).flatMap { object in object.at("metadata", "uid").flatMap { events[$0] } ?? [] }
        trackers[subject.id]?.learned(causes(pods: own, events: told, owners: [newest], options: options.readiness))
      }
    }
    return .answers
  }

  private func owned(by owner: Value, in all: [Value: [Value]]) -> [Value] {
    owner.at("metadata", "uid").flatMap { all[$0] } ?? []
  }

  private func learn(about subject: Subject, _ trackers: inout [ObjectID: ReadinessTracker]) async -> Lesson {
    switch subject.id.kind {
    case "Deployment":
      let found = await pods(of: subject)
      trackers[subject.id]?.learned(
        causes(pods: found.pods, events: found.events, owners: found.sets, options: options.readiness))
      return found.isSilent ? .silence : .answers
    case "PersistentVolumeClaim":
      let found = await claim(subject)
      trackers[subject.id]?.learned(storageClasses: found.storageClasses, events: found.events)
      return found.isSilent ? .silence : .answers
    default: return .answers
    }
  }

  /// Of a claim. Without a right to read the classes of storage its events must do.
  private func claim(_ subject: Subject) async -> Surroundings {
    let cluster = environment.cluster
    let type = ResourceType(
      groupVersion: GroupVersion(group: "storage.k8s.io", version: "v1"), kind: "StorageClass",
      plural: "storageclasses", isNamespaced: false)
    var found = Surroundings()
    found.storageClasses = await found.read("the classes of storage") { () async throws(ClusterError) in
      try await cluster.list(type.collection(in: nil)).items
    }
    await addEvents(about: subject.anchor, in: subject.id.namespace, &found)
    return found
  }

  private func pods(of subject: Subject) async -> Surroundings {
    let cluster = environment.cluster
    let namespace = subject.id.namespace
    var found = Surroundings()
    guard let selector = selector(of: subject.anchor) else { return found }
    func list(_ what: String, _ type: ResourceType) async -> [Value]? {
      await found.read(what) { () async throws(ClusterError) in
        try await cluster.list(type.collection(in: namespace).selecting(selector)).items
      }
    }
    guard let sets = await list("its ReplicaSets", setType),
      let live = await found.read(
        "`\(subject.id)`",
        { () async throws(ClusterError) in
          try await cluster.get(try await cluster.reference(to: subject.id))
        }),
      let newest = newReplicaSet(of: live, among: sets), let all = await list("its pods", podType)
    else { return found }
    found.pods = ApplyEngine.pods(ownedBy: newest, among: all)
    found.sets = [newest]
    await addEvents(about: newest, in: namespace, &found)
    for pod in found.pods.prefix(3) where !isReady(pod) { await addEvents(about: pod, in: namespace, &found) }
    return found
  }

  private func addEvents(about object: Value, in namespace: String, _ found: inout Surroundings) async {
    guard let uid = object.at("metadata", "uid")?.string else { return }
    let cluster = environment.cluster
    var collection = eventType.collection(in: namespace)
    collection.fieldSelector = "involvedObject.uid=\(uid)"
    let events = await found.read("its events") { [collection] () async throws(ClusterError) in
      try await cluster.list(collection).items
    }
    found.events += events ?? []
  }

  private func isReady(_ pod: Value) -> Bool { condition("Ready", of: pod)?.isTrue == true }

  /// With the last lines of the log of a container that failed.
  private func failure(_ subject: Subject, _ cause: Cause, _ after: Duration) async -> Failure {
    var failure = Failure(id: subject.id, cause: cause, after: after)
    guard subject.id.kind == "Deployment" else {
      if subject.id.kind == "PersistentVolumeClaim" { failure.lines = await claim(subject).unread }
      return failure
    }
    var found = await pods(of: subject)
    // A deadline says that it is over; the pods say why.
    if cause.reason == "ProgressDeadlineExceeded" || cause.reason == "DeadlineExceeded",
      let better = causes(pods: found.pods, events: found.events, owners: found.sets, options: options.readiness).first
    {
      failure.lines.append("\(better)")
    }
    for pod in found.pods where !isReady(pod) {
      guard let name = pod.at("metadata", "name")?.string,
        let status = (pod.at("status", "containerStatuses")?.array ?? []).first(where: { $0["ready"]?.bool != true }),
        let container = status["name"]?.string, (status["restartCount"]?.int ?? 0) > 0,
        let lines = await lastLines(of: container, in: name, subject.id.namespace, &found), !lines.isEmpty
      else { continue }
      environment.tell(.log(place, subject.id, pod: name, container: container, lines: lines))
      failure.lines.append("the last lines of \(container) in Pod/\(name):")
      failure.lines += lines.map { "  \($0)" }
      break
    }
    failure.lines += found.unread
    return failure
  }

  private func lastLines(
    of container: String, in pod: String, _ namespace: String, _ found: inout Surroundings
  ) async -> [String]? {
    let cluster = environment.cluster
    let answer = await found.read("the log of \(container) in Pod/\(pod)") { () async throws(ClusterError) in
      try await cluster.read(
        "/api/v1/namespaces/\(percentEncoded(namespace))/pods/\(percentEncoded(pod))/log",
        query: [("container", container), ("previous", "true"), ("tailLines", "20")])
    }
    return answer.map { answer in
      String(decoding: answer.body.suffix(16 << 10), as: UTF8.self)
        .split(separator: "\n", omittingEmptySubsequences: true).suffix(20).map(String.init)
    }
  }
}

private let setType = ResourceType(
  groupVersion: GroupVersion(group: "apps", version: "v1"), kind: "ReplicaSet", plural: "replicasets",
  isNamespaced: true)

private let eventType = ResourceType(
  groupVersion: GroupVersion(group: "", version: "v1"), kind: "Event", plural: "events", isNamespaced: true)
