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

/// A journal in memory that tells somebody of each record.
actor MemoryJournal: Journal {
  private(set) var records: [JournalRecord] = []

  func append(_ record: JournalRecord) { records.append(record) }

  /// The numbers of the intents that have no result: each may have been done.
  var open: [Int] {
    var open: [Int] = []
    for record in records {
      switch record {
      case .intent(let intent): open.append(intent.number)
      case .result(let number, _): open.removeAll { $0 == number }
      case .started, .phaseDone: break
      }
    }
    return open
  }
}

@Suite struct ObjectWriterTests {
  private let sandbox = LiveCluster()
  private let journal = MemoryJournal()

  private func configMap(_ name: String, _ data: Fields) -> Value {
    [
      "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": .string(name), "namespace": "default"],
      "data": .object(data),
    ]
  }

  private func write(_ action: Write.Action, _ object: Value) throws -> Write {
    Write(
      action: action, id: try #require(ObjectID(object)), object: action == .delete ? nil : object, previous: nil,
      origin: SourceRange(file: FileID(0), start: 0, end: 0))
  }

  private func writer(
    _ budget: RequestBudget? = nil, decisions: WriteDecisions = .init(),
    permission: @escaping ObjectWriter.Permission = { _ in }
  ) -> ObjectWriter {
    ObjectWriter(
      InProcessTransport.cluster(sandbox, requests: budget), journal: journal, decisions: decisions,
      permission: permission)
  }

  private func failure(
    _ writer: ObjectWriter, _ write: Write, _ inventory: Inventory
  ) async -> WriteFailure? {
    do throws(WriteFailure) {
      _ = try await writer.perform(write, phase: 0, number: 9, inventory: inventory)
      return nil
    } catch {
      return error
    }
  }

  private func made(_ object: Value) async throws -> (Inventory, Value) {
    var inventory = Inventory(plan: "shop")
    inventory.expect([try #require(ObjectID(object))], phase: 0)
    let write = try write(.create, object)
    let verdict = try await writer().perform(write, phase: 0, number: 1, inventory: inventory)
    guard case .written(let result, wasCreated: true) = verdict else {
      Issue.record("it was not made: \(verdict)")
      return (inventory, object)
    }
    inventory.record(verdict, of: write, phase: 0)
    return (inventory, result)
  }

  private let path = "/api/v1/namespaces/default/configmaps/a"

  private func stored() async -> Value? {
    let answer = await sandbox.respond(to: APIRequest("GET", path))
    return answer.status == 200 ? answer.value : nil
  }

  @Test("a second time sends nothing, also after others changed what is theirs")
  func secondRun() async throws {
    let (inventory, made) = try await made(configMap("a", ["k": "1"]))
    _ = await sandbox.respond(
      to: APIRequest(
        "PATCH", path, query: ["fieldManager": "other"], body: ["data": ["theirs": "x"]],
        contentType: "application/merge-patch+json"))
    let budget = RequestBudget(writes: 0)
    let before = await journal.records
    let verdict = try await writer(budget)
      .perform(write(.update, configMap("a", ["k": "1"])), phase: 0, number: 2, inventory: inventory)
    guard case .known(let live) = verdict else {
      Issue.record("\(verdict)")
      return
    }
    #expect(live.at("metadata", "uid") == made.at("metadata", "uid"))
    #expect(budget.count == 0)
    #expect(await journal.records == before)
    // A field that we leave out goes, and theirs stays.
    _ = try await writer()
      .perform(write(.update, configMap("a", ["l": "2"])), phase: 0, number: 3, inventory: inventory)
    #expect(await stored()?["data"] == ["theirs": "x", "l": "2"])
  }

  @Test("what this plan did not make is neither changed nor deleted")
  func foreign() async throws {
    let object = configMap("a", ["k": "1"])
    _ = await sandbox.respond(to: APIRequest("POST", "/api/v1/namespaces/default/configmaps", body: object))
    let before = await stored()
    let id = try #require(ObjectID(object))
    var expected = Inventory(plan: "shop")
    expected.expect([id], phase: 0)
    for inventory in [Inventory(plan: "shop"), expected] {
      for action in [Write.Action.create, .update, .delete] {
        #expect(await failure(writer(), try write(action, configMap("a", ["k": "2"])), inventory) == .foreign(id))
      }
    }
    #expect(await stored() == before)
    #expect(await journal.records.isEmpty)
  }

  @Test func whatSomebodyDeletedIsNotBroughtBack() async throws {
    let object = configMap("a", ["k": "1"])
    let (inventory, _) = try await made(object)
    let id = try #require(ObjectID(object))
    _ = await sandbox.respond(to: APIRequest("DELETE", path))
    #expect(await failure(writer(), try write(.update, object), inventory) == .vanished(id, successor: nil))
    #expect(await stored() == nil)
    _ = await sandbox.respond(to: APIRequest("POST", "/api/v1/namespaces/default/configmaps", body: object))
    let successor = await stored()?.at("metadata", "uid")?.string
    #expect(await failure(writer(), try write(.update, object), inventory) == .vanished(id, successor: successor))
    // Its successor is spared by a deletion, too.
    #expect(
      try await writer().perform(write(.delete, object), phase: 0, number: 5, inventory: inventory)
        == .gone(wasDeleted: false))
    #expect(await stored()?.at("metadata", "uid")?.string == successor)
  }

  @Test("what somebody deleted is made again where a person names it, and its successor is taken over")
  func madeAgain() async throws {
    let object = configMap("a", ["k": "1"])
    var (inventory, first) = try await made(object)
    _ = await sandbox.respond(to: APIRequest("DELETE", path))
    let others = WriteDecisions(adopts: ["ConfigMap/a"], recreates: ["ConfigMap/b", "Secret/a"])
    #expect(await failure(writer(decisions: others), try write(.update, object), inventory) != nil)
    #expect(await stored() == nil)
    let again = writer(decisions: WriteDecisions(recreates: ["ConfigMap/a"]))
    let verdict = try await again.perform(try write(.update, object), phase: 1, number: 2, inventory: inventory)
    guard case .written(let second, wasCreated: true) = verdict else {
      Issue.record("\(verdict)")
      return
    }
    #expect(second["data"] == first["data"] && second.at("metadata", "uid") != first.at("metadata", "uid"))
    inventory.record(verdict, of: try write(.update, object), phase: 1)

    // Another one of its name is no object that was deleted.
    _ = await sandbox.respond(to: APIRequest("DELETE", path))
    _ = await sandbox.respond(
      to: APIRequest("POST", "/api/v1/namespaces/default/configmaps", body: configMap("a", ["theirs": "x"])))
    let theirs = await stored()
    #expect(await failure(again, try write(.update, object), inventory) != nil)
    #expect(await stored() == theirs)
    let adopting = writer(decisions: WriteDecisions(adopts: ["ConfigMap/a"]))
    guard
      case .adopted(let third) = try await adopting.perform(
        try write(.update, object), phase: 2, number: 3, inventory: inventory)
    else {
      Issue.record("it was not taken over")
      return
    }
    #expect(third.at("metadata", "uid") == theirs?.at("metadata", "uid"))
    #expect(third["data"] == ["k": "1", "theirs": "x"])
    #expect(await journal.open.isEmpty)
  }

  @Test func fieldsOfOthersAreNotTaken() async throws {
    let (inventory, _) = try await made(configMap("a", ["k": "1"]))
    _ = await sandbox.respond(
      to: APIRequest(
        "PATCH", path, query: ["fieldManager": "kubectl-edit"], body: ["data": ["k": "theirs"]],
        contentType: "application/merge-patch+json"))
    let refused = await failure(writer(), try write(.update, configMap("a", ["k": "2"])), inventory)
    guard case .conflicts(_, let conflicts) = refused else {
      Issue.record("\(String(describing: refused))")
      return
    }
    #expect(conflicts.count == 1)
    #expect(await stored()?.at("data", "k") == "theirs")
  }

  @Test("an object made between our look and our write is noticed")
  func appeared() async throws {
    let object = configMap("a", ["k": "1"])
    var inventory = Inventory(plan: "shop")
    inventory.expect([try #require(ObjectID(object))], phase: 0)
    let other = sandbox
    let racing = writer(permission: { _ in
      _ = await other.respond(to: APIRequest("POST", "/api/v1/namespaces/default/configmaps", body: object))
    })
    guard case .appeared = await failure(racing, try write(.create, object), inventory) else {
      Issue.record("it was taken over in silence")
      return
    }
  }

  @Test("an object deleted between our look and our write is not brought back")
  func deletedMeanwhile() async throws {
    let (inventory, _) = try await made(configMap("a", ["k": "1"]))
    let (other, path) = (sandbox, path)
    let racing = writer(permission: { _ in _ = await other.respond(to: APIRequest("DELETE", path)) })
    let refused = await failure(racing, try write(.update, configMap("a", ["k": "2"])), inventory)
    // The server refuses the UID (409), and another look tells why.
    #expect(refused == .vanished(try #require(ObjectID(configMap("a", [:]))), successor: nil))
    #expect(await stored() == nil)
    #expect(await journal.open.isEmpty, "a refusal is a result")
  }

  @Test("without the lock nothing is sent, and the journal says so")
  func lockLost() async throws {
    let object = configMap("a", ["k": "1"])
    let budget = RequestBudget(writes: 9)
    let fenced = writer(budget, permission: { _ async throws(LockError) in throw .stale })
    #expect(await failure(fenced, try write(.create, object), Inventory(plan: "shop")) == .lock(.stale))
    #expect(budget.count == 0)
    #expect(await journal.open.isEmpty)
    #expect(await journal.records.count == 2)
  }

  @Test("the intent is written down before the request leaves")
  func order() async throws {
    let journal = journal
    let counts = Mutex<[Int]>([])
    let watched = writer(permission: { _ in
      let count = await journal.records.count
      counts.withLock { $0.append(count) }
    })
    let object = configMap("a", ["k": "1"])
    _ = try await watched.perform(write(.create, object), phase: 0, number: 1, inventory: Inventory(plan: "shop"))
    #expect(counts.withLock { $0 } == [1])
    #expect(await journal.records.count == 2)
  }

  // MARK: - Death at every request

  /// Phases over some objects, with the inventory in the cluster: each write as a run does it. A phase that the journal
  /// calls done is not looked at again: what it made, a later phase may be removing.
  private static func run(_ cluster: any Cluster, _ journal: MemoryJournal, _ writes: [[Write]]) async throws {
    let store = InventoryStore(plan: "shop", namespace: "default", in: cluster)
    var inventory = try await store.load()?.inventory ?? Inventory(plan: "shop")
    let writer = ObjectWriter(cluster, journal: journal, permission: { _ in })
    let done = await journal.records
    for (phase, writes) in writes.enumerated() where !done.contains(.phaseDone(phase)) {
      for write in writes {
        if write.action == .delete {
          inventory.expectDeletion(of: [write.id], phase: phase)
        } else if inventory[write.id] == nil {
          inventory.expect([write.id], phase: phase)
        }
      }
      try await store.save(inventory)
      for (number, write) in writes.enumerated() {
        let verdict = try await writer.perform(
          write, phase: phase, number: phase * 10 + number, inventory: inventory)
        inventory.record(verdict, of: write, phase: phase)
        try await store.save(inventory)
      }
      await journal.append(.phaseDone(phase))
    }
  }

  @Test("killed at any request, before it or after its effect, and resumed: the same end", arguments: [false, true])
  func killed(lastTakesEffect: Bool) async throws {
    let phases = try [
      [write(.create, configMap("a", ["k": "1"])), write(.create, configMap("b", ["k": "1"]))],
      [write(.create, configMap("c", ["k": "1"]))],
      [write(.delete, configMap("b", [:]))],
    ]
    func end(_ sandbox: LiveCluster) async -> [Value] {
      await sandbox.advance(by: 10_000)
      return await sandbox.snapshot.store.all("configmaps", namespace: "default")
        .filter { $0.at("metadata", "name") != "kube-root-ca.crt" }
        .map { object in
          let fields = (object.at("metadata", "managedFields")?.array ?? []).map { $0["fieldsV1"] ?? .null }
          let isInventory = object.at("metadata", "labels") != nil
          return [
            "name": object.at("metadata", "name") ?? .null, "fields": .array(isInventory ? [] : fields),
            "data": isInventory ? .null : object["data"] ?? .null,
          ]
        }
        .filter { $0["data"] != .null }
    }
    let whole = LiveCluster()
    let all = RequestBudget(writes: .max)
    try await Self.run(InProcessTransport.cluster(whole, requests: all), MemoryJournal(), phases)
    let expected = await end(whole)
    #expect(expected.map { $0["name"] } == ["a", "c"])
    for allowed in 0..<all.count {
      let sandbox = LiveCluster()
      let journal = MemoryJournal()
      let dying = RequestBudget(writes: allowed, lastTakesEffect: lastTakesEffect)
      do {
        try await Self.run(InProcessTransport.cluster(sandbox, requests: dying), journal, phases)
        Issue.record("it survived \(allowed) of \(all.count) requests")
      } catch {}
      #expect(await journal.open.count <= 1)
      do {
        try await Self.run(InProcessTransport.cluster(sandbox), journal, phases)
      } catch {
        Issue.record("killed at request \(allowed): \(error)")
      }
      #expect(await end(sandbox) == expected, "killed at request \(allowed)")
    }
  }
}
