/// What no patch may change in an object of that kind: names, namespaces, ownership, and what Services, Deployments and
/// DestinationRules find their pods by. Which pods are the ingress of a cluster, the plan cannot know.
package func protectedPaths(ofKind kind: String) -> [[String]] {
  var paths = [["apiVersion"], ["kind"], ["metadata", "name"], ["metadata", "namespace"]]
  for key in ["app.kubernetes.io/managed-by", "app.kubernetes.io/part-of"] {
    paths.append(["metadata", "labels", key])
  }
  if kind != "Gateway" { paths.append(["spec", "selector"]) }
  for key in ["app", "version"] { paths.append(["spec", "template", "metadata", "labels", key]) }
  paths.append(["spec", "host"])
  return paths
}
