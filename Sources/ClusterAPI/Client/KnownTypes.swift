/// The kinds that rolloutc asks for by itself; those of a plan's objects are looked up in the cluster.
extension ResourceType {
  package static let configMaps = known("", "ConfigMap", "configmaps")
  package static let endpoints = known("", "Endpoints", "endpoints")
  package static let events = known("", "Event", "events")
  package static let limitRanges = known("", "LimitRange", "limitranges")
  package static let namespaces = known("", "Namespace", "namespaces", isNamespaced: false)
  package static let nodes = known("", "Node", "nodes", isNamespaced: false)
  package static let pods = known("", "Pod", "pods")
  package static let resourceQuotas = known("", "ResourceQuota", "resourcequotas")
  package static let secrets = known("", "Secret", "secrets")
  package static let services = known("", "Service", "services")
  package static let deployments = known("apps", "Deployment", "deployments")
  package static let replicaSets = known("apps", "ReplicaSet", "replicasets")
  package static let selfSubjectAccessReviews = known(
    "authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews", isNamespaced: false)
  package static let leases = known("coordination.k8s.io", "Lease", "leases")
  package static let storageClasses = known("storage.k8s.io", "StorageClass", "storageclasses", isNamespaced: false)

  private static func known(
    _ group: String, _ kind: String, _ plural: String, isNamespaced: Bool = true
  ) -> ResourceType {
    ResourceType(
      groupVersion: GroupVersion(group: group, version: "v1"), kind: kind, plural: plural, isNamespaced: isNamespaced)
  }
}
