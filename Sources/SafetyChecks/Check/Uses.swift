internal import KubernetesModel

/// Whether the pods of a workload name an object of their namespace: a claim, a ConfigMap, a Secret, their account.
func uses(_ workload: Value, _ id: ObjectID) -> Bool {
  let pod = workload["kind"]?.string == "Pod" ? workload["spec"] : workload.at("spec", "template", "spec")
  let volumes = pod?["volumes"]?.array ?? []
  let containers = (pod?["containers"]?.array ?? []) + (pod?["initContainers"]?.array ?? [])
  let (reference, key, volume): (String, String, (String, String))
  switch id.kind {
  case "ServiceAccount": return pod?["serviceAccountName"]?.string == id.name
  case "PersistentVolumeClaim":
    return volumes.contains { $0.at("persistentVolumeClaim", "claimName")?.string == id.name }
  case "ConfigMap": (reference, key, volume) = ("configMapRef", "configMapKeyRef", ("configMap", "name"))
  case "Secret": (reference, key, volume) = ("secretRef", "secretKeyRef", ("secret", "secretName"))
  default: return false
  }
  return volumes.contains { $0.at(volume.0, volume.1)?.string == id.name }
    || containers.contains { container in
      (container["envFrom"]?.array ?? []).contains { $0.at(reference, "name")?.string == id.name }
        || (container["env"]?.array ?? []).contains { $0.at("valueFrom", key, "name")?.string == id.name }
    }
}
