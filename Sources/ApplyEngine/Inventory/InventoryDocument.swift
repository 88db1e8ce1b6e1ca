package import ClusterAPI
package import KubernetesModel

/// An inventory as ConfigMaps: a head that holds it, or a head and chunks where it is long. A chunk is named by its content
/// and never changes. Either way the write of the head alone turns one inventory into the next.
package struct InventoryDocument: Hashable, Sendable {
  package var head: Value
  package var chunks: [Value]

  /// Half of what etcd takes in one object by default (1.5 MiB) leaves room for metadata.
  package static let chunkSize = 512 << 10
  /// What the head itself holds of objects, at most: one write in place of three, and a head that is sent with each phase
  /// stays short.
  private static let ownSize = 32 << 10
  /// So many digits of the hash tell the few chunks of one plan apart.
  private static let hashDigits = 12
  static let label = "rolloutc.dev/inventory"

  package init(
    _ inventory: Inventory, record: RunRecord? = nil, namespace: String, chunkSize: Int = InventoryDocument.chunkSize
  ) {
    let name = PlanNames.record(inventory.plan)
    var parts: [String] = []
    var part = ""
    for entry in inventory.entries {
      let line = jsonText(entry.value) + "\n"
      if !part.isEmpty, part.utf8.count + line.utf8.count > chunkSize {
        parts.append(part)
        part = ""
      }
      part += line
    }
    var own: String?
    if parts.isEmpty, part.utf8.count <= min(Self.ownSize, chunkSize) {
      own = part
    } else if !part.isEmpty {
      parts.append(part)
    }
    chunks = parts.map { text in
      Self.configMap(
        "\(name)-\(contentHash(.string(text)).prefix(Self.hashDigits))", namespace, inventory.plan,
        ["objects": .string(text)])
    }
    let names = chunks.compactMap { $0.at("metadata", "name")?.string }
    var data: Fields = [
      "version": own == nil ? "1" : "2", "plan": .string(inventory.plan), "planHash": .string(inventory.planHash),
      "run": .string(inventory.run), "count": .string(String(inventory.entries.count)),
      "chunks": .string(names.joined(separator: "\n")),
    ]
    if let own { data["objects"] = .string(own) }
    if let record { data["record"] = .string(jsonText(record.value)) }
    head = Self.configMap(name, namespace, inventory.plan, data)
  }

  private static func configMap(_ name: String, _ namespace: String, _ plan: String, _ data: Fields) -> Value {
    [
      "apiVersion": "v1", "kind": "ConfigMap",
      "metadata": [
        "name": .string(name), "namespace": .string(namespace), "labels": [label: .string(plan)],
      ],
      "data": .object(data),
    ]
  }

  /// How the plan's run stands; nil where the head does not say.
  package static func record(in head: Value) throws(InventoryError) -> RunRecord? {
    guard let text = head.at("data", "record")?.string else { return nil }
    guard let value = try? parseJSON(Array(text.utf8)), let record = RunRecord(value) else {
      throw .unreadable("the record of the run cannot be read; it may be by a newer version of rolloutc")
    }
    return record
  }

  /// Whether a ConfigMap is a chunk of some inventory of a plan: what a person answers has the same label.
  static func isChunk(_ name: String, of plan: String) -> Bool {
    let prefix = "\(PlanNames.record(plan))-"
    let rest = name.dropFirst(prefix.count)
    return name.hasPrefix(prefix) && rest.count == hashDigits && rest.allSatisfy { $0.isHexDigit }
  }

  /// The names of the chunks that a head speaks of.
  package static func chunkNames(of head: Value) -> [String] {
    (head.at("data", "chunks")?.string ?? "").split(separator: "\n").map(String.init)
  }

  /// Reads an inventory. Nothing is guessed: what is missing or damaged makes it unreadable, as an inventory that is too
  /// short would make our own objects foreign.
  package static func read(head: Value, chunks: [Value]) throws(InventoryError) -> Inventory {
    guard let data = head["data"], let plan = data["plan"]?.string else { throw .unreadable("it is no inventory") }
    // Version 1 had all objects in chunks.
    guard ["1", "2"].contains(data["version"]?.string) else {
      throw .unreadable("it is by a newer version of rolloutc")
    }
    var entries: [Inventory.Entry] = []
    func read(_ text: String, of name: String) throws(InventoryError) {
      for line in text.utf8.split(separator: 0x0a) {
        guard let value = try? parseJSON(Array(line)), let entry = Inventory.Entry(value) else {
          throw .unreadable("ConfigMap \(name) has an entry that cannot be read")
        }
        entries.append(entry)
      }
    }
    if let own = data["objects"]?.string { try read(own, of: head.at("metadata", "name")?.string ?? "") }
    for name in chunkNames(of: head) {
      guard let text = chunks.first(where: { $0.at("metadata", "name")?.string == name })?.at("data", "objects")?.string
      else { throw .unreadable("ConfigMap \(name) is missing") }
      guard name.hasSuffix(contentHash(.string(text)).prefix(Self.hashDigits)) else {
        throw .unreadable("ConfigMap \(name) was changed")
      }
      try read(text, of: name)
    }
    guard data["count"]?.string == String(entries.count) else { throw .unreadable("entries are missing") }
    return Inventory(
      plan: plan, planHash: data["planHash"]?.string ?? "", run: data["run"]?.string ?? "", entries: entries)
  }
}

package enum InventoryError: Error, Hashable, Sendable, CustomStringConvertible {
  case unreadable(String)
  /// Somebody else wrote it since it was read.
  case changed
  case cluster(ClusterError)

  package var description: String {
    switch self {
    case .unreadable(let what): what
    case .cluster(let error): "\(error)"
    case .changed: "somebody else wrote it since it was read"
    }
  }

  /// What to do about a record that nobody can read; nil where that is not what is wrong.
  package func wayOut(_ plan: String) -> String? {
    guard case .unreadable = self else { return nil }
    return
      "a newer rolloutc may be able to read it; else delete ConfigMap \(PlanNames.record(plan)), and `rolloutc apply --assume STEP` takes what stands for what stood after a step"
  }
}

extension Inventory.Entry {
  fileprivate var value: Value {
    var fields: Fields = [
      "g": .string(id.group), "k": .string(id.kind), "ns": .string(id.namespace), "n": .string(id.name),
      "o": .string(outcome.rawValue), "p": .int(phase),
    ]
    if let uid { fields["u"] = .string(uid) }
    if let intent { fields["i"] = .string(intent) }
    if isAdopted { fields["a"] = true }
    return .object(fields)
  }

  fileprivate init?(_ value: Value) {
    guard let group = value["g"]?.string, let kind = value["k"]?.string, let namespace = value["ns"]?.string,
      let name = value["n"]?.string, let outcome = value["o"]?.string.flatMap(Inventory.Outcome.init),
      let phase = value["p"]?.int
    else { return nil }
    self.init(
      id: ObjectID(group: group, kind: kind, namespace: namespace, name: name), uid: value["u"]?.string,
      outcome: outcome, phase: phase, intent: value["i"]?.string, isAdopted: value["a"] == true)
  }
}
