package import ClusterAPI
internal import KubernetesModel

/// The lock of a plan as those see it who do not run: who holds it, and, for a person who knows that the holder is no
/// more, a way to take it from them.
package struct LockKeeper: Sendable {
  package enum UnlockError: Error, Hashable, Sendable {
    /// Nobody holds it.
    case free
    case heldByAnother(LeaseRecord)
    /// The holder showed life at this moment.
    case alive(LeaseRecord)
    case cluster(ClusterError)
  }

  private let cluster: any Cluster
  private let target: ObjectReference

  package init(plan: String, namespace: String, in cluster: any Cluster) {
    self.cluster = cluster
    target = ResourceType.leases.named(PlanNames.lock(plan), in: namespace)
  }

  /// Nil where nobody holds it. Whether the holder lives cannot be told by looking once.
  package func holder() async throws(ClusterError) -> LeaseRecord? {
    guard let record = try await look().flatMap({ LeaseRecord($0) }), !record.holder.isEmpty else { return nil }
    return record
  }

  /// Takes the lock from `run`. Should it live after all, it finds out before its next write.
  package func unlock(run: String) async throws(UnlockError) {
    let live: Value?
    do throws(ClusterError) { live = try await look() } catch { throw .cluster(error) }
    guard let live, let record = LeaseRecord(live), !record.holder.isEmpty else { throw .free }
    guard record.run == run || record.holder == run else { throw .heldByAnother(record) }
    do throws(ClusterError) {
      _ = try await cluster.patch(PatchRequest(["spec": ["holderIdentity": .null]], over: live, to: target))
    } catch {
      throw error.status?.code == 409 ? .alive(record) : .cluster(error)
    }
  }

  private func look() async throws(ClusterError) -> Value? {
    do throws(ClusterError) {
      return try await cluster.get(target)
    } catch {
      if error.isNotFound { return nil }
      throw error
    }
  }
}
