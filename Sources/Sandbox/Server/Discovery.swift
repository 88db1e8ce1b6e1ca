internal import KubernetesModel

extension APIServer {
  var versionDocument: Value {
    let parts = gitVersion.dropFirst().split(separator: ".").map(String.init)
    return [
      "major": .string(parts.first ?? "1"), "minor": .string(parts.count > 1 ? parts[1] : "32"),
      "gitVersion": .string(gitVersion), "gitCommit": "0000000000000000000000000000000000000000",
      "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.23.8", "compiler": "gc",
      "platform": "linux/amd64",
    ]
  }

  /// `/api`, `/apis`, `/apis/GROUP`, `/apis/GROUP/VERSION`, `/api/v1`; nil for any other path.
  func discovery(_ path: String) -> Value? {
    let parts = path.split(separator: "/").map(String.init)
    switch (parts.first, parts.count) {
    case ("api", 1):
      return [
        "kind": "APIVersions", "versions": ["v1"],
        "serverAddressByClientCIDRs": [["clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"]],
      ]
    case ("api", 2) where parts[1] == "v1": return resources(group: "", version: "v1")
    case ("apis", 1):
      let groups = store.registry.groups.filter { !$0.name.isEmpty }
      return [
        "kind": "APIGroupList", "apiVersion": "v1",
        "groups": .array(groups.map { .object(group($0.name, $0.versions)) }),
      ]
    case ("apis", 2):
      guard let found = store.registry.groups.first(where: { $0.name == parts[1] }) else { return nil }
      var document: Fields = ["kind": "APIGroup", "apiVersion": "v1"]
      document.entries += group(found.name, found.versions).entries
      return .object(document)
    case ("apis", 3):
      guard let found = store.registry.groups.first(where: { $0.name == parts[1] }), found.versions.contains(parts[2])
      else { return nil }
      return resources(group: parts[1], version: parts[2])
    default: return nil
    }
  }

  private func group(_ name: String, _ versions: [String]) -> Fields {
    func version(_ version: String) -> Value {
      ["groupVersion": .string("\(name)/\(version)"), "version": .string(version)]
    }
    return [
      "name": .string(name), "versions": .array(versions.map(version)),
      "preferredVersion": version(versions.first ?? "v1"),
    ]
  }

  private func resources(group: String, version: String) -> Value {
    var resources: [Value] = []
    for type in store.registry.types where type.group == group && type.versions.contains(version) {
      func entry(_ subresource: String?, _ kind: String, _ verbs: [Value]) -> Fields {
        [
          "name": .string(type.plural + (subresource.map { "/" + $0 } ?? "")),
          "singularName": .string(subresource == nil ? type.singular : ""),
          "namespaced": .bool(type.isNamespaced), "kind": .string(kind), "verbs": .array(verbs),
        ]
      }
      if type.traits.contains(.review) {
        resources.append(.object(entry(nil, type.kind, ["create"])))
        continue
      }
      var main = entry(
        nil, type.kind,
        type.plural == "namespaces"
          ? ["create", "delete", "get", "list", "patch", "update", "watch"]
          : ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"])
      if !type.shortNames.isEmpty { main["shortNames"] = .array(type.shortNames.map(Value.string)) }
      if !type.categories.isEmpty { main["categories"] = .array(type.categories.map(Value.string)) }
      resources.append(.object(main))
      if type.traits.contains(.log) { resources.append(.object(entry("log", type.kind, ["get"]))) }
      if type.traits.contains(.proxy) {
        resources.append(
          .object(entry("proxy", "ServiceProxyOptions", ["create", "delete", "get", "patch", "update"])))
      }
      if type.traits.contains(.scale) {
        var scale = entry("scale", "Scale", ["get", "patch", "update"])
        scale["group"] = "autoscaling"
        scale["version"] = "v1"
        resources.append(.object(scale))
      }
      if type.traits.contains(.status) {
        resources.append(.object(entry("status", type.kind, ["get", "patch", "update"])))
      }
      if type.plural == "namespaces" { resources.append(.object(entry("finalize", "Namespace", ["update"]))) }
    }
    return [
      "kind": "APIResourceList", "apiVersion": "v1",
      "groupVersion": .string(group.isEmpty ? version : "\(group)/\(version)"), "resources": .array(resources),
    ]
  }
}
