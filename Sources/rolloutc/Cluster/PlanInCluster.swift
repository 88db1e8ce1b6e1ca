import ApplyEngine
import ClusterAPI
import RolloutPlan

extension PlanRequest {
  /// The plan is said by its file, or by standard input; else it is only its name.
  var namesFile: Bool {
    plan == "-" || plan.contains("/") || plan.hasSuffix(".rollout") || IO.exists(plan) && !IO.isDirectory(plan)
  }
}

/// A plan as the cluster knows it: for commands that need no plan file, or nothing of it but its name.
struct PlanInCluster: Sendable {
  let name: String
  let namespace: String
  let target: ClusterTarget
  let invocation: Invocation
  /// The plan was read, and not only named.
  let isFile: Bool

  /// - Parameter request: of a plan file, or with the name of a plan in place of one.
  init(_ request: PlanRequest, _ connection: ConnectionOptions) throws {
    isFile = request.namesFile
    if isFile, let approval = try SavedApproval(request) {
      let plan = PlanRequest(approval.saved, diagnostics: request.diagnostics)
      invocation = Invocation(plan: plan, savedAt: request.plan, connection: connection)
    } else {
      invocation = Invocation(plan: request, connection: connection)
    }
    if isFile {
      let plan = try request.checked().plan
      try connection.check(against: plan)
      target = try ClusterTarget(connection)
      try target.check(against: plan)
      (name, namespace) = (plan.name, plan.namespace)
    } else {
      target = try ClusterTarget(connection)
      if request.plan.contains(".") || dnsSubdomainProblem(request.plan) != nil {
        throw Failure("`\(request.plan)` is neither a file nor the name of a plan", code: Exit.usage)
      }
      // A plan that says no namespace has its own name for it.
      (name, namespace) = (request.plan, connection.namespace ?? request.plan)
    }
  }

  /// What the cluster remembers of it; nil where it never ran there.
  func memory() async throws -> (inventory: Inventory, record: RunRecord?)? {
    _ = try await target.reach()
    do {
      return try await InventoryStore(plan: name, namespace: namespace, in: target.cluster).load()
    } catch {
      throw Failure("cannot read what the plan `\(name)` did in the namespace `\(namespace)`", error, plan: name)
    }
  }

  /// How many Deployments carry the plan's labels; none where they cannot be seen.
  func deployments() async -> Int {
    var collection = ResourceType.deployments.collection(in: namespace)
    collection.labelSelector = "app.kubernetes.io/managed-by=rolloutc,app.kubernetes.io/part-of=\(name)"
    return (try? await target.cluster.list(collection).items.count) ?? 0
  }

  /// The run that the cluster remembers; a failure where there is none.
  func record() async throws -> RunRecord {
    guard let record = try await memory()?.record else { throw neverRan }
    return record
  }

  var neverRan: Failure {
    Failure(
      "no plan `\(name)` ran in the namespace `\(namespace)`, as far as the cluster knows\n"
        + target.words + (isFile ? "" : "\nname its file, or its namespace with -n"))
  }

  func holder() async throws -> LeaseRecord? {
    do {
      return try await lock.holder()
    } catch {
      throw Failure("cannot read the lock of the plan: \(error)")
    }
  }

  var lock: LockKeeper { LockKeeper(plan: name, namespace: namespace, in: target.cluster) }
  var requests: RequestsStore { RequestsStore(plan: name, namespace: namespace, in: target.cluster) }
}

extension Failure {
  /// The record of `plan` cannot be read: what that stops, why, and what to do about it.
  init(_ what: String, _ error: InventoryError, plan: String) {
    self.init("\(what): \(error)" + (error.wayOut(plan).map { "\n" + $0 } ?? ""))
  }
}
