internal import Diagnostics
internal import KubernetesModel
internal import RolloutPlan

extension FolderChange {
  /// What is new in the newer folder, or gone, and may decide about requests without being followed here. What stands in
  /// both as it was does what it did; but where nothing is known of a request, it is said again.
  var unfollowed: [Diagnostic] {
    var all: [Diagnostic] = []
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
        if effect.isStanding || !old.contains(effect) { add("`\(effect.field)` of \(change.id)", effect.reason) }
      }
    }
    return all
  }

  private func isDelegate(_ object: PlacedObject) -> Bool {
    object.id.kind == "VirtualService" && texts(object.value.at("spec", "hosts")).isEmpty
  }
}

extension FolderObjects {
  fileprivate var hasDelegates: Bool { routes.contains { $0.http.contains { $0["delegate"] != nil } } }
}
