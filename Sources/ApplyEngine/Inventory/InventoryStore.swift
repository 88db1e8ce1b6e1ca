package import ClusterAPI
internal import KubernetesModel

/// Reads and writes one plan's inventory. To be used under the plan's lock; the version of the head guards it besides.
package actor InventoryStore {
  private let cluster: any Cluster
  private let plan: String
  private let namespace: String
  private let type = ResourceType.configMaps
  /// The head as the server has it, as far as we know.
  private var head: Value?
  /// What we sent and heard nothing of: the head may hold this instead.
  private var unanswered: Value?
  /// Whether no chunk is there but those of the head: a run that was killed between the two leaves some.
  private var isTidy = false

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
      head = try await get(PlanNames.record(plan))
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
      throw .cluster(error)
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
    for (name, chunk) in zip(names, document.chunks) where !old.contains(name) { try await saveChunk(name, chunk) }
    try await saveHead(document.head)
    let stray = isTidy ? nil : try await strayChunks(besides: names)
    isTidy = isTidy || stray != nil
    for name in stray ?? Set(old).subtracting(names) {
      do throws(ClusterError) {
        _ = try await cluster.delete(DeleteRequest(reference(name), uid: nil))
      } catch {
        // One chunk too many harms nobody; the next save looks for it.
        if !error.isNotFound { isTidy = false }
        if error.isSilence { throw .cluster(error) }
      }
    }
  }

  /// To be asked once a head of ours stands: one that somebody sent before, who lost the lock since, can then no longer
  /// come through and name one of these. Nil where they cannot be seen.
  private func strayChunks(besides names: [String]) async throws(InventoryError) -> Set<String>? {
    var collection = type.collection(in: namespace)
    collection.labelSelector = "\(InventoryDocument.label)=\(plan)"
    let found: [Value]
    do throws(ClusterError) {
      found = try await cluster.list(collection).items
    } catch {
      if error.isSilence { throw .cluster(error) }
      return nil
    }
    let chunks = found.compactMap { $0.at("metadata", "name")?.string }
      .filter { InventoryDocument.isChunk($0, of: plan) }
    return Set(chunks).subtracting(names)
  }

  private func saveChunk(_ name: String, _ chunk: Value) async throws(InventoryError) {
    var attempt = 1
    while true {
      do throws(ClusterError) {
        _ = try await cluster.apply(ApplyRequest(chunk, to: reference(name)))
        return
      } catch {
        guard error.status?.code == 409, attempt < Self.attempts else { throw .cluster(error) }
        attempt += 1
      }
    }
  }

  /// Written over what we know; where it is not that any more, what stands there tells whether it is ours: nobody else
  /// writes what we tried to write.
  private func saveHead(_ new: Value) async throws(InventoryError) {
    for _ in 0..<Self.attempts {
      do throws(ClusterError) {
        head = try await send(new)
        unanswered = nil
        return
      } catch {
        if error.mayHaveTakenEffect { unanswered = new["data"] }
        guard error.status?.code == 409 else { throw .cluster(error) }
        let now: Value?
        do throws(ClusterError) {
          now = try await cluster.get(reference(PlanNames.record(plan)))
        } catch {
          guard error.isNotFound else { throw .cluster(error) }
          now = nil
        }
        if let now, now["data"] == new["data"] {
          head = now
          unanswered = nil
          return
        }
        guard now?["data"] == head?["data"] || (now != nil && now?["data"] == unanswered) else { throw .changed }
        head = now
      }
    }
    throw .cluster(.notUnderstood("it changes faster than it can be written"))
  }

  private func send(_ new: Value) async throws(ClusterError) -> Value {
    let target = reference(PlanNames.record(plan))
    // A POST fails where another run's head appeared meanwhile; an apply would take it over.
    guard let head else { return try await cluster.create(CreateRequest(new, in: target.collection)).object }
    return try await cluster.patch(PatchRequest(new, over: head, to: target)).object
  }

  /// Tries to write over what changes under our eyes.
  private static let attempts = 5

  private func reference(_ name: String) -> ObjectReference { type.named(name, in: namespace) }
}
