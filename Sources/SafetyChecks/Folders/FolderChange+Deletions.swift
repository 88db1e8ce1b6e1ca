internal import Diagnostics
internal import KubernetesModel

extension FolderChange {
  /// S9: what is gone in the newer folder, and still needed, or holds data.
  mutating func judgeDeletions() {
    for change in changes where change.new == nil {
      guard let old = change.old, let loss = loss(change.id, old.value) else { continue }
      findings.append(
        FolderFinding(
          diagnostic: Diagnostic(
            .stillInUse, loss.message, at: Label(old.range, "deletes \(change.id)"),
            notes: [whereItIs, loss.note], help: loss.help)))
    }
  }

  private struct Loss {
    var message: String
    var note: String
    var help: String

    static func used(_ id: ObjectID, by user: ObjectID) -> Loss {
      Loss(
        message: "\(id) is deleted while pods of \(user) may still use it",
        note: "pods that start without it do not come up, and data that is written meanwhile is lost",
        help: "stop the pods first, and delete it in another go")
    }
  }

  private func loss(_ id: ObjectID, _ value: Value) -> Loss? {
    switch id.kind {
    case "Namespace":
      return Loss(
        message: "\(id) is deleted, and everything in it", note: "volumes and Secrets go with it, whoever made them",
        help: "delete what the folder made, one object after the other")
    case "PersistentVolume", "PersistentVolumeClaim":
      if let user = user(of: id) { return .used(id, by: user) }
      if options.mayDeleteVolumes { return nil }
      return Loss(
        message: "\(id) is deleted, and the data on it", note: "no pod uses it any more; nobody can bring it back",
        help: "keep it in the folder, or say `--with-volumes`")
    case "ConfigMap", "Secret", "ServiceAccount": return user(of: id).map { .used(id, by: $0) }
    case "StatefulSet":
      let keeps = value.at("spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted")?.string != "Delete"
      if keeps || value.at("spec", "volumeClaimTemplates") == nil || options.mayDeleteVolumes { return nil }
      return Loss(
        message: "\(id) is deleted, and the data of its claims with it",
        note: "its `persistentVolumeClaimRetentionPolicy` says `whenDeleted: Delete`",
        help: "say `whenDeleted: Retain` first, or `--with-volumes`")
    default: return nil
    }
  }

  /// A workload of either folder that names it; its pods may run until the newer folder is all there.
  private func user(of id: ObjectID) -> ObjectID? {
    (after.pods + before.pods).first { pods in
      pods.id.namespace == id.namespace && pods.replicas > 0 && uses(pods.object.value, id)
    }?.id
  }
}
