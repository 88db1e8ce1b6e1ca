import Diagnostics
import KubernetesModel
import MeshModel
import RolloutPlan
import SafetyChecks
import Testing
import YAMLCoding

/// YAML of a small shop: `web`, which visitors reach through a gateway, calls `api`.
enum Shop {
  static func service(
    _ name: String, selector: String? = nil, ports: String = "{name: http, port: 80, targetPort: 8080}",
    more: String = "", namespace: String = "shop"
  ) -> String {
    """
    ---
    apiVersion: v1
    kind: Service
    metadata: {name: \(name), namespace: \(namespace)}
    spec: {\(more)selector: {\(selector ?? "app: \(name)")}, ports: [\(ports)]}

    """
  }

  static func pods(
    _ name: String, _ version: String, calls: String? = nil, replicas: Int = 1,
    container: String = "ports: [{containerPort: 8080}], readinessProbe: {tcpSocket: {port: 8080}}",
    annotations: String = "", labels: String? = nil, pod: String = "", namespace: String = "shop"
  ) -> String {
    let environment = calls.map { ", env: [{name: OTHER, value: \"http://\($0)\"}]" } ?? ""
    let own = labels ?? "app: \(name), version: \"\(version)\""
    return """
      ---
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: \(name)-\(version), namespace: \(namespace)}
      spec:
        replicas: \(replicas)
        selector: {matchLabels: {\(own)}}
        template:
          metadata: {labels: {\(own)}, annotations: {\(annotations)}}
          spec: {\(pod)containers: [{name: \(name), image: \(name), \(container)\(environment)}]}

      """
  }

  static func rule(
    _ host: String, _ versions: String..., policy: String = "", exportTo: String = "", namespace: String = "shop"
  ) -> String {
    let subsets = versions.map { "{name: v\($0), labels: {version: \"\($0)\"}}" }.joined(separator: ", ")
    return """
      ---
      apiVersion: networking.istio.io/v1
      kind: DestinationRule
      metadata: {name: \(host.split(separator: ".")[0]), namespace: \(namespace)}
      spec: {\(exportTo)host: \(host), \(policy)subsets: [\(subsets)]}

      """
  }

  static let gateway = """
    ---
    apiVersion: networking.istio.io/v1
    kind: Gateway
    metadata: {name: edge, namespace: shop}
    spec:
      selector: {istio: ingressgateway}
      servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]

    """

  static func to(_ host: String, _ version: String?, port: Int = 80, weight: Int? = nil) -> String {
    let subset = version.map { ", subset: v\($0)" } ?? ""
    let share = weight.map { ", weight: \($0)" } ?? ""
    return "{destination: {host: \(host), port: {number: \(port)}\(subset)}\(share)}"
  }

  /// Rules for the mesh's own callers.
  static func routes(_ host: String, name: String? = nil, kind: String = "http", more: String = "", _ rules: String...)
    -> String
  {
    """
    ---
    apiVersion: networking.istio.io/v1
    kind: VirtualService
    metadata: {name: \(name ?? host), namespace: shop}
    spec:
      hosts: [\(host)]
    \(more)  \(kind):

    """ + rules.map { "  - {\($0)}\n" }.joined()
  }

  /// Rules for visitors.
  static func entry(more: String = "", _ rules: String...) -> String {
    """
    ---
    apiVersion: networking.istio.io/v1
    kind: VirtualService
    metadata: {name: web-entry, namespace: shop}
    spec:
      hosts: ["*"]
      gateways: [edge]
    \(more)  http:

    """ + rules.map { "  - {\($0)}\n" }.joined()
  }

  static func lane(_ app: String, _ version: String) -> String {
    "match: [{sourceLabels: {app: \(app), version: \"\(version)\"}}], "
  }

  static let cookie = "match: [{headers: {cookie: {regex: '^(.*?; ?)?(flag=on)(;.*)?$'}}}], "

  /// Everything but the rules for `api`.
  static let front =
    gateway + service("web") + pods("web", "1", calls: "api") + rule("web", "1", "2")
    + entry("route: [\(to("web", "1"))]")
  static let back = service("api") + pods("api", "1") + rule("api", "1", "2")
}

func stage(_ yaml: String, _ name: String) throws -> FolderStage {
  var stage = FolderStage(name: name, objects: [:])
  for (n, value) in try parseYAML(Array(yaml.utf8)).enumerated() where value != .null {
    let id = try #require(ObjectID(value), "\(value)")
    stage.objects[id] = PlacedObject(id: id, value: value, range: SourceRange(file: FileID(0), n..<n + 1))
  }
  return stage
}

func found(_ folders: [String], _ options: FolderCheckOptions = FolderCheckOptions()) throws -> [Diagnostic] {
  let stages = try folders.enumerated().map { try stage($0.element, "\($0.offset)") }
  return check(folders: stages, options: options).diagnostics
}
