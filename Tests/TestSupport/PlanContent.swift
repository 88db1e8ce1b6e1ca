package import ClusterAPI
package import KubernetesModel
import Testing

/// Everything in a namespace that a plan may have made there, by `KIND/NAME`, without what differs from server to server and
/// from run to run.
package func contentOfPlan(in namespace: String, of cluster: any Cluster) async throws -> [String: Value] {
  var content: [String: Value] = [:]
  for (kind, version) in [
    ("Deployment", "apps/v1"), ("Service", "v1"), ("PersistentVolumeClaim", "v1"),
    ("VirtualService", "networking.istio.io/v1beta1"), ("DestinationRule", "networking.istio.io/v1beta1"),
    ("Gateway", "networking.istio.io/v1beta1"), ("PeerAuthentication", "security.istio.io/v1beta1"),
    ("ServiceAccount", "v1"),
  ] {
    let type = try await cluster.resourceType(of: kind, in: try #require(GroupVersion(version)))
    for object in try await cluster.list(type.collection(in: namespace)).items {
      var fields: Fields = [:]
      var spec = object["spec"]?.fields ?? Fields()
      for key in ["clusterIP", "clusterIPs", "volumeName"] { spec[key] = nil }
      fields["spec"] = .object(spec)
      fields["labels"] = object.at("metadata", "labels") ?? .null
      fields["step"] = object.at("metadata", "annotations", "rolloutc.dev/step") ?? .null
      let text = jsonText(.object(fields)).replacing(namespace, with: "NAMESPACE")
      let name = object.at("metadata", "name")?.string ?? ""
      content["\(kind)/\(name)"] = try parseJSON(Array(text.utf8))
    }
  }
  // Their names and contents hold UIDs; what matters is that none is left over.
  let configMaps = try await cluster.resourceType(of: "ConfigMap", in: GroupVersion(group: "", version: "v1"))
  let memory = try await cluster.list(configMaps.collection(in: namespace)).items
    .filter { $0.at("metadata", "labels", "rolloutc.dev/inventory") != nil }
  content["memory"] = .int(memory.count)
  return content
}
