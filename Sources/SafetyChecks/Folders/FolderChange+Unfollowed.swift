internal import Diagnostics
internal import KubernetesModel
internal import RolloutPlan

extension FolderChange {
  /// What is new in the newer folder, or gone, and may decide about requests without being followed here. What stands in
  /// both as it was does what it did; but where nothing is known of a request, and something of what it may meet is new, it is
  /// said again.
  var unfollowed: [Diagnostic] {
    var all = gatewaysOfOthers.unfollowed
    for change in changes {
      guard let object = change.new ?? change.old, !object.allowed.contains(Code.notFollowed.slug) else { continue }
      func add(_ what: String, _ reason: String) {
        let diagnostic = Diagnostic.notFollowed(what, reason, at: object.range)
        if !all.contains(diagnostic) { all.append(diagnostic) }
      }
      // A Job that is gone has been done.
      if change.isChanged, let reason = unfollowedEffect(of: change.id), change.new != nil || change.id.kind != "Job" {
        add("\(change.id)", reason)
      }
      // Where the VirtualService that leads to it is in neither folder, nothing else speaks of it.
      if change.isChanged, isDelegate(object), !before.hasDelegates, !after.hasDelegates {
        add("\(change.id)", "it has no hosts: the rules of another VirtualService lead to it")
      }
      let old = Set(change.old.map { unfollowedEffects(of: $0.value) } ?? [])
      for effect in change.new.map({ unfollowedEffects(of: $0.value) }) ?? [] where !effect.isModelled {
        if old.contains(effect), !effect.isStanding || isUntouched(delegatesOf: change) { continue }
        add("`\(effect.field)` of \(change.id)", effect.reason)
      }
      if change.isChanged, cut.contains(change.id) {
        add(
          "every request that the rules of \(change.id) tell apart",
          "paths and conditions of several rules make more than \(FolderRequests.limit) kinds: those of new rules come first"
        )
      }
    }
    return all
  }

  /// The rules of others that a VirtualService lets decide are as they were, and so is who meets them and what they lead to.
  private func isUntouched(delegatesOf change: Change) -> Bool {
    let (old, new) = (change.old?.value["spec"] ?? .null, change.new?.value["spec"] ?? .null)
    // Rules behind the last one that has a delegate take nothing from it.
    func first(_ spec: Value) -> ArraySlice<Value> {
      let rules = spec["http"]?.array ?? []
      return rules[...(rules.lastIndex { $0["delegate"] != nil } ?? -1)]
    }
    let reach: Set<String> = ["PeerAuthentication", "Namespace", "Sidecar"]
    guard old["hosts"] == new["hosts"], old["gateways"] == new["gateways"], first(old) == first(new),
      !changes.contains(where: { $0.isChanged && reach.contains($0.id.kind) })
    else { return false }
    return first(new).compactMap { $0["delegate"] }.allSatisfy { delegate in
      let namespace = delegate["namespace"]?.string ?? change.id.namespace
      let name = delegate["name"]?.string
      guard
        let routes = after.routes.first(where: { $0.id.name == name && $0.id.namespace == namespace }),
        !isChanged(routes.id)
      else { return false }
      return routes.http.allSatisfy { rule in
        rule["delegate"] == nil
          && (rule["route"]?.array ?? []).allSatisfy {
            isUntouched(host: after.fullName($0.at("destination", "host")?.string ?? "", namespace))
          }
      }
    }
  }

  /// Nothing that decides about requests to the host is new.
  private func isUntouched(host: String) -> Bool {
    [before, after].allSatisfy { stage in
      let rules = stage.rules.filter { takes($0.host, host) }
      guard !rules.contains(where: { isChanged($0.id) }) else { return false }
      guard let service = stage.service(host) else { return true }
      return !isChanged(service.id) && !stage.pods(behind: service).contains { isChanged($0.id) }
    }
  }

  private func isChanged(_ id: ObjectID) -> Bool { changes.contains { $0.id == id && $0.isChanged } }

  private func isDelegate(_ object: PlacedObject) -> Bool {
    object.id.kind == "VirtualService" && texts(object.value.at("spec", "hosts")).isEmpty
  }
}

extension FolderObjects {
  fileprivate var hasDelegates: Bool { routes.contains { $0.http.contains { $0["delegate"] != nil } } }
}
