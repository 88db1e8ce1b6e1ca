internal import ClusterAPI
internal import KubernetesModel

/// Waits until objects are ready, all of one gate together: one watch for each kind, the verdicts of `ReadinessTracker`,
/// and every two seconds a look at the pods of whatever is late, to say why (`LateReasons`).
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
    case learned(LateReasons.Lessons)
  }

  /// What is watched at once, and whose objects are in it.
  private struct Watched {
    var collection: ObjectCollection
    var ids: [ObjectID]
  }

  private let subjects: [Subject]
  private let environment: RunEnvironment
  private let options: RunOptions
  private let place: RunPlace
  private let reasons: LateReasons

  init(_ subjects: [Subject], environment: RunEnvironment, options: RunOptions, place: RunPlace) {
    self.subjects = subjects
    self.environment = environment
    self.options = options
    self.place = place
    reasons = LateReasons(environment: environment, options: options.readiness, place: place)
  }

  private static let tick = Duration.seconds(2)

  /// Nil when all are ready.
  func run() async -> Failure? {
    let watched: [Watched]
    switch await self.watched() {
    case .success(let found): watched = found
    case .failure(let blindness): return unseen(blindness.id, blindness.error, after: .zero)
    }
    let (inputs, sink) = AsyncStream<Input>.makeStream()
    let (questions, asking) = AsyncStream<LateReasons.Question>.makeStream()
    return await withTaskGroup(of: Void.self) { group in
      for (index, watched) in watched.enumerated() {
        group.addTask { await follow(watched.collection, index, sink) }
      }
      // Beside the judge: what is ready meanwhile does not wait for the answers.
      group.addTask {
        for await question in questions { sink.yield(.learned(await reasons.learn(question))) }
      }
      group.addTask {
        while !Task.isCancelled {
          do { try await environment.clock.sleep(for: Self.tick) } catch { return }
          sink.yield(.tick)
        }
      }
      let failure = await judge(inputs, watched.map(\.ids), asking)
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
  private func watched() async -> Result<[Watched], Blindness> {
    var byKind: [ObjectCollection: [(id: ObjectID, name: String)]] = [:]
    var order: [ObjectCollection] = []
    for subject in subjects {
      let reference: ObjectReference
      do throws(ClusterError) { reference = try await environment.cluster.reference(to: subject.id) } catch {
        return .failure(Blindness(id: subject.id, error: error))
      }
      if byKind[reference.collection] == nil { order.append(reference.collection) }
      byKind[reference.collection, default: []].append((subject.id, reference.name))
    }
    return .success(
      order.map { collection in
        let members = byKind[collection] ?? []
        return Watched(
          collection: members.count == 1 ? collection.only(members[0].name) : collection, ids: members.map(\.id))
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

  /// - Parameter ids: by the place of what is watched, the objects in it.
  private func judge(
    _ inputs: AsyncStream<Input>, _ ids: [[ObjectID]], _ asking: AsyncStream<LateReasons.Question>.Continuation
  ) async -> Failure? {
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
    /// A question is under way, asked after so many lists.
    var askedAfter: Int?
    var lists = 0
    for await input in inputs {
      var touched: ObjectID?
      switch input {
      case .change(let place, .listed(let objects)):
        isSilent = false
        lists += 1
        var listed: [ObjectID: Value] = [:]
        for object in objects { if let id = ObjectID(object) { listed[id] = object } }
        for id in ids[place] { trackers[id]?.sawListed(listed[id]) }
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
      case .end(let place, let error):
        // What it was asked for may be ready already.
        guard let id = ids[place].first(where: { waiting[$0] != nil }) else { continue }
        return unseen(id, error, after: begin.duration(to: environment.clock.now))
      case .tick:
        ticks += 1
        if !isSilent, askedAfter == nil {
          askedAfter = lists
          let late = late().map { LateReasons.Late($0.id, anchor: $0.anchor, latest: trackers[$0.id]?.latest) }
          asking.yield(LateReasons.Question(late: late, number: ticks))
        }
      case .learned(let lessons):
        isSilent = lessons.isSilent && askedAfter == lists
        askedAfter = nil
        for (id, lesson) in lessons.byObject {
          switch lesson {
          case .causes(let causes): trackers[id]?.learned(causes)
          case .storage(let classes, let events): trackers[id]?.learned(storageClasses: classes, events: events)
          }
        }
      }
      let now = begin.duration(to: environment.clock.now)
      for subject in touched.map({ id in waiting[id].map { [$0] } ?? [] }) ?? late() {
        guard let verdict = trackers[subject.id]?.verdict(at: now) else { continue }
        switch verdict {
        case .ready: tell(subject.id, ObjectProgress("ready", isReady: true), &told)
        case .readyForNow(let owed):
          if !subject.acceptsDebt {
            tell(subject.id, ObjectProgress(owed, isReady: false), &told)
            if now >= subject.within {
              return await failure(subject, Cause("Pending", owed, in: "\(subject.id)"), now)
            }
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

  private func failure(_ subject: Subject, _ cause: Cause, _ after: Duration) async -> Failure {
    Failure(
      id: subject.id, cause: cause, after: after,
      lines: await reasons.lines(about: LateReasons.Late(subject.id, anchor: subject.anchor), cause))
  }
}
