internal import ClusterAPI
internal import KubernetesModel

/// Why objects are not ready yet: what their pods, their events and the classes of storage say.
struct LateReasons: Sendable {
  struct Late: Sendable {
    var id: ObjectID
    /// The server's answer to our write.
    var anchor: Value
    var latest: Value?

    init(_ id: ObjectID, anchor: Value, latest: Value? = nil) {
      self.id = id
      self.anchor = anchor
      self.latest = latest
    }
  }

  struct Question: Sendable {
    var late: [Late]
    /// Counts the questions: what is dear to ask is asked every other time.
    var number: Int
  }

  enum Lesson: Sendable {
    case causes([Cause])
    case storage(classes: [Value]?, events: [Value])
  }

  struct Lessons: Sendable {
    var byObject: [ObjectID: Lesson] = [:]
    /// The server gave no answer; nothing more was asked.
    var isSilent = false
  }

  private let environment: RunEnvironment
  private let options: ReadinessOptions
  private let place: RunPlace
  /// What is told of an older moment is history: a way back returns to a ReplicaSet with a past, and what stopped it then
  /// may be mended. Seconds since 1970; the clocks of two machines differ by a little.
  private let since: Int?

  init(environment: RunEnvironment, options: ReadinessOptions, place: RunPlace) {
    self.environment = environment
    self.options = options
    self.place = place
    since = secondsSince1970(environment.wallTime()).map { $0 - 10 }
  }

  /// More than these are not asked about one by one: lists of a whole namespace say why they are late.
  static let few = 8

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

  func learn(_ question: Question) async -> Lessons {
    var lessons = Lessons()
    let deployments = question.late.filter { $0.id.kind == "Deployment" }
    let isMany = deployments.count > Self.few
    if isMany, question.number.isMultiple(of: 2) { await learn(aboutAll: deployments, &lessons) }
    for late in question.late where !isMany || late.id.kind != "Deployment" {
      if lessons.isSilent { break }
      await learn(about: late, &lessons)
    }
    return lessons
  }

  /// Three lists for a whole namespace, whatever the number of Deployments.
  private func learn(aboutAll deployments: [Late], _ lessons: inout Lessons) async {
    let cluster = environment.cluster
    for (namespace, members) in Dictionary(grouping: deployments, by: \.id.namespace).sorted(by: { $0.key < $1.key }) {
      var found = Surroundings()
      func list(_ what: String, _ type: ResourceType) async -> [Value]? {
        await found.read(what) { () async throws(ClusterError) in
          try await cluster.list(type.collection(in: namespace)).items
        }
      }
      let sets = await list("its ReplicaSets", .replicaSets).map(byOwner)
      let pods = sets == nil ? nil : await list("its pods", .pods).map(byOwner)
      // Without them the pods tell what they can.
      let events = pods == nil ? nil : await list("its events", .events)
      lessons.isSilent = found.isSilent
      if found.isSilent { return }
      guard let sets, let pods else { continue }
      let told = Dictionary(grouping: events ?? []) { $0.at("involvedObject", "uid") ?? .null }
      for late in members {
        let live = late.latest ?? late.anchor
        guard let newest = newReplicaSet(of: live, among: owned(by: live, in: sets)) else { continue }
        let own = owned(by: newest, in: pods)
        let about = ([newest] + own).flatMap { object in object.at("metadata", "uid").flatMap { told[$0] } ?? [] }
        lessons.byObject[late.id] = .causes(
          ApplyEngine.causes(pods: own, events: about, owners: [newest], since: since, options: options))
      }
    }
  }

  private func learn(about late: Late, _ lessons: inout Lessons) async {
    switch late.id.kind {
    case "Deployment":
      let found = await pods(of: late)
      lessons.byObject[late.id] = .causes(causes(found))
      lessons.isSilent = found.isSilent
    case "PersistentVolumeClaim":
      let found = await claim(late)
      lessons.byObject[late.id] = .storage(classes: found.storageClasses, events: found.events)
      lessons.isSilent = found.isSilent
    default: break
    }
  }

  private func causes(_ found: Surroundings) -> [Cause] {
    ApplyEngine.causes(pods: found.pods, events: found.events, owners: found.sets, since: since, options: options)
  }

  private func owned(by owner: Value, in all: [Value: [Value]]) -> [Value] {
    owner.at("metadata", "uid").flatMap { all[$0] } ?? []
  }

  /// Of a claim. Without a right to read the classes of storage its events must do.
  private func claim(_ late: Late) async -> Surroundings {
    let cluster = environment.cluster
    var found = Surroundings()
    found.storageClasses = await found.read("the classes of storage") { () async throws(ClusterError) in
      try await cluster.list(ResourceType.storageClasses.collection(in: nil)).items
    }
    await addEvents(about: late.anchor, in: late.id.namespace, &found)
    return found
  }

  private func pods(of late: Late) async -> Surroundings {
    let cluster = environment.cluster
    let namespace = late.id.namespace
    var found = Surroundings()
    guard let selector = selector(of: late.anchor) else { return found }
    func list(_ what: String, _ type: ResourceType) async -> [Value]? {
      await found.read(what) { () async throws(ClusterError) in
        try await cluster.list(type.collection(in: namespace).selecting(selector)).items
      }
    }
    guard let sets = await list("its ReplicaSets", .replicaSets),
      let live = await found.read(
        "`\(late.id)`",
        { () async throws(ClusterError) in
          try await cluster.get(try await cluster.reference(to: late.id))
        }),
      let newest = newReplicaSet(of: live, among: sets), let all = await list("its pods", .pods)
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
    var collection = ResourceType.events.collection(in: namespace)
    collection.fieldSelector = "involvedObject.uid=\(uid)"
    let events = await found.read("its events") { [collection] () async throws(ClusterError) in
      try await cluster.list(collection).items
    }
    found.events += events ?? []
  }

  private func isReady(_ pod: Value) -> Bool { condition("Ready", of: pod)?.isTrue == true }

  /// What a person should see besides the cause of a failure: a better one, and the last lines of the log of a container
  /// that failed.
  func lines(about late: Late, _ cause: Cause) async -> [String] {
    guard late.id.kind == "Deployment" else {
      return late.id.kind == "PersistentVolumeClaim" ? await claim(late).unread : []
    }
    var lines: [String] = []
    var found = await pods(of: late)
    // A deadline says that it is over; the pods say why.
    if cause.reason == "ProgressDeadlineExceeded" || cause.reason == "DeadlineExceeded",
      let better = causes(found).first
    {
      lines.append("\(better)")
    }
    for pod in found.pods where !isReady(pod) {
      guard let name = pod.at("metadata", "name")?.string,
        let status = (pod.at("status", "containerStatuses")?.array ?? []).first(where: { $0["ready"]?.bool != true }),
        let container = status["name"]?.string, (status["restartCount"]?.int ?? 0) > 0,
        let last = await lastLines(of: container, in: name, late.id.namespace, &found), !last.isEmpty
      else { continue }
      environment.tell(.log(place, late.id, pod: name, container: container, lines: last))
      lines.append("the last lines of \(container) in Pod/\(name):")
      lines += last.map { "  \($0)" }
      break
    }
    return lines + found.unread
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
