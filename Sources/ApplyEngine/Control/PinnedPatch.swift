internal import ClusterAPI
internal import KubernetesModel

extension PatchRequest {
  /// A merge of `changes` into the object that was seen as `live`, and into no other version of it: of two who write over
  /// what both have read one gets 409. A key of `data` that the change does not have is taken away.
  init(_ changes: Value, over live: Value, to target: ObjectReference) {
    var fields = changes.fields ?? Fields()
    fields["apiVersion"] = nil
    fields["kind"] = nil
    var metadata = fields["metadata"]?.fields ?? Fields()
    for key in ["uid", "resourceVersion"] { metadata[key] = live.at("metadata", key) }
    fields["metadata"] = .object(metadata)
    if var data = fields["data"]?.fields {
      for key in live["data"]?.fields?.keys ?? [] where data[key] == nil { data[key] = .null }
      fields["data"] = .object(data)
    }
    self.init(.object(fields), .merge, to: target)
  }
}
