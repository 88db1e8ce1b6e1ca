package import Diagnostics
package import KubernetesModel
package import Lowering
package import MeshModel
internal import RolloutPlan
package import SafetyChecks

/// The mesh at one moment of a plan, between two phases: every proxy acts on the newest objects, and every pod that is
/// wanted is ready. That this is where each phase ends is what its gates are for.
package struct MeshSnapshot: Sendable {
  package let model: FlowModel
  package private(set) var view: MeshView
  private var rules: [ObjectID: RuleOrigins] = [:]
  private let deployments: [ObjectID]

  /// Before the first step: what others own, and nothing of the plan.
  package init(_ model: FlowModel) {
    self.model = model
    view = MeshView(parsing: model.objectsOfOthers, options: model.options)
    var names = [String](repeating: "", count: model.versions.count)
    for (name, version) in model.versionOfDeployment { names[version] = name }
    deployments = names.map {
      ObjectID(group: "apps", kind: "Deployment", namespace: model.plan.namespace, name: $0)
    }
  }

  package mutating func apply(_ phase: Phase) { for write in phase.writes { apply(write) } }

  package mutating func apply(_ write: Write) {
    guard let value = write.object else {
      view.remove(write.id)
      rules[write.id] = nil
      return
    }
    guard let object = model.meshObject(value) else { return }
    view.put(object)
    if write.id.kind == "VirtualService" {
      rules[write.id] = RuleOrigins(unstamped(value), write.origin, after: rules[write.id])
    }
  }

  /// How many pods of a version there are; nil where it is not deployed.
  package func replicas(of version: Int) -> Int? { view.ready(deployments[version]) }

  /// The rule that chose, with the line of the plan that it comes from; nil where no VirtualService had a say.
  func rule(_ decision: Decision, isHTTP: Bool) -> DecidingRule? {
    guard let object = decision.virtualService else { return nil }
    let rule = decision.ruleIndex.flatMap { rules[object]?.rule(at: $0, isHTTP: isHTTP) }
    return DecidingRule(object: object, name: decision.rule ?? rule?.name, origin: rule?.origin)
  }
}

/// What chose a way: a rule of a VirtualService.
package struct DecidingRule: Hashable, Sendable {
  package var object: ObjectID
  /// The route's name; rules for connections have none and are named by what they match: `port 6379`. Nil where the
  /// object is there and none of its rules matches.
  package var name: String?
  /// The statement that last changed the rule, which may be older than the last change of the object.
  package var origin: SourceRange?
}

/// For each rule of one VirtualService: the statement that last changed it.
private struct RuleOrigins: Sendable {
  struct Rule {
    var name: String
    var content: Value
    var origin: SourceRange
  }

  private var http: [Rule]
  private var connections: [Rule]

  init(_ object: Value, _ origin: SourceRange, after old: RuleOrigins?) {
    http = RuleOrigins.rules(object.at("spec", "http"), origin, after: old?.http ?? [])
    // A port has rules of one kind only, so one list of both never mixes them up.
    connections = RuleOrigins.rules(
      object.at("spec", "tcp") ?? object.at("spec", "tls"), origin, after: old?.connections ?? [])
  }

  private static func rules(_ list: Value?, _ origin: SourceRange, after old: [Rule]) -> [Rule] {
    (list?.array ?? []).map { content in
      let name = content["name"]?.string ?? words(content["match"])
      let same = old.first { $0.name == name && $0.content == content }
      return Rule(name: name, content: content, origin: same?.origin ?? origin)
    }
  }

  /// `port 6379 from voting-app 1.0`.
  private static func words(_ match: Value?) -> String {
    guard let match = match?.array?.first else { return "default" }
    var parts: [String] = []
    if let port = match["port"]?.int { parts.append("port \(port)") }
    if let app = match.at("sourceLabels", "app")?.string {
      parts.append("from \(app)" + (match.at("sourceLabels", "version")?.string.map { " \($0)" } ?? ""))
    }
    return parts.isEmpty ? "default" : parts.joined(separator: " ")
  }

  func rule(at index: Int, isHTTP: Bool) -> Rule? {
    let list = isHTTP && !http.isEmpty ? http : connections
    return list.indices.contains(index) ? list[index] : nil
  }
}
