package import KubernetesModel

/// A whole cluster in one value: API server, controllers, scheduler, kubelet, all on virtual time. Nothing happens but
/// in ``respond(to:)`` and ``advance(to:)``; the same calls give the same cluster, name for name. Copying it takes a
/// snapshot.
///
/// The story: each write leaves events in the store's history. ``drain()`` reads them and queues the keys that some
/// controller has to look at, with the delay of that controller. A timer whose moment has come is taken off the queue,
/// its controller compares what is with what should be and writes one step, which leaves events again.
package struct SandboxCluster: Sendable {
  package var server: APIServer
  package var timing: ControlPlaneTiming
  package var defaultBehaviour: PodBehaviour
  /// By `namespace/name` of a Deployment, StatefulSet, DaemonSet or Job, or of a Pod without an owner.
  private var behaviours: [String: PodBehaviour] = [:]
  /// The same, of workloads that say in their annotation what becomes of their pods.
  private var statedFates: [String: PodBehaviour.Fate] = [:]
  /// What somebody puts into namespaces; each says its own.
  private(set) var companions: [Value] = []
  private var cursor: Int
  private var timers: [Timer] = []
  private var queued: Set<Task> = []
  private var sequence = 0
  var pods: [String: PodRuntime] = [:]
  var nextPodAddress = 1
  var nextLoadBalancer = 1

  /// Something to do at a moment.
  enum Task: Hashable, Sendable {
    case reconcile(ObjectKey)
    case pod(ObjectKey, uid: String, PodStep)
    case bind(ObjectKey, uid: String)
    case loadBalancer(ObjectKey, uid: String)
    case orphaned(uid: String, namespace: String)
    case finalize(ObjectKey)
  }

  private struct Timer: Sendable {
    var at: Timestamp
    var sequence: Int
    var task: Task
  }

  package init(
    now: Timestamp = .start, seed: UInt64 = 1, timing: ControlPlaneTiming = ControlPlaneTiming(),
    behaviour: PodBehaviour = PodBehaviour(), registry: Registry = Registry()
  ) {
    server = APIServer(store: ClusterStore(registry: registry, now: now, seed: seed))
    self.timing = timing
    defaultBehaviour = behaviour
    cursor = 0
    bootstrap()
  }

  package var store: ClusterStore { server.store }
  /// Whether new pods of namespaces with `istio-injection: enabled` get a sidecar, as from Istio's webhook.
  package var injectsSidecars: Bool {
    get { server.store.injectsSidecars }
    set { server.store.injectsSidecars = newValue }
  }
  package var now: Timestamp { server.store.now }

  /// Serves objects of a kind that nothing here acts on: they are kept, and have no effect.
  package mutating func keepKind(group: String, version: String, kind: String, scope: ResourceType.Scope) {
    server.store.registry.keep(group: group, version: version, kind: kind, scope: scope)
  }

  /// Puts `object` into its namespace as soon as that is there, and so again after it was deleted and made anew.
  package mutating func accompany(_ object: Value) {
    companions.append(object)
    reconcileNamespace(ObjectKey("namespaces", "", object.namespace))
    run()
  }

  // MARK: - Behaviour

  package func behaviour(of workload: String, namespace: String) -> PodBehaviour {
    let key = namespace + "/" + workload
    var behaviour = behaviours[key] ?? defaultBehaviour
    if let fate = statedFates[key] { behaviour.fate = fate }
    return behaviour
  }

  /// On a workload: what becomes of its pods, as `PodBehaviour.Fate.init(stated:)` reads it.
  package static let fateAnnotation = "sandbox.rolloutc.dev/fate"

  /// The annotation of a workload came, changed or went: its pods are set on their new way.
  private mutating func noteFate(_ event: StoreEvent) {
    let key = event.key.namespace + "/" + event.key.name
    let stated = event.kind == .deleted ? nil : event.object.annotations[SandboxCluster.fateAnnotation]
    let fate = stated.flatMap { PodBehaviour.Fate(stated: $0) }
    guard statedFates[key] != fate else { return }
    statedFates[key] = fate
    for (uid, runtime) in pods where runtime.workload == key { revise(uid, runtime) }
  }

  /// Sets what becomes of pods that a workload starts from now on, and of running ones at their next step.
  package mutating func setBehaviour(_ behaviour: PodBehaviour?, of workload: String, namespace: String) {
    behaviours[namespace + "/" + workload] = behaviour
    for (uid, runtime) in pods where runtime.workload == namespace + "/" + workload {
      revise(uid, runtime)
    }
    run()
  }

  // MARK: - Requests and time

  /// Answers one request at the present moment, then lets controllers act that need no time.
  package mutating func respond(to request: APIRequest) -> APIResponse {
    let response = server.respond(to: request)
    run()
    return response
  }

  /// Makes it `time`, and everything happen that was to happen until then, in its order. Never goes back.
  package mutating func advance(to time: Timestamp) {
    run(until: time)
    if time > server.store.now { server.store.now = time }
  }

  package mutating func advance(by milliseconds: Int) { advance(to: now.advanced(by: milliseconds)) }

  /// The moment of the next thing to happen; nil if the cluster is at rest.
  package var nextMoment: Timestamp? { timers.first?.at }

  /// Goes from event to event until `isDone`, or until nothing is left to happen, or until `limit` milliseconds have
  /// passed. Returns whether `isDone` came true.
  @discardableResult
  package mutating func advance(limit: Int = 3_600_000, until isDone: (SandboxCluster) -> Bool) -> Bool {
    let end = now.advanced(by: limit)
    while true {
      if isDone(self) { return true }
      guard let next = nextMoment, next <= end else {
        return false
      }
      advance(to: next)
    }
  }

  /// Drops the history of changes: every watch and page begun before gets 410.
  package mutating func compact() {
    drain()
    server.store.compact()
    cursor = store.version
  }

  // MARK: - The loop

  mutating func schedule(_ task: Task, after delay: Int) {
    guard queued.insert(task).inserted else { return }
    sequence += 1
    let timer = Timer(at: now.advanced(by: max(0, delay)), sequence: sequence, task: task)
    var low = 0
    var high = timers.count
    while low < high {
      let middle = (low + high) / 2
      if (timers[middle].at, timers[middle].sequence) < (timer.at, timer.sequence) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    timers.insert(timer, at: low)
  }

  /// Looks at `key` again at a later moment, whatever else is queued.
  mutating func recheck(_ key: ObjectKey, after delay: Int) {
    sequence += 1
    let timer = Timer(at: now.advanced(by: max(1, delay)), sequence: sequence, task: .reconcile(key))
    if timers.contains(where: { $0.task == timer.task && $0.at == timer.at }) { return }
    let index = timers.firstIndex { $0.at > timer.at } ?? timers.count
    timers.insert(timer, at: index)
  }

  private mutating func run(until end: Timestamp? = nil) {
    let end = end ?? now
    drain()
    while let first = timers.first, first.at <= end {
      timers.removeFirst()
      queued.remove(first.task)
      if first.at > now { server.store.now = first.at }
      perform(first.task)
      drain()
    }
  }

  private mutating func perform(_ task: Task) {
    switch task {
    case .reconcile(let key): reconcile(key)
    case .pod(let key, let uid, let step): advancePod(key, uid, step)
    case .bind(let key, let uid): bindClaim(key, uid)
    case .loadBalancer(let key, let uid): giveLoadBalancer(key, uid)
    case .orphaned(let uid, let namespace): collectDependents(of: uid, namespace)
    case .finalize(let key): finalize(key)
    }
  }

  private mutating func reconcile(_ key: ObjectKey) {
    switch key.resource {
    case "deployments.apps": reconcileDeployment(key)
    case "replicasets.apps": reconcileReplicaSet(key)
    case "statefulsets.apps": reconcileStatefulSet(key)
    case "daemonsets.apps": reconcileDaemonSet(key)
    case "jobs.batch": reconcileJob(key)
    case "services": reconcileService(key)
    case "namespaces": reconcileNamespace(key)
    case "persistentvolumeclaims": reconcileClaim(key)
    default: break
    }
  }

  /// Queues what the newest changes concern.
  private mutating func drain() {
    guard cursor < store.version else { return }
    let events = store.changes(after: cursor) ?? []
    cursor = store.version
    for event in events { note(event) }
  }

  private mutating func note(_ event: StoreEvent) {
    let key = event.key
    let object = event.object
    switch key.resource {
    case "deployments.apps", "replicasets.apps", "statefulsets.apps", "daemonsets.apps", "jobs.batch", "services",
      "persistentvolumeclaims":
      if event.kind != .deleted { schedule(.reconcile(key), after: timing.controllerDelay) }
      if let owner = object.controller {
        scheduleOwner(owner, key.namespace)
      } else if key.resource.contains(".") {
        noteFate(event)
      }
    case "namespaces":
      if event.kind != .deleted {
        schedule(.reconcile(key), after: object.isDeleting ? timing.garbageDelay : timing.controllerDelay)
      }
    case "pods":
      notePod(event)
      if let owner = object.controller {
        scheduleOwner(owner, key.namespace)
        // Kubernetes, deployment controller `deletePod`: a Recreate waits for the last pod, which counts nowhere by then.
        if event.kind == .deleted, let name = owner["name"]?.string,
          let top = store.object("replicasets.apps", key.namespace, name)?.controller
        {
          scheduleOwner(top, key.namespace)
        }
      }
      for service in store.keys("services") where service.namespace == key.namespace {
        schedule(.reconcile(service), after: timing.controllerDelay)
      }
      for claim in claims(of: object) {
        schedule(
          .reconcile(ObjectKey("persistentvolumeclaims", key.namespace, claim)), after: timing.controllerDelay)
      }
    default: break
    }
    if event.kind == .deleted {
      if key.resource != "events" {
        schedule(.orphaned(uid: object.uid, namespace: key.namespace), after: timing.garbageDelay)
      }
    } else if object.isDeleting,
      object.finalizers.contains("foregroundDeletion") || object.finalizers.contains("orphan")
    {
      schedule(.finalize(key), after: timing.garbageDelay)
    }
    for owner in object.ownerReferences where owner["blockOwnerDeletion"]?.bool == true {
      if let type = store.registry.type(
        apiVersion: owner["apiVersion"]?.string ?? "", kind: owner["kind"]?.string ?? "")
      {
        let ownerKey = store.key(type, key.namespace, owner["name"]?.string ?? "")
        if let live = store[ownerKey], live.isDeleting { schedule(.finalize(ownerKey), after: timing.garbageDelay) }
      }
    }
  }

  private mutating func scheduleOwner(_ owner: Value, _ namespace: String) {
    guard
      let type = store.registry.type(apiVersion: owner["apiVersion"]?.string ?? "", kind: owner["kind"]?.string ?? "")
    else { return }
    schedule(
      .reconcile(store.key(type, namespace, owner["name"]?.string ?? "")), after: timing.controllerDelay)
  }

  // MARK: - Controllers' writes

  /// Stores what a controller made of `object`, recorded under its name, if it changed anything.
  mutating func write(_ new: Value, _ key: ObjectKey, by manager: String, subresource: String = "") {
    guard let old = store[key], let type = store.registry[key.resource] else { return }
    var new = new
    var stripped = (old, new)
    stripped.0.updateMetadata { $0["managedFields"] = nil }
    stripped.1.updateMetadata { $0["managedFields"] = nil }
    if stripped.0 == stripped.1 { return }
    let writer = Writer(
      manager: manager, apiVersion: type.apiVersion, subresource: subresource, time: now.rfc3339,
      reset: subresource == "status" ? [["spec"]] : [["status"]])
    let entries = recordUpdate(old: old, new: new, entries: managedFields(of: old), by: writer, type.schema)
    setManagedFields(entries, of: &new)
    if new.isDeleting, new.finalizers.isEmpty, key.resource != "pods", key.resource != "namespaces" {
      server.store.remove(key)
    } else {
      server.store.put(new, at: key)
    }
  }

  @discardableResult
  mutating func make(_ resource: String, _ namespace: String, _ object: Value, by manager: String) -> Value? {
    guard let type = store.registry[resource] else { return nil }
    return try? server.store.create(
      type, namespace, object, WriteOptions(manager: manager, apiVersion: type.apiVersion))
  }

  mutating func erase(_ key: ObjectKey, _ options: DeleteOptions = DeleteOptions()) {
    guard let type = store.registry[key.resource] else { return }
    _ = try? server.store.delete(type, key.namespace, key.name, options)
  }

  /// Writes an Event about `object`, or counts it up.
  mutating func tell(_ object: Value, _ reason: String, _ message: String, by source: String, isWarning: Bool = false) {
    let namespace = object.namespace.isEmpty ? "default" : object.namespace
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in (object.uid + reason + message).utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let name = object.name + "." + String(hash, radix: 16)
    let key = ObjectKey("events", namespace, name)
    if var live = store[key] {
      live.set(.int(min((live["count"]?.int ?? 1).next, Int(Int32.max))), at: "count")
      live.set(.string(now.rfc3339), at: "lastTimestamp")
      server.store.put(live, at: key)
      return
    }
    var involved: Fields = [
      "kind": .string(object.kind), "namespace": .string(object.namespace), "name": .string(object.name),
      "uid": .string(object.uid), "apiVersion": object["apiVersion"] ?? "v1",
      "resourceVersion": .string(object.resourceVersion),
    ]
    if object.kind == "Pod", let container = object.at("spec", "containers")?[0]?["name"]?.string,
      source == "kubelet"
    {
      involved["fieldPath"] = .string("spec.containers{\(container)}")
    }
    make(
      "events", namespace,
      [
        "kind": "Event", "apiVersion": "v1", "metadata": ["name": .string(name), "namespace": .string(namespace)],
        "involvedObject": .object(involved), "reason": .string(reason), "message": .string(message),
        "source": ["component": .string(source)], "firstTimestamp": .string(now.rfc3339),
        "lastTimestamp": .string(now.rfc3339), "count": 1, "type": isWarning ? "Warning" : "Normal",
        "eventTime": .null, "reportingComponent": .string(source), "reportingInstance": "",
      ], by: source)
  }

  // MARK: - The first objects

  private mutating func bootstrap() {
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
      make(
        "namespaces", "", ["kind": "Namespace", "apiVersion": "v1", "metadata": ["name": .string(name)]],
        by: "kube-apiserver")
      reconcileNamespace(ObjectKey("namespaces", "", name))
    }
    make(
      "storageclasses.storage.k8s.io", "",
      [
        "kind": "StorageClass", "apiVersion": "storage.k8s.io/v1",
        "metadata": [
          "name": "standard", "annotations": ["storageclass.kubernetes.io/is-default-class": "true"],
        ],
        "provisioner": "sandbox.rolloutc.dev/local", "volumeBindingMode": "WaitForFirstConsumer",
      ], by: "kube-apiserver")
    make(
      "nodes", "",
      [
        "kind": "Node", "apiVersion": "v1",
        "metadata": [
          "name": .string(SandboxCluster.nodeName),
          "labels": ["kubernetes.io/hostname": .string(SandboxCluster.nodeName)],
        ],
      ], by: "kubelet")
    let node = ObjectKey("nodes", "", SandboxCluster.nodeName)
    if var object = store[node] {
      object.set(
        [
          "conditions": [
            [
              "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
              "lastHeartbeatTime": .string(now.rfc3339), "lastTransitionTime": .string(now.rfc3339),
            ]
          ],
          "nodeInfo": ["kubeletVersion": .string(server.gitVersion)],
        ], at: "status")
      write(object, node, by: "kubelet", subresource: "status")
    }
    make(
      "services", "default",
      [
        "kind": "Service", "apiVersion": "v1",
        "metadata": [
          "name": "kubernetes", "labels": ["component": "apiserver", "provider": "kubernetes"],
        ],
        "spec": [
          "clusterIP": "10.96.0.1", "ports": [["name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443]],
        ],
      ], by: "kube-apiserver")
    run()
  }

  package static let nodeName = "sandbox-1"
}
