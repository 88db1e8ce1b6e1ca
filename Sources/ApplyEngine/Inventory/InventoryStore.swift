package import ClusterAPI
internal import KubernetesModel

/// Reads and writes one plan's inventory. To be used under the plan's lock; the version of the head guards it besides.
package actor InventoryStore {
  private let cluster: any Cluster
  private let plan: String
  private let namespace: String
  private let type = ResourceType(
    groupVersion: GroupVersion(group: "", version: "v1"), kind: "ConfigMap", plural: "configmaps", isNamespaced: true)
  /// The head as the server has it.
  private var head: Value?

  package init(plan: String, namespace: String, in cluster: any Cluster) {
    self.cluster = cluster
    self.plan = plan
    self.namespace = namespace
  }

  /// Nil where the plan never ran here; without a record where it ran with nothing to tell of.
  ///
  /// Who reads without the lock may read while a run writes: when a chunk has gone because a newer head names others, the
  /// newer one is read.
  package func load() async throws(InventoryError) -> (inventory: Inventory, record: RunRecord?)? {
    var missing: (chunk: String, version: String?)?
    while true {
      head = try await get(InventoryDocument.name(of: plan))
      guard let head else { return nil }
      let version = head.at("metadata", "resourceVersion")?.string
      if let missing, missing.version == version {
        throw .unreadable("ConfigMap \(missing.chunk) is missing")
      }
      missing = nil
      var chunks: [Value] = []
      for name in InventoryDocument.chunkNames(of: head) {
        guard let chunk = try await get(name) else {
          missing = (name, version)
          break
        }
        chunks.append(chunk)
      }
      if missing != nil { continue }
      return (try InventoryDocument.read(head: head, chunks: chunks), try InventoryDocument.record(in: head))
    }
  }

  private func get(_ name: String) async throws(InventoryError) -> Value? {
    do throws(ClusterError) {
      return try await cluster.get(reference(name))
    } catch {
      if error.isNotFound { return nil }
      throw .cluster("\(error)")
    }
  }

  /// Chunks first, then the head, then away with chunks that no head names: a crash at any point leaves the inventory
  /// before or the one after.
  package func save(
    _ inventory: Inventory, record: RunRecord? = nil, chunkSize: Int = InventoryDocument.chunkSize
  ) async throws(InventoryError) {
    let document = InventoryDocument(inventory, record: record, namespace: namespace, chunkSize: chunkSize)
    let names = InventoryDocument.chunkNames(of: document.head)
    let old = head.map { InventoryDocument.chunkNames(of: $0) } ?? []
    do throws(ClusterError) {
      for (name, chunk) in zip(names, document.chunks) where !old.contains(name) {
        _ = try await cluster.apply(ApplyRequest(chunk, to: reference(name)))
      }
      let target = reference(InventoryDocument.name(of: plan))
      if let head {
        var metadata = document.head["metadata"]?.fields ?? Fields()
        for key in ["uid", "resourceVersion"] { metadata[key] = head.at("metadata", key) }
        let patch: Value = ["metadata": .object(metadata), "data": document.head["data"] ?? .null]
        let result = try await cluster.patch(PatchRequest(patch, .merge, to: target))
        self.head = result.object
      } else {
        // A POST fails where another run's head appeared meanwhile; an apply would take it over.
        self.head = try await cluster.create(CreateRequest(document.head, in: target.collection)).object
      }
    } catch {
      guard error.status?.code == 409 else { throw .cluster("\(error)") }
      // Ours, if the answer to an attempt before was lost: nobody else writes this run at this moment.
      guard let now = try? await cluster.get(reference(InventoryDocument.name(of: plan))),
        now["data"] == document.head["data"]
      else { throw .changed }
      self.head = now
    }
    for name in Set(old).subtracting(names) {
      // One chunk too many harms nobody.
      _ = try? await cluster.delete(DeleteRequest(reference(name), uid: nil))
    }
  }

  private func reference(_ name: String) -> ObjectReference { type.named(name, in: namespace) }
}
