import KubernetesModel
import Sandbox
import Testing

/// A Deployment `web` in `default` as a plan would render it.
func deployment(
  _ name: String = "web", replicas: Int? = 1, image: String = "web:1", extra: Fields = Fields(),
  container: Fields = Fields()
) -> Value {
  var app: Fields = [
    "name": "app", "image": .string(image), "ports": [["containerPort": 8080, "name": "http"]],
  ]
  app.entries += container.entries
  var spec = Fields()
  if let replicas { spec["replicas"] = .int(replicas) }
  spec["selector"] = ["matchLabels": ["app": .string(name)]]
  spec["template"] = [
    "metadata": ["labels": ["app": .string(name)]], "spec": ["containers": [.object(app)]],
  ]
  spec.entries += extra.entries
  return [
    "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": .string(name)], "spec": .object(spec),
  ]
}

let deployments = "/apis/apps/v1/namespaces/default/deployments"

extension SandboxCluster {
  @discardableResult
  mutating func get(_ path: String, _ query: [String: String] = [:]) -> Value {
    respond(to: APIRequest("GET", path, query: query)).value ?? .null
  }

  @discardableResult
  mutating func post(_ path: String, _ body: Value, manager: String = "test") -> APIResponse {
    respond(to: APIRequest("POST", path, query: ["fieldManager": manager], body: body))
  }

  @discardableResult
  mutating func apply(
    _ path: String, _ body: Value, manager: String = "rolloutc", force: Bool = false, dryRun: Bool = false
  ) -> APIResponse {
    var query = ["fieldManager": manager]
    if force { query["force"] = "true" }
    if dryRun { query["dryRun"] = "All" }
    return respond(
      to: APIRequest("PATCH", path, query: query, body: body, contentType: "application/apply-patch+yaml"))
  }

  @discardableResult
  mutating func merge(_ path: String, _ body: Value, manager: String = "kubectl-edit") -> APIResponse {
    respond(
      to: APIRequest(
        "PATCH", path, query: ["fieldManager": manager], body: body, contentType: "application/merge-patch+json"))
  }

  @discardableResult
  mutating func delete(_ path: String, _ body: Value? = nil) -> APIResponse {
    respond(to: APIRequest("DELETE", path, body: body))
  }
}

func condition(_ object: Value, _ type: String) -> Value? {
  (object.at("status", "conditions")?.array ?? []).first { $0["type"]?.string == type }
}

func owned(_ object: Value, by manager: String) -> Value? {
  managedFields(of: object).first { $0.manager == manager }?.fields.fieldsV1
}

func message(_ response: APIResponse) -> String { response.value?["message"]?.string ?? "" }
