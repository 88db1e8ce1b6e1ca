package import KubernetesModel

/// Reads the protobuf bodies that kubectl's typed clients send (`kubectl create namespace`, `kubectl auth can-i`): the
/// few kinds below. Nil for every other kind, and for a field that is not listed unless it holds its zero value: the
/// client then gets a 415 rather than half of its object.
///
/// The numbers are those of the `generated.proto` files of k8s.io/api and k8s.io/apimachinery. A body is `k8s\0` and a
/// `runtime.Unknown`: 1 is its type (1 apiVersion, 2 kind), 2 the object.
package func decodedProtobuf(_ bytes: [UInt8]) -> Value? {
  guard bytes.starts(with: [0x6B, 0x38, 0x73, 0]), let envelope = members(of: bytes.dropFirst(4)) else { return nil }
  var type: Value?
  var raw: ArraySlice<UInt8> = []
  for (number, content) in envelope {
    guard case .bytes(let payload) = content else { return nil }
    if number == 1 { type = message(payload, [1: .text("apiVersion"), 2: .text("kind")], depth: 0) }
    if number == 2 { raw = payload }
  }
  guard case .object(var fields)? = type, let kind = fields["kind"]?.string, let layout = layouts[kind],
    case .object(let rest)? = message(raw, layout, depth: 0)
  else { return nil }
  fields.entries += rest.entries
  return .object(fields)
}

private indirect enum Field: Sendable {
  /// A string; an empty one is left out.
  case text(String)
  case texts(String)
  /// Numbers and booleans that the API has as pointers: zero counts.
  case number(String)
  case flag(String)
  case message(String, [Int: Field])
  case messages(String, [Int: Field])
  /// A map to strings, or to bytes (base64 in JSON).
  case map(String)
  case blobs(String)
  /// The server decides it.
  case ignored
}

private let metadata: [Int: Field] = [
  1: .text("name"), 2: .text("generateName"), 3: .text("namespace"), 4: .ignored, 5: .text("uid"),
  6: .text("resourceVersion"), 7: .ignored, 8: .ignored, 11: .map("labels"), 12: .map("annotations"),
  14: .texts("finalizers"),
]

private let container: [Int: Field] = [
  1: .text("name"), 2: .text("image"), 3: .texts("command"), 4: .texts("args"), 5: .text("workingDir"),
  6: .messages("ports", [1: .text("name"), 3: .number("containerPort"), 4: .text("protocol")]),
  14: .text("imagePullPolicy"),
]

private let template: [Int: Field] = [
  1: .message("metadata", metadata),
  2: .message("spec", [2: .messages("containers", container), 3: .text("restartPolicy")]),
]

private let role: [Int: Field] = [
  1: .message("metadata", metadata),
  2: .messages(
    "rules",
    [
      1: .texts("verbs"), 2: .texts("apiGroups"), 3: .texts("resources"), 4: .texts("resourceNames"),
      5: .texts("nonResourceURLs"),
    ]),
]

private let roleBinding: [Int: Field] = [
  1: .message("metadata", metadata),
  2: .messages("subjects", [1: .text("kind"), 2: .text("apiGroup"), 3: .text("name"), 4: .text("namespace")]),
  3: .message("roleRef", [1: .text("apiGroup"), 2: .text("kind"), 3: .text("name")]),
]

private let layouts: [String: [Int: Field]] = [
  "ClusterRole": role,
  "ClusterRoleBinding": roleBinding,
  "ConfigMap": [
    1: .message("metadata", metadata), 2: .map("data"), 3: .blobs("binaryData"), 4: .flag("immutable"),
  ],
  "DeleteOptions": [
    1: .number("gracePeriodSeconds"),
    2: .message("preconditions", [1: .text("uid"), 2: .text("resourceVersion")]),
    3: .flag("orphanDependents"), 4: .text("propagationPolicy"), 5: .texts("dryRun"),
  ],
  "Deployment": [
    1: .message("metadata", metadata),
    2: .message(
      "spec",
      [
        1: .number("replicas"), 2: .message("selector", [1: .map("matchLabels")]), 3: .message("template", template),
        4: .message("strategy", [1: .text("type")]),
      ]),
    3: .ignored,
  ],
  "Namespace": [1: .message("metadata", metadata), 2: .message("spec", [1: .texts("finalizers")]), 3: .ignored],
  "Role": role,
  "RoleBinding": roleBinding,
  "Secret": [
    1: .message("metadata", metadata), 2: .blobs("data"), 3: .text("type"), 4: .map("stringData"),
    5: .flag("immutable"),
  ],
  "SelfSubjectAccessReview": [
    1: .message("metadata", metadata),
    2: .message(
      "spec",
      [
        1: .message(
          "resourceAttributes",
          [
            1: .text("namespace"), 2: .text("verb"), 3: .text("group"), 4: .text("version"), 5: .text("resource"),
            6: .text("subresource"), 7: .text("name"),
          ]), 2: .message("nonResourceAttributes", [1: .text("path"), 2: .text("verb")]),
      ]), 3: .ignored,
  ],
  "ServiceAccount": [1: .message("metadata", metadata), 4: .flag("automountServiceAccountToken")],
]

// MARK: - The wire

private enum Content {
  case number(UInt64)
  case bytes(ArraySlice<UInt8>)

  var isZero: Bool {
    switch self {
    case .number(let number): number == 0
    case .bytes(let bytes): bytes.isEmpty
    }
  }
}

/// The fields of a message in their order; nil if the bytes are none. Kubernetes uses no fixed-width numbers.
private func members(of bytes: ArraySlice<UInt8>) -> [(Int, Content)]? {
  var rest = bytes
  var result: [(Int, Content)] = []
  while !rest.isEmpty {
    guard let tag = varint(&rest) else { return nil }
    let number = Int(truncatingIfNeeded: tag >> 3)
    switch tag & 7 {
    case 0:
      guard let value = varint(&rest) else { return nil }
      result.append((number, .number(value)))
    case 2:
      guard let count = varint(&rest), count <= UInt64(rest.count) else { return nil }
      result.append((number, .bytes(rest.prefix(Int(count)))))
      rest = rest.dropFirst(Int(count))
    default: return nil
    }
  }
  return result
}

private func varint(_ bytes: inout ArraySlice<UInt8>) -> UInt64? {
  var value: UInt64 = 0
  for shift in stride(from: UInt64(0), to: 64, by: 7) {
    guard let byte = bytes.popFirst() else { return nil }
    value |= UInt64(byte & 0x7F) << shift
    if byte < 0x80 { return value }
  }
  return nil
}

private func message(_ bytes: ArraySlice<UInt8>, _ layout: [Int: Field], depth: Int) -> Value? {
  guard depth < 16, let members = members(of: bytes) else { return nil }
  var fields = Fields()
  func append(_ value: Value, to name: String) { fields[name] = .array((fields[name]?.array ?? []) + [value]) }
  for (number, content) in members {
    switch (layout[number], content) {
    case (.ignored, _): continue
    case (.text(let name), .bytes(let payload)):
      guard let text = text(payload) else { return nil }
      if !text.isEmpty { fields[name] = .string(text) }
    case (.texts(let name), .bytes(let payload)):
      guard let text = text(payload) else { return nil }
      append(.string(text), to: name)
    case (.number(let name), .number(let value)): fields[name] = .int(Int(truncatingIfNeeded: value))
    case (.flag(let name), .number(let value)): fields[name] = .bool(value != 0)
    case (.message(let name, let inner), .bytes(let payload)):
      guard let value = message(payload, inner, depth: depth + 1) else { return nil }
      fields[name] = value
    case (.messages(let name, let inner), .bytes(let payload)):
      guard let value = message(payload, inner, depth: depth + 1) else { return nil }
      append(value, to: name)
    case (.map(let name), .bytes(let payload)):
      guard let (key, value) = entry(payload), let text = text(value) else { return nil }
      var map = fields[name]?.fields ?? Fields()
      map[key] = .string(text)
      fields[name] = .object(map)
    case (.blobs(let name), .bytes(let payload)):
      guard let (key, value) = entry(payload) else { return nil }
      var map = fields[name]?.fields ?? Fields()
      map[key] = .string(encodeBase64(Array(value)))
      fields[name] = .object(map)
    default: if !content.isZero { return nil }
    }
  }
  return .object(fields)
}

private func text(_ bytes: ArraySlice<UInt8>) -> String? { String(validating: bytes, as: UTF8.self) }

private func entry(_ bytes: ArraySlice<UInt8>) -> (String, ArraySlice<UInt8>)? {
  guard let members = members(of: bytes) else { return nil }
  var key = ""
  var value: ArraySlice<UInt8> = []
  for (number, content) in members {
    guard case .bytes(let payload) = content else { return nil }
    if number == 1 {
      guard let text = text(payload) else { return nil }
      key = text
    } else if number == 2 {
      value = payload
    }
  }
  return (key, value)
}
