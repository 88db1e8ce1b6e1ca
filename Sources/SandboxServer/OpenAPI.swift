internal import Sandbox

/// The smallest `/openapi/v2` that kubectl is content with, as protobuf (google/gnostic `OpenAPIv2.proto`).
///
/// kubectl reads it for two things. Validation and merge keys: a kind that has no definition is not validated, and its
/// merge keys are those compiled into kubectl. Server dry run (`kubectl diff`): a kind must have a PATCH operation whose
/// parameters hold `dryRun` (and, for newer kubectl, `fieldValidation`).
func openAPIDocument(_ registry: Registry) -> [UInt8] {
  var document = Protobuf()
  document.add(1, "2.0")
  var info = Protobuf()
  info.add(1, "Kubernetes")
  info.add(2, "v1.32.4")
  document.add(2, info)
  var paths = Protobuf()
  for type in registry.types where !type.traits.contains(.review) {
    for version in type.versions {
      let root = type.group.isEmpty ? "/api/\(version)" : "/apis/\(type.group)/\(version)"
      let path = root + (type.isNamespaced ? "/namespaces/{namespace}" : "") + "/\(type.plural)/{name}"
      var operation = Protobuf()
      for name in ["dryRun", "fieldManager", "fieldValidation", "force"] { operation.add(8, queryParameter(name)) }
      var value = Protobuf()
      value.add(2, "group: \"\(type.group)\"\nkind: \(type.kind)\nversion: \(version)\n")
      var named = Protobuf()
      named.add(1, "x-kubernetes-group-version-kind")
      named.add(2, value)
      operation.add(13, named)
      var item = Protobuf()
      item.add(8, operation)
      var entry = Protobuf()
      entry.add(1, path)
      entry.add(2, item)
      paths.add(2, entry)
    }
  }
  document.add(8, paths)
  document.add(9, Protobuf())
  return document.bytes
}

private func queryParameter(_ name: String) -> Protobuf {
  var query = Protobuf()
  query.add(2, "query")
  query.add(4, name)
  query.add(6, "string")
  var nonBody = Protobuf()
  nonBody.add(3, query)
  var parameter = Protobuf()
  parameter.add(2, nonBody)
  var item = Protobuf()
  item.add(1, parameter)
  return item
}

/// Writes length-delimited protobuf fields.
private struct Protobuf {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ field: Int, _ text: String) { add(field, Array(text.utf8)) }

  mutating func add(_ field: Int, _ message: Protobuf) { add(field, message.bytes) }

  private mutating func add(_ field: Int, _ payload: [UInt8]) {
    varint(field << 3 | 2)
    varint(payload.count)
    bytes += payload
  }

  private mutating func varint(_ value: Int) {
    var rest = UInt(bitPattern: value)
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F | 0x80))
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
