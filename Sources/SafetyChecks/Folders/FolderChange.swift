internal import Diagnostics
internal import KubernetesModel
internal import MeshModel

/// Two folders, and every mesh between them.
struct FolderChange {
  /// What requests of a flow meet.
  struct Fate: Hashable {
    var targets: Set<ObjectID> = []
    /// Who gets a copy of them.
    var copies: Set<ObjectID> = []
    var faults: Set<Failure> = []
    /// What proxies answer by themselves, because a rule says so.
    var answers: Set<Answer> = []
    var isServed: Bool { faults.isEmpty && (!targets.isEmpty || answers.contains { !$0.isError }) }

    mutating func formUnion(_ other: Fate) {
      targets.formUnion(other.targets)
      copies.formUnion(other.copies)
      faults.formUnion(other.faults)
      answers.formUnion(other.answers)
    }
  }

  /// What a rule lets a proxy answer, where no pod is asked.
  enum Answer: Hashable {
    /// `fault.abort`, of all requests or of a part of them.
    case abort(status: Int, isForAll: Bool)
    case directResponse(status: Int)
    case redirect(status: Int, location: String)

    var isError: Bool {
      switch self {
      case .abort: true
      case .directResponse(let status): status >= 400
      case .redirect: false
      }
    }
  }

  /// An object in its two versions.
  struct Change {
    var id: ObjectID
    var old: PlacedObject?
    var new: PlacedObject?
    var isChanged: Bool { old?.value != new?.value }
  }

  /// What a flow meets: while everything is as it was, as it will be, and in every mesh between the two.
  struct Fates {
    var before: Fate
    var after: Fate
    var during: Fate
  }

  let before: FolderObjects
  let after: FolderObjects
  let names: (before: String, after: String)
  /// The place of the older folder in the sequence.
  let number: Int
  let options: FolderCheckOptions
  let gatewaysOfOthers: GatewaysOfOthers
  let flows: [FolderFlow]
  /// VirtualServices whose rules tell apart more requests than ``flows`` has.
  let cut: [ObjectID]
  /// What the intent says of calls between components; the requests after those of ``flows`` and of the intent's
  /// visitors.
  let intended: [IntendedCall]
  private(set) var changes: [Change] = []
  /// What the numbers of the mesh behind those of ``changes`` stand for: policies as clients know them.
  private var hints: [Change] = []
  var findings: [FolderFinding] = []
  var said: Set<String> = []

  private let mesh: Superposition
  private var known: [Fate] = []
  private var held: Superposition.Situation = []
  private var old: Superposition.Situation = []
  private var new: Superposition.Situation = []

  var configurations: Int { mesh.leaves }
  var count: Int { changes.filter(\.isChanged).count }
  var whereItIs: String { "between `\(names.before)` and `\(names.after)`" }

  init(_ before: FolderStage, _ after: FolderStage, number: Int, _ options: FolderCheckOptions) {
    names = (before.name, after.name)
    self.number = number
    self.options = options
    let written = (
      before: FolderObjects(before, options: options.mesh), after: FolderObjects(after, options: options.mesh)
    )
    gatewaysOfOthers = GatewaysOfOthers(written.before, written.after)
    let (before, after) = (gatewaysOfOthers.added(to: before), gatewaysOfOthers.added(to: after))
    self.before = FolderObjects(before, options: options.mesh)
    self.after = FolderObjects(after, options: options.mesh)
    mesh = Superposition(options: options.mesh)
    let intent = options.intent
    let asked = FolderFlows(self.before, self.after) { intent?.calls($0.labels, $1) ?? false }
    flows = asked.flows
    cut = asked.cut
    for flow in flows { _ = mesh.addRequest(flow.client, flow.traffic) }
    for f in intent?.model.entryFlows ?? [] {
      if let flow = intent?.model.flows[f] { _ = mesh.addRequest(flow.client, flow.traffic) }
    }
    intended = intent?.calls(self.before, self.after) ?? []
    for call in intended { _ = mesh.addRequest(call.client, call.traffic) }
    let ids = Set(before.objects.keys).union(after.objects.keys).sorted()
    changes = ids.map { Change(id: $0, old: before.objects[$0], new: after.objects[$0]) }
    for change in changes { add(change) { $0 } }
    addNamespaces()
    // The same change once more, for other proxies hear of it at another time.
    for change in changes where change.id.kind == "PeerAuthentication" {
      add(change) { $0.seenByClients }
      hints.append(change)
    }
  }

  // MARK: - The mesh

  /// - Parameter view: what the mesh is to see of each version.
  private mutating func add(_ change: Change, _ view: (MeshObject) -> MeshObject?) {
    let n = mesh.addObject(isWorkload: change.id.isWorkload)
    var variants: [Int] = []
    for (value, variant) in [(change.old?.value, 0), (change.isChanged ? change.new?.value : nil, 1)] {
      if let value, let object = MeshObject.parse(value, options: options.mesh).flatMap(view) {
        mesh.add(object, of: n, as: variant, for: [])
        variants.append(variant)
      }
    }
    let (a, b) = (change.old.map { replicas($0.value) } ?? 0, change.new.map { replicas($0.value) } ?? 0)
    let oldVariant = change.old == nil ? -1 : 0
    let newVariant = change.new == nil ? -1 : change.isChanged ? 1 : 0
    let least = change.isChanged ? readyDuring(change.old?.value, change.new?.value) : a
    func place(_ variants: [Int], _ least: Int, _ most: Int) -> Int32 {
      mesh.intern(Superposition.Holding(variants: variants, mayBeEmpty: least == 0, mayBeReady: most > 0), of: n)
    }
    old.append(place([oldVariant], a, a))
    new.append(place([newVariant], b, b))
    held.append(place(oldVariant == newVariant ? [oldVariant] : [oldVariant, newVariant], least, max(a, b)))
  }

  /// Of a namespace that no folder speaks of, the sidecars are taken for granted.
  private mutating func addNamespaces() {
    let known = Set(changes.lazy.filter { $0.id.kind == "Namespace" }.map(\.id.name))
    for name in Set(changes.map(\.id.namespace)).subtracting(known).sorted() where !name.isEmpty {
      let value: Value = [
        "apiVersion": "v1", "kind": "Namespace",
        "metadata": ["name": .string(name), "labels": ["istio-injection": "enabled"]],
      ]
      guard let id = ObjectID(value), let object = MeshObject.parse(value, options: options.mesh) else { continue }
      let n = mesh.addObject(isWorkload: false)
      mesh.add(object, of: n, as: 0, for: [])
      let place = mesh.intern(Superposition.Holding(variants: [0]), of: n)
      old.append(place)
      new.append(place)
      held.append(place)
      changes.append(Change(id: id))
    }
  }

  private mutating func explore(_ request: Int, _ situation: Superposition.Situation, _ visit: (Fate) -> Void) {
    mesh.explore(
      request, in: situation, answer: { number(of: Self.fate($0)) }, visit: { visit(known[Int($0)]) })
  }

  private mutating func number(of fate: Fate) -> Int32 {
    if let place = known.firstIndex(of: fate) { return Int32(place) }
    known.append(fate)
    return Int32(known.count - 1)
  }

  private static func fate(_ result: RouteResult) -> Fate {
    var fate = Fate()
    for branch in result.branches {
      switch branch.outcome {
      case .destination(let destination):
        fate.targets.formUnion(destination.endpoints.map(\.workload))
        fate.copies.formUnion((destination.forwarding?.mirrors ?? []).flatMap(\.endpoints).map(\.workload))
      case .failure(var failure):
        failure.workloads = []
        fate.faults.insert(failure)
      case .abort(let status):
        fate.answers.insert(.abort(status: status, isForAll: branch.probability >= 1))
      case .directResponse(let status, _): fate.answers.insert(.directResponse(status: status))
      case .redirect(let redirect):
        fate.answers.insert(.redirect(status: redirect.status, location: redirect.location))
      case .passthrough, .delegated: break
      }
    }
    return fate
  }

  private mutating func all(_ request: Int, _ situation: Superposition.Situation) -> Fate {
    var all = Fate()
    explore(request, situation) { all.formUnion($0) }
    return all
  }

  mutating func fates(_ request: Int) -> Fates {
    Fates(before: all(request, old), after: all(request, new), during: all(request, held))
  }

  // MARK: - Whose fault it is

  struct Culprit {
    var change: Change
    /// The objects that a proxy must have in their new version, in the order in which a request reads them.
    var held: [ObjectID]

    var range: SourceRange? { (change.new ?? change.old)?.range }
    func isAllowed(_ code: Code) -> Bool { (change.new ?? change.old)?.allowed.contains(code.slug) == true }
    var label: String {
      let verb = change.new == nil ? "deletes" : change.old == nil ? "creates" : "changes"
      return change.isChanged ? "\(verb) \(change.id)" : "\(change.id)"
    }
  }

  /// The object whose new version makes it possible, with as little new as there can be: else of `kinds`, else
  /// `subject`.
  mutating func culprit(
    _ request: Int, isLasting: Bool, kinds: Set<String> = [], subject: ObjectID? = nil, where shows: (Fate) -> Bool
  ) -> Culprit? {
    var best: [Superposition.Choice]?
    var pods: Set<Int> = []
    let mesh = mesh
    explore(request, isLasting ? new : held) { fate in
      pods.formUnion(mesh.workloads)
      let seen = mesh.chosen
      if shows(fate), best.map({ $0.count > seen.count }) ?? true { best = seen }
    }
    // In the end there is one version of each object, so none was chosen: any that is new may have done it.
    let all = changes + hints
    var seen: [Int] = []
    for choice in best ?? [] where all[choice.object].isChanged {
      if !seen.contains(where: { all[$0].id == all[choice.object].id }) { seen.append(choice.object) }
    }
    let short = pods.sorted().filter { changes[$0].isChanged }
    let likely = changes.indices.filter { changes[$0].isChanged && kinds.contains(changes[$0].id.kind) }
    let place =
      (isLasting ? likely.first : nil) ?? seen.first ?? short.first
      ?? changes.firstIndex { $0.id == subject } ?? changes.firstIndex(where: \.isChanged)
    return place.map { Culprit(change: all[$0], held: seen.map { all[$0].id }) }
  }
}
