import ClusterAPI
import CurlTransport
import Foundation
import KubernetesModel
import TestSupport
import Testing

@Suite(.controlPlane, .timeLimit(.minutes(20))) struct LiveClusterTests {
  @Test func `version, discovery and what is not there`() async throws {
    let live = try await LiveCluster(namespaced: false)
    let version = try await live.cluster.serverVersion()
    #expect((version.major, version.minor) >= (1, 20))
    #expect(try await live.cluster.versions(of: "apps") == ["v1"])
    #expect(try await live.cluster.versions(of: "no.such.group") == [])
    let deployment = try await live.type("Deployment", "apps/v1")
    #expect(deployment.plural == "deployments" && deployment.isNamespaced && deployment.subresources.contains("scale"))
    #expect(
      try await refusal { () async throws(ClusterError) in
        try await live.cluster.resources(of: GroupVersion(group: "apps", version: "v9"), refresh: false)
      }.isNotFound)
    #expect(
      try await refusal { () async throws(ClusterError) in
        try await live.cluster.resourceType(of: "Nothing", in: GroupVersion(group: "apps", version: "v1"))
      }.isNotFound)
    let response = try await live.cluster.read("/livez", query: [("verbose", "")])
    #expect(String(decoding: response.body, as: UTF8.self).contains("livez check passed"))
    #expect(response.head.version == "2")
  }

  @Test func `apply creates once, then changes nothing, and a dry run leaves no trace`() async throws {
    let live = try await LiveCluster()
    let reference = try await live.configMap("a")
    let object = live.object("a", ["key.with.dots": "x/y \"z\" \u{7f} 😀 \u{2028}", "on": "off", "n": "0o17"])
    let dry = try await live.cluster.apply(ApplyRequest(object, to: reference, dryRun: true))
    #expect(dry.wasCreated)
    #expect(try await refusal { () async throws(ClusterError) in try await live.cluster.get(reference) }.isNotFound)
    let first = try await live.cluster.apply(ApplyRequest(object, to: reference))
    #expect(first.wasCreated)
    let second = try await live.cluster.apply(ApplyRequest(object, to: reference))
    #expect(!second.wasCreated)
    #expect(second.object.at("metadata", "resourceVersion") == first.object.at("metadata", "resourceVersion"))
    #expect(second.object["data"] == object["data"])
  }

  @Test func `a field of another manager is a conflict that names it, and force is pinned`() async throws {
    let live = try await LiveCluster()
    let reference = try await live.type("Deployment", "apps/v1").named("web", in: live.namespace)
    let made = try await live.cluster.apply(ApplyRequest(live.deployment("web", replicas: 1), to: reference))
    _ = try await live.cluster.patch(
      PatchRequest(["spec": ["replicas": 3]], .merge, to: reference, fieldManager: "kubectl"))
    let error = try await refusal { () async throws(ClusterError) in
      try await live.cluster.apply(ApplyRequest(live.deployment("web", replicas: 2), to: reference))
    }
    let conflict = try #require(error.status?.fieldConflicts.first)
    #expect(conflict.field == ".spec.replicas" && conflict.manager == "kubectl" && conflict.apiVersion == "apps/v1")
    #expect(RetryDecision.after(error, of: .apply) == .giveUp(.fieldConflict))

    let stale = try await refusal { () async throws(ClusterError) in
      try await live.cluster.apply(
        ApplyRequest(
          live.deployment("web", replicas: 2), to: reference, force: true,
          resourceVersion: made.object.at("metadata", "resourceVersion")?.string))
    }
    #expect(stale.status?.code == 409 && stale.status?.fieldConflicts == [])
    // The controllers write status meanwhile, so pinning may need more than one look.
    for _ in 0..<20 {
      let now = try await live.cluster.get(reference)
      do throws(ClusterError) {
        let forced = try await live.cluster.apply(
          ApplyRequest(
            live.deployment("web", replicas: 2), to: reference, force: true, uid: now.at("metadata", "uid")?.string,
            resourceVersion: now.at("metadata", "resourceVersion")?.string))
        #expect(forced.object.at("spec", "replicas") == 2)
        return
      } catch {
        #expect(error.status?.code == 409)
      }
    }
    Issue.record("the pinned force never found the version that it had read")
  }

  @Test func `an apply pinned to a uid does not bring a deleted object back`() async throws {
    let live = try await LiveCluster()
    let reference = try await live.configMap("a")
    let made = try await live.cluster.apply(ApplyRequest(live.object("a"), to: reference))
    let uid = try #require(made.object.at("metadata", "uid")?.string)
    let wrong = try await refusal { () async throws(ClusterError) in
      try await live.cluster.delete(DeleteRequest(reference, uid: "00000000-0000-0000-0000-000000000000"))
    }
    #expect(wrong.status?.code == 409)
    #expect(try await live.cluster.delete(DeleteRequest(reference, uid: uid)) == .gone)
    let error = try await refusal { () async throws(ClusterError) in
      try await live.cluster.apply(ApplyRequest(live.object("a"), to: reference, uid: uid))
    }
    #expect(error.status?.code == 409 && error.status?.fieldConflicts == [])
    #expect(try await refusal { () async throws(ClusterError) in try await live.cluster.get(reference) }.isNotFound)
  }

  @Test func `an object with a finalizer is terminating`() async throws {
    let live = try await LiveCluster()
    let reference = try await live.configMap("a")
    var object = live.object("a").fields ?? [:]
    object["metadata"] = ["name": "a", "namespace": .string(live.namespace), "finalizers": ["example.com/hold"]]
    _ = try await live.cluster.apply(ApplyRequest(.object(object), to: reference))
    guard case .terminating(let leaving) = try await live.cluster.delete(DeleteRequest(reference, uid: nil)) else {
      Issue.record("it is gone")
      return
    }
    #expect(leaving.at("metadata", "deletionTimestamp") != nil)
    _ = try await live.cluster.patch(PatchRequest(["metadata": ["finalizers": .null]], .merge, to: reference))
    #expect(try await refusal { () async throws(ClusterError) in try await live.cluster.get(reference) }.isNotFound)
  }

  @Test func `an observation sees what is written, page by page and event by event`() async throws {
    let live = try await LiveCluster()
    let type = try await live.type("ConfigMap", "v1")
    let cluster = live.cluster
    // More than one page.
    try await withThrowingTaskGroup(of: Void.self) { group in
      for i in 0..<620 {
        let (object, reference) = (live.object("c\(i)"), type.named("c\(i)", in: live.namespace))
        group.addTask { _ = try await cluster.apply(ApplyRequest(object, to: reference)) }
        if i >= 16 { try await group.next() }
      }
      try await group.waitForAll()
    }
    var observation = CollectionObservation(
      of: type.collection(in: live.namespace), in: live.cluster, clock: ContinuousClock()
    )
    .makeAsyncIterator()
    guard case .listed(let items) = try await observation.next() else {
      Issue.record("no list")
      return
    }
    let names = Set(items.compactMap { $0.at("metadata", "name")?.string }.filter { $0.hasPrefix("c") })
    #expect(names.count == 620)
    #expect(items.allSatisfy { $0["kind"] == "ConfigMap" && $0["apiVersion"] == "v1" })

    let reference = type.named("new", in: live.namespace)
    _ = try await live.cluster.apply(ApplyRequest(live.object("new"), to: reference))
    _ = try await live.cluster.apply(ApplyRequest(live.object("new", ["a": "2"]), to: reference))
    _ = try await live.cluster.delete(DeleteRequest(reference, uid: nil))
    var seen: [String] = []
    while seen.count < 3, let change = try await observation.next() {
      switch change {
      case .changed(let object) where object.at("metadata", "name") == "new":
        seen.append(object.at("data", "a")?.string ?? "")
      case .removed(let object) where object.at("metadata", "name") == "new": seen.append("gone")
      case .changed, .removed, .listed, .note: continue
      }
    }
    #expect(seen == ["1", "2", "gone"])
  }

  @Test func `a version that is too old is 410`() async throws {
    let live = try await LiveCluster()
    // A kind that was defined after the server began: its cache holds nothing older than that.
    let collection = try await live.type("VirtualService", "networking.istio.io/v1").collection(in: live.namespace)
    let error = try await refusal { () async throws(ClusterError) in
      for try await _ in try await live.cluster.watch(collection, from: "1") {}
    }
    #expect(error.isExpired)
  }

  @Test func `cancelling ends a watch that says nothing`() async throws {
    let live = try await LiveCluster()
    let collection = try await live.type("Pod", "v1").collection(in: live.namespace)
    let version = try await live.cluster.list(collection).resourceVersion
    let cluster = live.cluster
    let (opened, signal) = AsyncStream.makeStream(of: Void.self)
    let task = Task {
      let stream = try await cluster.watch(collection, from: version)
      signal.yield()
      for try await _ in stream {}
    }
    for await _ in opened { break }
    task.cancel()
    _ = await task.result
  }

  @Test func `who may do what, and polling where watching is not allowed`() async throws {
    let live = try await LiveCluster()
    let limited = try LiveCluster.client(LiveCluster.connection("\(live.plane.directory)/limited.kubeconfig"))
    let type = try await live.type("ConfigMap", "v1")
    let denied = try await refusal { () async throws(ClusterError) in
      try await limited.list(type.collection(in: live.namespace))
    }
    #expect(denied.isForbidden)
    #expect(try await !limited.isAllowed("list", on: type, namespace: live.namespace).isAllowed)
    for object: Value in [
      [
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": ["name": "lister", "namespace": .string(live.namespace)],
        "rules": [["apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]]],
      ],
      [
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": ["name": "lister", "namespace": .string(live.namespace)],
        "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lister"],
        "subjects": [["apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "limited"]],
      ],
    ] {
      let reference = try await live.cluster.resourceType(of: object).named("lister", in: live.namespace)
      _ = try await live.cluster.apply(ApplyRequest(object, to: reference))
    }
    // RBAC works from informers, a moment behind.
    let clock = ManualClock()
    while try await !limited.isAllowed("list", on: type, namespace: live.namespace).isAllowed { await Task.yield() }
    var kinds: [String] = []
    for try await change in CollectionObservation(of: type.collection(in: live.namespace), in: limited, clock: clock) {
      switch change {
      case .listed: kinds.append("list")
      case .note(.polling): kinds.append("polling")
      case .note, .changed, .removed: kinds.append("other")
      }
      if kinds.count == 4 { break }
    }
    #expect(kinds == ["list", "polling", "list", "list"])
  }

  @Test func `errors about a Secret do not hold its data`() async throws {
    let live = try await LiveCluster()
    let reference = try await live.type("Secret", "v1").named("s", in: live.namespace)
    let object: Value = [
      "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "s", "namespace": .string(live.namespace)],
      "data": ["a": "not base64 hunter2!"],
    ]
    let error = try await refusal { () async throws(ClusterError) in
      try await live.cluster.apply(ApplyRequest(object, to: reference))
    }
    #expect(!"\(error)".contains("hunter2"))
  }

  @Test func `a custom resource of Istio goes through`() async throws {
    let live = try await LiveCluster()
    let object: Value = [
      "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
      "metadata": ["name": "web", "namespace": .string(live.namespace)],
      "spec": ["hosts": ["web"], "http": [["route": [["destination": ["host": "web"], "weight": 100]]]]],
    ]
    let reference = try await live.cluster.resourceType(of: object).named("web", in: live.namespace)
    #expect(try await live.cluster.apply(ApplyRequest(object, to: reference)).wasCreated)
  }
}

@Suite(.controlPlane, .timeLimit(.minutes(20))) struct LiveAuthenticationTests {
  func version(_ connection: ClusterConnection) async throws(any Error) -> String {
    try await LiveCluster.client(connection).serverVersion().gitVersion
  }

  @Test func `a client certificate from memory`() async throws {
    let plane = try await ControlPlane.shared()
    var connection = try LiveCluster.connection(plane.kubeconfig)
    connection.authentication = .none
    connection.clientCertificate = Array(try plane.text("client.crt").utf8)
    connection.clientKey = Secret(Array(try plane.text("client.key").utf8))
    let client = try LiveCluster.client(connection)
    let type = try await client.resourceType(of: "Namespace", in: GroupVersion(group: "", version: "v1"))
    #expect(try await client.get(type.named("default", in: "")).at("metadata", "name") == "default")
    // The same server without it: the connection with the certificate must not serve.
    connection.clientCertificate = nil
    connection.clientKey = nil
    let anonymous = try LiveCluster.client(connection)
    let error = try await refusal { () async throws(ClusterError) in
      try await anonymous.get(type.named("default", in: ""))
    }
    #expect(error.status?.code == 401 || error.isForbidden)
  }

  @Test func `the name that the certificate must have is that of the kubeconfig`() async throws {
    let plane = try await ControlPlane.shared()
    var overrides = ConnectionOverrides()
    overrides.tlsServerName = "api.rolloutc.test"
    #expect(try await version(LiveCluster.connection(plane.kubeconfig, overrides)).hasPrefix("v1."))
    overrides.tlsServerName = "other.rolloutc.test"
    let client = try LiveCluster.client(LiveCluster.connection(plane.kubeconfig, overrides))
    guard
      case .unreachable(let error) = try await refusal({ () async throws(ClusterError) in
        try await client.serverVersion()
      })
    else {
      Issue.record("an answer")
      return
    }
    #expect(error.kind == .tls && !error.mayHaveTakenEffect)
  }

  @Test func `an unknown authority is not trusted, and insecure means insecure`() async throws {
    let plane = try await ControlPlane.shared()
    var connection = try LiveCluster.connection(plane.kubeconfig)
    connection.endpoint.options.certificateAuthority = nil
    let client = try LiveCluster.client(connection)
    guard
      case .unreachable(let error) = try await refusal({ () async throws(ClusterError) in
        try await client.serverVersion()
      })
    else {
      Issue.record("an answer")
      return
    }
    #expect(error.kind == .tls)
    var overrides = ConnectionOverrides()
    overrides.insecureSkipTLSVerify = true
    #expect(try await version(LiveCluster.connection(plane.kubeconfig, overrides)).hasPrefix("v1."))
  }

  /// A plugin that counts its runs, and whose first answer the server refuses.
  @Test func `a plugin runs once for all, and once more when its token is refused`() async throws {
    let plane = try await ControlPlane.shared()
    let directory = NSTemporaryDirectory() + "rolloutc-plugin-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let script = """
      #!/bin/sh
      echo run >>"$1/runs"
      printf %s "$KUBERNETES_EXEC_INFO" >"$1/info"
      token=$(cat "$2")
      [ "$(wc -l <"$1/runs")" -gt 1 ] || token=refused
      echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"'"$token"'"}}'
      """
    try script.write(toFile: directory + "/plugin", atomically: true, encoding: .utf8)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: directory + "/plugin")
    let config = """
      apiVersion: v1
      kind: Config
      current-context: c
      contexts: [{name: c, context: {cluster: c, user: u}}]
      clusters: [{name: c, cluster: {server: "\(try plane.server())", certificate-authority: \(plane.directory)/ca.crt}}]
      users:
      - name: u
        user:
          exec:
            apiVersion: client.authentication.k8s.io/v1
            command: ./plugin
            args: [\(directory), \(plane.directory)/admin.token]
            interactiveMode: Never
            provideClusterInfo: true
      """
    try config.write(toFile: directory + "/config", atomically: true, encoding: .utf8)
    let client = try LiveCluster.client(LiveCluster.connection(directory + "/config"))
    let type = ResourceType(
      groupVersion: GroupVersion(group: "", version: "v1"), kind: "Namespace", plural: "namespaces", isNamespaced: false
    )
    let cluster = RetryingCluster(client, clock: ContinuousClock(), tell: { _ in })
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<20 { group.addTask { _ = try await cluster.get(type.named("default", in: "")) } }
      try await group.waitForAll()
    }
    let runs = try String(contentsOfFile: directory + "/runs", encoding: .utf8).split(separator: "\n").count
    #expect(runs == 2)
    let info = try parseJSON(Array(try String(contentsOfFile: directory + "/info", encoding: .utf8).utf8))
    #expect(info.at("spec", "interactive") == false)
    #expect(info.at("spec", "cluster", "server")?.string == (try plane.server()))
  }
}
