package import ClusterAPI
import KubernetesModel

/// For as long as `body` takes, each ready pod of a namespace has an EndpointSlice of its own. All pods of a hollow node have
/// the same address, and Kubernetes' controller keeps only one endpoint of each address: which of two versions it lists is
/// chance.
package func withEndpoints<T>(
  of namespace: String, in cluster: any Cluster, _ body: () async throws -> T
) async throws -> T {
  let endpoints = Task { try await bringEndpoints(of: namespace, in: cluster) }
  defer { endpoints.cancel() }
  return try await body()
}

private func bringEndpoints(of namespace: String, in cluster: any Cluster) async throws {
  let pods = try await cluster.resourceType(of: "Pod", in: GroupVersion(group: "", version: "v1"))
  let changes = CollectionObservation(of: pods.collection(in: namespace), in: cluster, clock: ContinuousClock())
  var number = 0
  var listed: Set<String> = []
  func list(_ pod: Value) async {
    guard let name = pod.at("metadata", "name")?.string, let service = pod.at("metadata", "labels", "app")?.string,
      !listed.contains(name),
      (pod.at("status", "conditions")?.array ?? []).contains(where: {
        $0["type"]?.string == "Ready" && $0["status"]?.string == "True"
      })
    else { return }
    number += 1
    let uid = pod.at("metadata", "uid") ?? .null
    let slice: Value = [
      "apiVersion": "discovery.k8s.io/v1beta1", "kind": "EndpointSlice", "addressType": "IPv4",
      "metadata": [
        "name": .string("\(name)-alone"), "namespace": .string(namespace),
        "labels": [
          "kubernetes.io/service-name": .string(service), "endpointslice.kubernetes.io/managed-by": "stand-in",
        ],
        "ownerReferences": [["apiVersion": "v1", "kind": "Pod", "name": .string(name), "uid": uid]],
      ],
      "endpoints": [
        [
          "addresses": [.string("10.1.\(number / 250).\(number % 250 + 1)")], "conditions": ["ready": true],
          "targetRef": ["kind": "Pod", "name": .string(name), "namespace": .string(namespace), "uid": uid],
        ]
      ],
    ]
    // A pod without an endpoint is never ready for the mesh, and what looks for it waits for nothing.
    for _ in 0..<20 where !Task.isCancelled {
      do {
        try await cluster.apply(slice, by: "somebody")
        listed.insert(name)
        return
      } catch {
        try? await Task.sleep(for: .milliseconds(100))
      }
    }
  }
  for try await change in changes {
    switch change {
    case .listed(let pods): for pod in pods { await list(pod) }
    case .changed(let pod): await list(pod)
    case .removed, .note: break
    }
  }
}
