import ClusterAPI
import Diagnostics
import KubernetesModel
import Lowering
import Rehearsal
import Sandbox
import Synchronization
import TestSupport
import Testing

@testable import ApplyEngine

@Suite struct InventoryTests {
  private func id(_ name: String) -> ObjectID {
    ObjectID(group: "apps", kind: "Deployment", namespace: "shop", name: name)
  }

  private func live(_ name: String, uid: String, deleting: Bool = false) -> Value {
    var metadata: Fields = ["name": .string(name), "namespace": "shop", "uid": .string(uid)]
    if deleting { metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z" }
    return ["apiVersion": "apps/v1", "kind": "Deployment", "metadata": .object(metadata)]
  }

  @Test("an object is ours by its UID alone")
  func ownership() throws {
    var inventory = Inventory(plan: "shop")
    #expect(inventory.ownership(of: id("web"), live: nil) == .absent)
    #expect(inventory.ownership(of: id("web"), live: live("web", uid: "1")) == .foreign)
    inventory.expect([id("web")], phase: 0)
    #expect(inventory.ownership(of: id("web"), live: live("web", uid: "1")) == .unproven(uid: "1"))
    try applied(live("web", uid: "1"), phase: 0, in: &inventory)
    #expect(inventory.ownership(of: id("web"), live: live("web", uid: "1")) == .ours(uid: "1"))
    #expect(inventory.ownership(of: id("web"), live: live("web", uid: "2")) == .replaced(ours: "1", live: "2"))
    #expect(inventory.ownership(of: id("web"), live: live("web", uid: "1", deleting: true)) == .terminating(uid: "1"))
  }

  @Test("an entry leaves only when its object was seen to be gone")
  func refusedDeletion() throws {
    var inventory = Inventory(plan: "shop")
    try applied(live("web", uid: "1"), phase: 0, in: &inventory)
    inventory.expect([id("web")], phase: 1)
    #expect(inventory[id("web")]?.uid == "1", "a UID that is known stays known")
    inventory.expectDeletion(of: [id("web"), id("never")], phase: 2)
    inventory.failed(id("web"), phase: 2)
    #expect(inventory.entries == [.init(id: id("web"), uid: "1", outcome: .deleting, phase: 2, intent: nil)])
    inventory.gone(id("web"))
    #expect(inventory.entries.isEmpty)
  }

  private func applied(_ object: Value, phase: Int, in inventory: inout Inventory) throws {
    let write = Write(
      action: .update, id: try #require(ObjectID(object)), object: ["kind": "Deployment", "n": .int(phase)],
      previous: nil, origin: SourceRange(file: FileID(0), start: 0, end: 0))
    inventory.record(.written(object, wasCreated: true), of: write, phase: phase)
  }

  private func random(_ count: Int, _ random: inout SeededGenerator) throws -> Inventory {
    var inventory = Inventory(plan: "shop", planHash: "h", run: "r")
    for number in 0..<count {
      let name = "web-\(number)" + String(repeating: "x", count: Int.random(in: 0..<40, using: &random))
      inventory.expect([id(name)], phase: number)
      if Bool.random(using: &random) {
        try applied(live(name, uid: "uid-\(random.next())"), phase: number, in: &inventory)
      }
    }
    return inventory
  }

  @Test("in chunks of any size it is read as it was written, and never without one of its parts")
  func chunks() throws {
    var generator = SeededGenerator(seed: SeededGenerator.seed)
    for size in [1, 100, 1_000, 10_000, InventoryDocument.chunkSize] {
      let inventory = try random(60, &generator)
      let document = InventoryDocument(inventory, namespace: "shop", chunkSize: size)
      #expect(try InventoryDocument.read(head: document.head, chunks: document.chunks.reversed()) == inventory)
      for chunk in document.chunks {
        let text = chunk.at("data", "objects")?.string ?? ""
        #expect(text.utf8.count <= size || text.utf8.split(separator: 0x0a).count == 1)
      }
      for missing in document.chunks.indices {
        var chunks = document.chunks
        chunks.remove(at: missing)
        #expect(throws: InventoryError.self) { try InventoryDocument.read(head: document.head, chunks: chunks) }
        chunks = document.chunks
        chunks[missing] = chunks[missing].mergePatched(by: ["data": ["objects": ""]])
        #expect(throws: InventoryError.self) { try InventoryDocument.read(head: document.head, chunks: chunks) }
        // As many entries, of which one is another.
        let text = document.chunks[missing].at("data", "objects")?.string ?? ""
        let other = text.replacing("\"web-", with: "\"wbe-", maxReplacements: 1)
        #expect(other != text)
        chunks[missing] = chunks[missing].mergePatched(by: ["data": ["objects": .string(other)]])
        #expect(throws: InventoryError.self) { try InventoryDocument.read(head: document.head, chunks: chunks) }
      }
    }
  }

  @Test func inACluster() async throws {
    let sandbox = LiveCluster()
    var generator = SeededGenerator(seed: SeededGenerator.seed)
    func store() -> InventoryStore {
      InventoryStore(plan: "shop", namespace: "default", in: InProcessTransport.cluster(sandbox))
    }
    let (mine, other) = (store(), store())
    #expect(try await mine.load() == nil)
    #expect(try await other.load() == nil)
    var inventory = try random(30, &generator)
    try await mine.save(inventory, chunkSize: 500)
    #expect(try await store().load()?.inventory == inventory)
    // Another run that did not see it must not take its place.
    await #expect(throws: InventoryError.changed) { try await other.save(Inventory(plan: "shop")) }
    #expect(try await other.load()?.inventory == inventory)
    for entry in inventory.entries.prefix(20) { inventory.gone(entry.id) }
    try await mine.save(inventory, chunkSize: 500)
    await #expect(throws: InventoryError.changed) { try await other.save(Inventory(plan: "shop")) }
    #expect(try await store().load()?.inventory == inventory)
    try await mine.save(Inventory(plan: "shop"))
    #expect(try await store().load()?.inventory == Inventory(plan: "shop"))
    let left = await sandbox.snapshot.store.all("configmaps", namespace: "default")
      .filter { $0.at("metadata", "labels")?[InventoryDocument.label]?.string == "shop" }
      .compactMap { $0.at("metadata", "name")?.string }
    #expect(left == ["rolloutc-shop"], "chunks that no head names stay behind: \(left)")
  }

  @Test("what runs that were killed between a chunk and a head left goes with the next run's first save")
  func strayChunks() async throws {
    let sandbox = LiveCluster()
    var generator = SeededGenerator(seed: SeededGenerator.seed)
    func store() -> InventoryStore {
      InventoryStore(plan: "shop", namespace: "default", in: InProcessTransport.cluster(sandbox))
    }
    // Only the first is a chunk of this plan.
    for name in [
      "rolloutc-shop-0123456789ab", "rolloutc-shop-requests", "rolloutc-shop-settings-map",
      "rolloutc-other-0123456789ab",
    ] {
      let left: Value = [
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": ["name": .string(name), "labels": ["rolloutc.dev/inventory": "shop"]],
      ]
      _ = await sandbox.respond(to: APIRequest("POST", "/api/v1/namespaces/default/configmaps", body: left))
    }
    let inventory = try random(30, &generator)
    let next = store()
    _ = try await next.load()
    try await next.save(inventory)
    #expect(try await store().load()?.inventory == inventory)
    let left = await sandbox.snapshot.store.all("configmaps", namespace: "default")
      .compactMap { $0.at("metadata", "name")?.string }
    #expect(!left.contains("rolloutc-shop-0123456789ab"))
    #expect(
      Set(left).isSuperset(of: ["rolloutc-shop-requests", "rolloutc-shop-settings-map", "rolloutc-other-0123456789ab"]))
  }

  /// `status` and `approve` read without the lock.
  @Test("who reads while it is written reads what was written last", arguments: [1, 2, 5])
  func readWhileWritten(_ saves: Int) async throws {
    let sandbox = LiveCluster()
    var generator = SeededGenerator(seed: SeededGenerator.seed)
    let inventories = try (0...saves).map { _ in try random(30, &generator) }
    let writer = InventoryStore(plan: "shop", namespace: "default", in: InProcessTransport.cluster(sandbox))
    try await writer.save(inventories[0], chunkSize: 400)
    let done = Mutex(0)
    // Between the head and its first chunk another save comes.
    let hook = RequestHook { request in
      guard request.url.contains("/configmaps/rolloutc-shop-") else { return }
      let next = done.withLock { done in
        if done < saves { done += 1 } else { return nil as Int? }
        return done
      }
      if let next { try? await writer.save(inventories[next], chunkSize: 400) }
    }
    let reader = InventoryStore(
      plan: "shop", namespace: "default",
      in: APIClient(
        endpoint: ClusterEndpoint(server: "http://sandbox"), credentials: FixedCredentials(Credentials()),
        transport: HookedTransport(base: InProcessTransport(sandbox: sandbox), hook: hook)))
    #expect(try await reader.load()?.inventory == inventories[saves])
    #expect(done.withLock { $0 } == saves)
  }

  @Test("a chunk that is really gone is named")
  func aMissingChunk() async throws {
    let sandbox = LiveCluster()
    var generator = SeededGenerator(seed: SeededGenerator.seed)
    let cluster = InProcessTransport.cluster(sandbox)
    let store = InventoryStore(plan: "shop", namespace: "default", in: cluster)
    try await store.save(try random(30, &generator), chunkSize: 400)
    let type = try await cluster.resourceType(of: "ConfigMap", in: GroupVersion(group: "", version: "v1"))
    let names = try await cluster.list(type.collection(in: "default")).items
      .compactMap { $0.at("metadata", "name")?.string }
    let chunk = try #require(names.last { $0 != PlanNames.record("shop") })
    _ = try await cluster.delete(DeleteRequest(type.named(chunk, in: "default"), uid: nil))
    await #expect(throws: InventoryError.unreadable("ConfigMap \(chunk) is missing")) { try await store.load() }
  }

  @Test("whichever request of a save is the last one to be done, what is read is the inventory before or after")
  func interrupted() async throws {
    var generator = SeededGenerator(seed: SeededGenerator.seed)
    let (before, after) = (try random(20, &generator), try random(25, &generator))
    var (cuts, kept) = (0, 0)
    for allowed in 0..<40 {
      let sandbox = LiveCluster()
      let store = InventoryStore(plan: "shop", namespace: "default", in: InProcessTransport.cluster(sandbox))
      try await store.save(before, chunkSize: 400)
      let cut = InventoryStore(
        plan: "shop", namespace: "default",
        in: InProcessTransport.cluster(sandbox, requests: RequestBudget(writes: allowed)))
      #expect(try await cut.load()?.inventory == before)
      let wasCut: Bool
      do {
        try await cut.save(after, chunkSize: 400)
        wasCut = false
      } catch { wasCut = true }
      cuts += wasCut ? 1 : 0
      let found = try await store.load()?.inventory
      // The head makes it the one after; what is cut later was to be tidied up.
      #expect(found == after || wasCut && found == before, "after \(allowed) writes")
      // More writes never bring the one before back.
      #expect(found == after || kept == allowed)
      kept += found == before ? 1 : 0
    }
    #expect(cuts > 2 && kept > 2 && cuts > kept)
  }
}
