package import KubernetesModel

func namespaceReadiness(_ object: Value) -> Readiness {
  switch object.at("status", "phase")?.string {
  case "Active": .ready
  case "Terminating":
    .failed(
      Cause(
        "Terminating", "what is written into it goes away with it; wait until it is gone", in: subject(object)))
  default: .waiting("it is not active yet")
  }
}

func definitionReadiness(_ object: Value) -> Readiness {
  if let names = condition("NamesAccepted", of: object), names.isFalse {
    return .failed(Cause(names.reason.isEmpty ? "NamesNotAccepted" : names.reason, names.message, in: subject(object)))
  }
  return condition("Established", of: object)?.isTrue == true ? .ready : .waiting("it is not served yet")
}

/// Never waits for endpoints: a Service stands before its workload, and waiting for pods here would wait for ever.
func serviceReadiness(_ object: Value) -> Readiness {
  let type = object.at("spec", "type")?.string ?? "ClusterIP"
  if type == "ExternalName" { return .ready }
  if (object.at("spec", "clusterIP")?.string ?? "").isEmpty { return .waiting("it has no address yet") }
  guard type == "LoadBalancer" else { return .ready }
  if object.at("spec", "externalIPs")?.array?.isEmpty == false { return .ready }
  let ingress = object.at("status", "loadBalancer", "ingress")?.array ?? []
  let hasAddress = ingress.contains { !($0["ip"]?.string ?? "").isEmpty || !($0["hostname"]?.string ?? "").isEmpty }
  return hasAddress ? .ready : .waiting("its load balancer has no address yet")
}

/// Whether one of `pods`, by UID, takes traffic by some slice of a Service. An absent `ready` means true, an absent
/// `terminating` false (discovery.k8s.io/v1). By which port does not matter: not every version has each.
func standsBehind(_ pods: Set<String>, slices: [Value]) -> Bool {
  slices.contains { slice in
    (slice["endpoints"]?.array ?? []).contains { endpoint in
      endpoint.at("conditions", "ready")?.bool != false && endpoint.at("conditions", "terminating")?.bool != true
        && endpoint.at("targetRef", "uid")?.string.map(pods.contains) == true
    }
  }
}

/// A volume claim. A class that binds at the first consumer makes it ready for now: waiting for it here would wait for a
/// pod that only a later phase starts (argo-cd#12840). There is no condition that says so; the class, and the absence of
/// a chosen node, do.
///
/// - Parameter storageClasses: nil where they cannot be read; then an event must tell.
package func claimReadiness(_ object: Value, storageClasses: [Value]?, events: [Value] = []) -> Readiness {
  switch object.at("status", "phase")?.string {
  case "Bound": return .ready
  case "Lost": return .failed(Cause("Lost", "its volume is gone", in: subject(object)))
  default: break
  }
  let told = byLastTime(events.filter { $0.at("involvedObject", "uid") == object.at("metadata", "uid") })
  var suspect: Cause?
  if let event = told.last(where: { $0["reason"]?.string == "ProvisioningFailed" }) {
    suspect = Cause("ProvisioningFailed", event["message"]?.string ?? "", in: subject(object), .slow)
  }
  let owed = ReadinessText.waitsForConsumer
  if let volume = object.at("spec", "volumeName")?.string, !volume.isEmpty {
    return .waiting("volume \(volume) is not bound yet", suspect: suspect)
  }
  let isPlaced = annotation("volume.kubernetes.io/selected-node", of: object) != nil
  guard let storageClasses else {
    let waits = told.contains { $0["reason"]?.string == "WaitForFirstConsumer" }
    return waits && !isPlaced ? .readyForNow(owed: owed) : .waiting("it is not bound yet", suspect: suspect)
  }
  let named =
    annotation("volume.beta.kubernetes.io/storage-class", of: object)
    ?? object.at("spec", "storageClassName")?.string
    ?? defaultClass(storageClasses)
  guard let named, !named.isEmpty else {
    return .waiting("it is not bound yet, and no class provisions for it", suspect: suspect)
  }
  guard let found = storageClasses.first(where: { $0.at("metadata", "name")?.string == named }) else {
    return .waiting("it is not bound yet, and there is no storage class \(named)", suspect: suspect)
  }
  if found["volumeBindingMode"]?.string == "WaitForFirstConsumer", !isPlaced { return .readyForNow(owed: owed) }
  return .waiting("it is not bound yet", suspect: suspect)
}

private enum ReadinessText {
  static let waitsForConsumer = "it is bound when its first pod is placed"
}

/// The newest of the classes marked as default, as the admission plugin chooses.
private func defaultClass(_ classes: [Value]) -> String? {
  classes
    .filter { annotation("storageclass.kubernetes.io/is-default-class", of: $0) == "true" }
    .max {
      ($0.at("metadata", "creationTimestamp")?.string ?? "") < ($1.at("metadata", "creationTimestamp")?.string ?? "")
    }?
    .at("metadata", "name")?.string
}

private func annotation(_ key: String, of object: Value) -> String? {
  object.at("metadata", "annotations")?[key]?.string
}
