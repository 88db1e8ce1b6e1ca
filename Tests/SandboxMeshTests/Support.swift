import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import MeshModel
import RolloutPlan
import Sandbox
import SandboxMesh
import TestSupport
import Testing

/// A sandbox with a mesh, on virtual time, to which steps of a plan are applied.
struct World {
  var cluster: SandboxCluster
  var front: MeshFront

  init(propagation: ClosedRange<Int> = 0...0, seed: UInt64 = 1, standIns: StandIns = StandIns()) {
    cluster = SandboxCluster()
    cluster.injectsSidecars = true
    cluster.installIngressGateway()
    front = MeshFront(propagation: Propagation(propagation, seed: seed), seed: seed, standIns: standIns)
  }

  /// What a plan expects to be there already: its Secrets, with made-up data.
  mutating func prepare(_ plan: Plan) {
    apply(["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(plan.namespace)]])
    for secret in plan.secrets {
      let data = Fields(secret.keys.map { Fields.Entry(key: $0, value: "eA==") })
      apply([
        "apiVersion": "v1", "kind": "Secret",
        "metadata": ["name": .string(secret.name), "namespace": .string(plan.namespace)], "data": .object(data),
      ])
    }
  }

  private func path(_ apiVersion: String, _ kind: String, _ namespace: String, _ name: String) -> String {
    let plural = cluster.store.registry.type(apiVersion: apiVersion, kind: kind)?.plural ?? kind
    let root = apiVersion.contains("/") ? "/apis/" + apiVersion : "/api/" + apiVersion
    return root + (namespace.isEmpty ? "" : "/namespaces/" + namespace) + "/\(plural)/\(name)"
  }

  mutating func apply(_ object: Value) {
    let path = path(
      object["apiVersion"]?.string ?? "", object["kind"]?.string ?? "",
      object.at("metadata", "namespace")?.string ?? "", object.at("metadata", "name")?.string ?? "")
    let answer = cluster.respond(
      to: APIRequest(
        "PATCH", path, query: ["fieldManager": "test", "force": "true"], body: object,
        contentType: "application/apply-patch+yaml"))
    let text = answer.value.map { String(decoding: jsonBytes($0), as: UTF8.self) } ?? ""
    #expect(answer.status < 300, "\(path): \(text)")
  }

  mutating func delete(_ id: ObjectID, _ apiVersion: String) {
    let answer = cluster.respond(to: APIRequest("DELETE", path(apiVersion, id.kind, id.namespace, id.name)))
    #expect(answer.status < 300)
  }

  mutating func request(_ request: MeshRequest) -> MeshAnswer {
    front.follow(cluster.store)
    return front.request(request, at: cluster.now)
  }

  mutating func get(_ path: String = "/", cookie: String? = nil) -> MeshAnswer {
    request(MeshRequest(path: path, headers: cookie.map { [("cookie", $0)] } ?? []))
  }

  /// Lets things happen, asking `body` every so often.
  mutating func pass(_ milliseconds: Int, every step: Int = 50, _ body: (inout World) -> Void = { _ in }) {
    for _ in 0..<(milliseconds / step) {
      cluster.advance(by: step)
      body(&self)
    }
  }
}

/// The text of an element by its id, as the page of a stand-in writes it.
func element(_ id: String, in page: String) -> String? {
  guard let start = page.range(of: "<div id=\"\(id)\">")?.upperBound else { return nil }
  let rest = page[start...]
  guard let end = rest.range(of: "</div>")?.lowerBound else { return nil }
  return String(rest[..<end])
}

/// Who calls whom, as the plan says.
func edges(of plan: Plan) -> StandIns {
  var standIns = StandIns()
  for component in plan.components {
    for version in component.versions {
      let name = StandIns.Version(namespace: plan.namespace, app: component.service, version: version.name)
      standIns.edges[name] = version.calls.flatMap { callee in
        let callee = plan[callee]
        return (callee.versions.first?.ports ?? []).map {
          CallEdge(host: callee.service, port: $0.number, isHTTP: $0.proto.isHTTP)
        }
      }
    }
  }
  return standIns
}

let isMeasuring = ProcessInfo.processInfo.environment["ROLLOUTC_MEASURE"] != nil

func plan(_ path: String) throws -> Plan {
  let resolution = resolve(path: path, bytes: try #require(Goldens.bytes(path)))
  return try #require(resolution.checked, "\(resolution.diagnostics.map(\.message))")
}

// MARK: - Playing a plan

extension World {
  /// Writes the phases of a step in their order, with a wait after each until its gates hold. `body` runs all the while.
  mutating func play(_ step: CompiledStep, settle: Int, _ body: (inout World) -> Void = { _ in }) {
    for segment in step.segments {
      for phase in segment.phases {
        for write in phase.writes {
          self.write(write)
          body(&self)
        }
        wait(for: phase.gates, settle: settle, body)
      }
    }
  }

  mutating func write(_ write: Write) {
    if let object = write.object {
      apply(object)
    } else {
      delete(write.id, write.previous?["apiVersion"]?.string ?? "v1")
    }
  }

  mutating func wait(for gates: [Gate], settle: Int, _ body: (inout World) -> Void = { _ in }) {
    let end = cluster.now.advanced(by: 120_000)
    while !gates.allSatisfy({ holds($0) }) {
      guard cluster.now < end else {
        Issue.record("still waiting for \(gates)")
        return
      }
      pass(50, body)
    }
    pass(settle, body)
  }

  private func holds(_ gate: Gate) -> Bool {
    switch gate {
    case .ready(let targets): targets.allSatisfy { isReady($0.deployment) }
    case .settled, .drained, .established: true
    case .stopped(let ids):
      ids.allSatisfy { id in
        !cluster.store.all("pods", namespace: id.namespace).contains { pod in
          pod.at("metadata", "name")?.string?.hasPrefix(id.name + "-") ?? false
        }
      }
    }
  }

  func isReady(_ id: ObjectID) -> Bool {
    guard let object = cluster.store.object("deployments.apps", id.namespace, id.name) else { return false }
    let wanted = object.at("spec", "replicas")?.int ?? 1
    return object.at("status", "observedGeneration") == object.at("metadata", "generation")
      && (object.at("status", "updatedReplicas")?.int ?? 0) == wanted
      && (object.at("status", "availableReplicas")?.int ?? 0) == wanted
      && (object.at("status", "replicas")?.int ?? 0) == wanted
  }
}
