package import ClusterAPI
internal import KubernetesModel

/// Leaves answers, and the wish to stop, for a run that is at work on another machine. What was asked of an earlier run is
/// dropped with the first request to a new one.
package struct RequestsStore: Sendable {
  private let cluster: any Cluster
  private let plan: String
  private let namespace: String
  /// Two people who answer at the same moment: the second reads what the first wrote, and adds to it.
  private static let attempts = 5

  package init(plan: String, namespace: String, in cluster: any Cluster) {
    self.plan = plan
    self.namespace = namespace
    self.cluster = cluster
  }

  /// What was answered to a question of this run already; nil where nothing was.
  package func answer(to key: String, run: String) async throws(ClusterError) -> Answer? {
    do throws(ClusterError) {
      let live = try await cluster.get(RunRequests.reference(plan: plan, namespace: namespace))
      let requests = RunRequests(live)
      guard requests.run == run else { return nil }
      return requests.answers[key]
    } catch {
      if error.isNotFound { return nil }
      throw error
    }
  }

  package func answer(_ key: String, with answer: Answer, run: String) async throws(ClusterError) {
    try await change(run) { $0.answers[key] = answer }
  }

  package func abort(by who: String, run: String) async throws(ClusterError) {
    try await change(run) { $0.abortBy = who }
  }

  private func change(_ run: String, _ edit: (inout RunRequests) -> Void) async throws(ClusterError) {
    for attempt in 1... {
      do throws(ClusterError) {
        return try await changeOnce(run, edit)
      } catch {
        guard error.status?.code == 409, attempt < Self.attempts else { throw error }
      }
    }
  }

  private func changeOnce(_ run: String, _ edit: (inout RunRequests) -> Void) async throws(ClusterError) {
    let target = RunRequests.reference(plan: plan, namespace: namespace)
    var live: Value?
    do throws(ClusterError) {
      live = try await cluster.get(target)
    } catch {
      guard error.isNotFound else { throw error }
    }
    var requests = live.map { RunRequests($0) } ?? RunRequests()
    if requests.run != run {
      requests = RunRequests()
      requests.run = run
    }
    edit(&requests)
    let object = requests.configMap(plan: plan, namespace: namespace)
    guard let live else {
      _ = try await cluster.create(CreateRequest(object, in: target.collection))
      return
    }
    _ = try await cluster.patch(PatchRequest(object, over: live, to: target))
  }
}
