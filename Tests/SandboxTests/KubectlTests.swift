import Foundation
import KubernetesModel
import Sandbox
import SandboxServer
import Synchronization
import TestSupport
import Testing

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Where kubectl is: `$KUBECTL`, else the first on the path.
private let kubectl: String? = {
  let environment = ProcessInfo.processInfo.environment
  if let stated = environment["KUBECTL"] { return stated }
  for directory in (environment["PATH"] ?? "").split(separator: ":") {
    let path = "\(directory)/kubectl"
    if FileManager.default.isExecutableFile(atPath: path) { return path }
  }
  print("SKIPPED: the kubectl tests need kubectl (Debian: kubernetes-client)")
  return nil
}()

private let corpus = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .appending(path: "Corpus/sandbox").path

/// Runs a sandbox over HTTP while `body` has its kubeconfig.
func withServer(
  _ cluster: LiveCluster, proxy: ProxyHandler? = nil, limits: ConnectionLimits = ConnectionLimits(),
  _ body: @escaping @Sendable (_ kubeconfig: String, Int) async throws -> Void
) async throws {
  let (ports, sink) = AsyncStream<Int>.makeStream()
  try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask {
      try await SandboxServer(cluster: cluster, proxy: proxy, limits: limits).run { port in
        sink.yield(port)
        sink.finish()
      }
    }
    var listening: Int?
    for await port in ports { listening = port }
    let port = try #require(listening)
    let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let file = directory.appending(path: "kubeconfig")
    try SandboxServer.kubeconfig(port: port).write(to: file, atomically: true, encoding: .utf8)
    try await body(file.path, port)
    group.cancelAll()
    while let result = await group.nextResult() { _ = result }
  }
}

private struct Run: Sendable {
  var status: Int32
  var text: String
}

/// Runs kubectl (or `program`) to its end; a cancelled test ends it too.
private func run(_ kubeconfig: String, _ arguments: [String], with program: String? = nil) async throws -> Run {
  let tool = try program ?? #require(kubectl)
  var environment = ProcessInfo.processInfo.environment
  environment["KUBECONFIG"] = kubeconfig
  let words = [tool] + (program == nil ? ["--cache-dir", kubeconfig + "-cache"] : []) + arguments
  let outcome = try await Subprocess.running { [environment] started in
    try Subprocess.run(words, merged: true, environment: environment, started: started)
  }
  return Run(status: outcome.code, text: outcome.output)
}

@Suite("The real kubectl", .enabled(if: kubectl != nil)) struct KubectlTests {
  /// A step: arguments, the exit code, and what its output must hold.
  private static let script: [(String, Int32, [String])] = [
    // The server's version: kubectl's own is of no concern.
    ("version -o json", 0, [#""gitVersion": "v1.32.4""#]),
    ("create -f CORPUS/namespace.yaml", 0, ["namespace/voting created"]),
    ("api-resources", 0, ["deployments", "virtualservices", "Deployment"]),
    (
      "-n voting apply -f CORPUS/voting-1.0.yaml", 0,
      ["deployment.apps/voting-app-1-0 created", "service/voting-app created"]
    ),
    ("-n voting rollout status deployment/voting-app-1-0 --timeout 120s", 0, ["successfully rolled out"]),
    ("-n voting apply -f CORPUS/voting-1.0.yaml", 0, ["deployment.apps/voting-app-1-0 unchanged"]),
    // These go through typed clients: JSON from an old kubectl, protobuf from a new one.
    ("create namespace other", 0, ["namespace/other created"]),
    ("-n other create configmap c --from-literal a=1 --from-literal b=ä", 0, ["configmap/c created"]),
    ("-n other get configmap c -o jsonpath={.data}", 0, [#""a":"1""#, #""b":"ä""#]),
    ("-n other create secret generic s --from-literal a=1234 --from-literal b=12345", 0, ["secret/s created"]),
    ("-n other get secret s -o jsonpath={.data.a}/{.data.b}/{.type}", 0, ["MTIzNA==/MTIzNDU=/Opaque"]),
    ("-n other create serviceaccount a", 0, ["serviceaccount/a created"]),
    ("-n other create deployment d --image=nginx:1", 0, ["deployment.apps/d created"]),
    ("-n other rollout status deployment/d --timeout 120s", 0, ["successfully rolled out"]),
    ("-n other rollout restart deployment/d", 0, ["restarted"]),
    ("-n other create role r --verb=get,list --resource=pods", 0, ["role.rbac.authorization.k8s.io/r created"]),
    ("-n other create rolebinding r --role=r --serviceaccount=other:a", 0, ["created"]),
    ("-n other get rolebinding r -o jsonpath={.roleRef.name}/{.subjects[0].name}", 0, ["r/a"]),
    ("-n other get role r -o jsonpath={.rules[0].verbs[1]}/{.rules[0].resources[0]}", 0, ["list/pods"]),
    ("-n other expose deployment d --port 80", 0, ["service/d exposed"]),
    ("-n other describe service d", 0, ["Endpoints:", ":80"]),
    ("auth can-i create pods", 0, ["yes"]),
    ("delete namespace other --timeout 120s", 0, [#"namespace "other" deleted"#]),
    ("-n voting get deployments", 0, ["NAME", "UP-TO-DATE", "voting-app-1-0", "3/3"]),
    ("-n voting get pods -l app=voting-app -o wide", 0, ["Running", "1/1", "sandbox-1"]),
    ("-n voting get all", 0, ["service/voting-app", "replicaset.apps/voting-app-1-0-"]),
    ("-n voting get deployment voting-app-1-0 -o jsonpath={.status.readyReplicas}", 0, ["3"]),
    (
      "-n voting describe deployment voting-app-1-0", 0,
      ["StrategyType:", "ScalingReplicaSet", "NewReplicaSetAvailable"]
    ),
    (
      "-n voting apply --server-side -f CORPUS/voting-2.0.yaml", 0,
      ["deployment.apps/voting-app-2-0 serverside-applied"]
    ),
    ("-n voting wait --for=condition=Available deployment/voting-storage-2-0 --timeout 120s", 0, ["condition met"]),
    ("-n voting get pvc", 0, ["mysql-pv-claim", "Bound", "RWO"]),
    ("-n voting apply -f CORPUS/istio-2.0.yaml", 0, ["virtualservice.networking.istio.io/voting-app created"]),
    ("-n voting get virtualservices", 0, ["voting-app", "GATEWAYS"]),
    ("-n voting diff -f CORPUS/voting-1.0.yaml", 0, []),
    ("-n voting scale deployment/voting-app-1-0 --replicas=1", 0, ["scaled"]),
    ("-n voting diff -f CORPUS/voting-1.0.yaml", 1, ["replicas: 3"]),
    ("-n voting logs deployment/voting-app-1-0", 0, ["voting-app-1-0 started"]),
    ("-n voting apply --server-side --field-manager other -f CORPUS/voting-1.0.yaml", 1, ["conflict"]),
    ("-n voting label deployment voting-app-1-0 tier=front", 0, ["labeled"]),
    ("-n voting get endpoints voting-app", 0, [":8080"]),
    ("-n voting rollout history deployment/voting-app-2-0", 0, ["REVISION"]),
    ("-n voting get deployment none", 1, [#"Error from server (NotFound): deployments.apps "none" not found"#]),
    ("-n voting delete deployment voting-app-2-0 --timeout 120s", 0, [#"deployment.apps "voting-app-2-0" deleted"#]),
    ("-n voting delete pvc mysql-pv-claim --wait=false", 0, ["deleted"]),
    ("delete namespace voting --timeout 120s", 0, [#"namespace "voting" deleted"#]),
  ]

  @Test(.timeLimit(.minutes(20))) func theScript() async throws {
    let cluster = LiveCluster()
    try await withServer(cluster) { kubeconfig, _ in
      for (line, status, expected) in KubectlTests.script {
        let arguments = line.replacingOccurrences(of: "CORPUS", with: corpus).split(separator: " ").map(String.init)
        let result = try await run(kubeconfig, arguments)
        #expect(result.status == status, "kubectl \(line)\n\(result.text)")
        for text in expected { #expect(result.text.contains(text), "kubectl \(line)\n\(result.text)") }
      }
    }
  }

  @Test(.timeLimit(.minutes(20))) func aLogIsFollowedUntilThePodHasGone() async throws {
    let cluster = LiveCluster()
    let pods = "/api/v1/namespaces/default/pods"
    let pod: Value = [
      "apiVersion": "v1", "kind": "Pod", "metadata": ["name": "web"],
      "spec": ["containers": [["name": "web", "image": "registry.example.com/web:1.0"]]],
    ]
    try await withServer(cluster) { kubeconfig, _ in
      _ = await cluster.respond(to: APIRequest("POST", pods, body: pod))
      let ready = try await run(kubeconfig, ["wait", "--for=condition=Ready", "pod/web", "--timeout", "60s"])
      #expect(ready.status == 0, "\(ready.text)")
      let uid = try #require(
        await cluster.respond(to: APIRequest("GET", pods + "/web")).value?.at("metadata", "uid")?.string)
      let folder = FileManager.default.temporaryDirectory.path + "/rolloutc-follow-\(UUID().uuidString)"
      defer { try? FileManager.default.removeItem(atPath: folder) }
      async let follower = run(
        kubeconfig, ["-c", "kubectl logs --follow web > \(folder)"], with: "/bin/sh")
      func shows(_ line: String) async throws {
        for _ in 0..<600 {
          if let text = try? String(contentsOfFile: folder, encoding: .utf8), text.contains(line) { return }
          try await Task.sleep(for: .milliseconds(50))
        }
        Issue.record("the log never shows \(line)")
      }
      try await shows("web started")
      await cluster.update { $0.log("a second line", pod: uid, container: nil) }
      try await shows("a second line")
      let deleted = try await run(kubeconfig, ["delete", "pod", "web", "--timeout", "60s"])
      #expect(deleted.status == 0, "\(deleted.text)")
      let end = try await follower
      #expect(end.status == 0, "\(end.text)")
      let lines = try String(contentsOfFile: folder, encoding: .utf8).split(separator: "\n")
      #expect(lines.count == 2, "\(lines)")
    }
  }

  @Test(.timeLimit(.minutes(20))) func aWatchStreams() async throws {
    let cluster = LiveCluster()
    try await withServer(cluster) { kubeconfig, port in
      // The watch begins in the past: that the machine is slow cannot make it miss the event.
      let version = await cluster.snapshot.store.version
      _ = await cluster.respond(
        to: APIRequest(
          "POST", "/api/v1/namespaces/default/configmaps",
          body: ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "late"]]))
      let path = "api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=1&resourceVersion=\(version)"
      let url = try #require(URL(string: "http://127.0.0.1:\(port)/\(path)"))
      let reply = try await onThread { try Data(contentsOf: url) }
      let lines = String(decoding: reply, as: UTF8.self).split(separator: "\n")
      #expect(lines.count == 1)
      #expect(lines.first?.contains(#""type":"ADDED""#) == true)
    }
  }

  @Test(.timeLimit(.minutes(20))) func theProxyReachesTheHook() async throws {
    let cluster = LiveCluster()
    let proxy: ProxyHandler = { request in
      let target = request.target
      return ProxyAnswer(body: Array("\(request.method) \(target.service):\(target.port)\(target.path)".utf8))
    }
    let web: Value = ["name": "web"]
    _ = await cluster.respond(
      to: APIRequest(
        "POST", "/api/v1/namespaces/default/services",
        body: ["apiVersion": "v1", "kind": "Service", "metadata": web, "spec": ["ports": [["port": 80]]]]))
    _ = await cluster.respond(
      to: APIRequest(
        "POST", "/api/v1/namespaces/default/endpoints",
        body: [
          "apiVersion": "v1", "kind": "Endpoints", "metadata": web,
          "subsets": [["addresses": [["ip": "10.0.0.9"]], "ports": [["port": 8080]]]],
        ]))
    try await withServer(cluster, proxy: proxy) { kubeconfig, _ in
      let missing = try await run(kubeconfig, ["get", "--raw", "/api/v1/namespaces/default/services/none/proxy/"])
      #expect(missing.status == 1)
      let result = try await run(kubeconfig, ["get", "--raw", "/api/v1/namespaces/default/services/web:80/proxy/a/b"])
      #expect(result.text == "GET web:80/a/b")
      let asked = try await run(kubeconfig, ["get", "--raw", "/api/v1/namespaces/default/services/web/proxy/?a=b"])
      #expect(asked.text == "GET web:80/?a=b")
    }
  }

  /// Against a real control plane: its kubeconfig is in `$ROLLOUTC_CONFORMANCE`.
  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["ROLLOUTC_CONFORMANCE"] != nil, "needs $ROLLOUTC_CONFORMANCE"),
    .timeLimit(.minutes(20)))
  func answersAreThoseOfTheRealServer() async throws {
    let real = try #require(ProcessInfo.processInfo.environment["ROLLOUTC_CONFORMANCE"])
    let tool = corpus + "/../../tools/conformance"
    try await withServer(LiveCluster()) { kubeconfig, _ in
      let result = try await run(kubeconfig, [real, kubeconfig], with: tool)
      #expect(result.status == 0, "\(result.text)")
    }
  }
}
