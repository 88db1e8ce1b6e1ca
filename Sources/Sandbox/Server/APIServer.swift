package import KubernetesModel

/// Answers requests as kube-apiserver does, on a store.
package struct APIServer: Sendable {
  package var store: ClusterStore
  /// What pods have printed, by their uid.
  package var logs: [String: PodLogs] = [:]
  package var gitVersion = "v1.32.4"

  package init(store: ClusterStore = ClusterStore()) { self.store = store }

  package mutating func respond(to request: APIRequest) -> APIResponse {
    do throws(APIError) {
      return try answer(request)
    } catch {
      return APIResponse(error.code, error.status)
    }
  }

  private mutating func answer(_ request: APIRequest) throws(APIError) -> APIResponse {
    switch request.path {
    case "/livez", "/readyz", "/healthz", "/livez/ping", "/readyz/ping", "/healthz/ping":
      return APIResponse(200, body: .text("ok"))
    case "/version", "/version/": return APIResponse(200, versionDocument)
    default: break
    }
    if request.method == "GET", let document = discovery(request.path) { return APIResponse(200, document) }
    guard let path = ResourcePath(request.path, store.registry) else { throw .noSuchPath }
    if let body = request.body, !depth(of: body, limit: maximumDepth) {
      throw .badRequest("the body of the request is nested too deeply")
    }
    if path.type.traits.contains(.review) { return try review(path, request) }
    if let name = path.name, path.type.plural == "services", path.type.group.isEmpty, path.subresource == "proxy" {
      return APIResponse(200, body: .proxy(try proxyTarget(name, path, request)))
    }
    if path.name == nil {
      switch request.method {
      case "GET": return try list(path, request)
      case "POST": return try create(path, request)
      case "DELETE": return try deleteCollection(path, request)
      default: throw .methodNotSupported(path.type, verb(request))
      }
    }
    return try single(path, request)
  }

  /// Where `[SCHEME:]NAME[:PORT]` leads. Kubernetes: `pkg/registry/core/service/storage`, `ResourceLocation`.
  private func proxyTarget(_ id: String, _ path: ResourcePath, _ request: APIRequest) throws(APIError) -> ProxyTarget {
    var parts = id.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    if parts.count == 3 { parts.removeFirst() }
    guard parts.count <= 2, let name = parts.first, !name.isEmpty else {
      throw .badRequest("invalid service request \"\(id)\"")
    }
    let namespace = path.namespace ?? ""
    var wanted = parts.count == 2 ? parts[1] : ""
    if let number = Int(wanted) {
      let ports = try store.get(path.type, namespace, name).at("spec", "ports")?.array ?? []
      guard let port = ports.first(where: { $0["port"]?.int == number }) else {
        throw .unavailable("no service port \(number) found for service \"\(name)\"")
      }
      wanted = port["name"]?.string ?? ""
    }
    guard let endpoints = store.object("endpoints", namespace, name) else { throw .notFound(path.type, name) }
    let subsets = endpoints["subsets"]?.array ?? []
    if subsets.isEmpty { throw .unavailable("no endpoints available for service \"\(name)\"") }
    let isServed = subsets.contains { subset in
      !(subset["addresses"]?.array ?? []).isEmpty
        && (subset["ports"]?.array ?? []).contains { ($0["name"]?.string ?? "") == wanted }
    }
    let ports = store.object("services", namespace, name)?.at("spec", "ports")?.array ?? []
    guard isServed, let port = ports.first(where: { ($0["name"]?.string ?? "") == wanted })?["port"]?.int else {
      throw .unavailable("no endpoints available for service \"\(id)\"")
    }
    // An empty segment at the end is the `/` that the path ends in.
    let ending = request.path.hasSuffix("/") && !path.rest.isEmpty ? "/" : ""
    return ProxyTarget(
      namespace: namespace, service: name, port: port, path: "/" + path.rest.joined(separator: "/") + ending)
  }

  private func verb(_ request: APIRequest) -> String {
    switch request.method {
    case "GET", "HEAD": "get"
    case "POST": "create"
    case "PUT": "update"
    default: request.method.lowercased()
    }
  }

  private func options(_ path: ResourcePath, _ request: APIRequest) throws(APIError) -> WriteOptions {
    if let dryRun = request.query["dryRun"], dryRun != "All" {
      throw APIError(
        422, "Invalid",
        "PatchOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"\(dryRun)\"]: supported "
          + "values: \"All\"")
    }
    return WriteOptions(
      manager: request.manager, apiVersion: path.type.apiVersion(path.version), dryRun: request.isDryRun,
      force: request.query["force"] == "true", subresource: path.subresource ?? "")
  }

  // MARK: - One object

  private mutating func single(_ path: ResourcePath, _ request: APIRequest) throws(APIError) -> APIResponse {
    let type = path.type
    let namespace = path.namespace ?? ""
    let name = path.name ?? ""
    switch path.subresource {
    case nil: break
    case "status" where type.traits.contains(.status): break
    case "scale" where type.traits.contains(.scale): return try scale(path, request)
    case "log" where type.traits.contains(.log):
      let pod = try store.get(type, namespace, name)
      return try log(pod, request)
    case "finalize" where type.plural == "namespaces":
      let live = try store.get(type, "", name)
      var wanted = live
      wanted.set(request.body?.at("spec", "finalizers") ?? [], at: "spec", "finalizers")
      let key = store.key(type, "", name)
      let stored = store.put(wanted, at: key)
      return APIResponse(200, stored)
    default: throw .noSuchPath
    }
    switch request.method {
    case "GET", "HEAD":
      let object = try store.get(type, namespace, name)
      return APIResponse(200, shown([object], path, request, isList: false, version: nil))
    case "PUT":
      let written = try store.replace(type, namespace, name, try body(request), try options(path, request))
      noteDefinition(type, written.object)
      return APIResponse(200, versioned(written.object, path))
    case "PATCH":
      let media = String(request.contentType.prefix { $0 != ";" }).trimmed
      guard let kind = ClusterStore.PatchKind(rawValue: media) else {
        throw APIError(
          415, "UnsupportedMediaType",
          "the body of the request was in an unknown format - accepted media types include: "
            + "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, "
            + "application/apply-patch+yaml")
      }
      if kind != .apply, request.query["force"] != nil {
        throw APIError(
          422, "Invalid",
          "PatchOptions.meta.k8s.io \"\" is invalid: force: Forbidden: may not be specified for non-apply "
            + "patch")
      }
      var options = try options(path, request)
      if kind == .apply { options.manager = request.query["fieldManager"] ?? "" }
      let written = try store.patch(type, namespace, name, kind, try body(request), options)
      noteDefinition(type, written.object)
      return APIResponse(written.isCreated ? 201 : 200, versioned(written.object, path))
    case "DELETE":
      guard path.subresource == nil else { throw .methodNotSupported(type, "delete") }
      return try delete(path, request)
    default: throw .methodNotSupported(type, verb(request))
    }
  }

  private func body(_ request: APIRequest) throws(APIError) -> Value {
    guard let body = request.body else { throw .badRequest("the body of the request is empty") }
    return body
  }

  private mutating func create(_ path: ResourcePath, _ request: APIRequest) throws(APIError) -> APIResponse {
    if path.type.isNamespaced, path.namespace == nil {
      throw .badRequest("an empty namespace may not be set during creation")
    }
    let object = try store.create(
      path.type, path.namespace ?? "", try body(request), try options(path, request))
    noteDefinition(path.type, object)
    return APIResponse(201, versioned(object, path))
  }

  private mutating func delete(_ path: ResourcePath, _ request: APIRequest) throws(APIError) -> APIResponse {
    let deleted = try store.delete(path.type, path.namespace ?? "", path.name ?? "", deleteOptions(request))
    switch deleted {
    case .pending(let object): return APIResponse(200, versioned(object, path))
    case .gone(let object):
      if path.type.plural == "customresourcedefinitions" { forgetDefinition(object) }
      // Kubernetes answers with the last form of a pod or service, with a Status for everything else.
      if ["pods", "services", "persistentvolumeclaims", "serviceaccounts"].contains(path.type.resource) {
        return APIResponse(200, versioned(object, path))
      }
      var details: Fields = ["name": .string(object.name)]
      if !path.type.group.isEmpty { details["group"] = .string(path.type.group) }
      details["kind"] = .string(path.type.plural)
      details["uid"] = .string(object.uid)
      return APIResponse(
        200,
        [
          "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "details": .object(details),
        ])
    }
  }

  private func deleteOptions(_ request: APIRequest) -> DeleteOptions {
    var options = DeleteOptions(request.body)
    if let policy = request.query["propagationPolicy"] { options.propagation = .init(rawValue: policy) }
    if let grace = request.query["gracePeriodSeconds"].flatMap({ Int($0) }) { options.gracePeriodSeconds = grace }
    if request.isDryRun { options.dryRun = true }
    return options
  }

  private mutating func deleteCollection(_ path: ResourcePath, _ request: APIRequest) throws(APIError) -> APIResponse {
    let page = try store.list(path.type, try query(path, request))
    for item in page.items {
      _ = try? store.delete(path.type, item.namespace, item.name, deleteOptions(request))
    }
    return APIResponse(200, listed(page, path))
  }

  private mutating func scale(_ path: ResourcePath, _ request: APIRequest) throws(APIError) -> APIResponse {
    let namespace = path.namespace ?? ""
    let name = path.name ?? ""
    let object = try store.get(path.type, namespace, name)
    let current = store.scale(path.type, object)
    switch request.method {
    case "GET": return APIResponse(200, current)
    case "PUT":
      return APIResponse(
        200,
        try store.setScale(path.type, namespace, name, try body(request), try options(path, request)))
    case "PATCH":
      let patched: Value
      switch ClusterStore.PatchKind(rawValue: String(request.contentType.prefix { $0 != ";" }).trimmed) {
      case .json: patched = try jsonPatched(current, try body(request))
      case .merge, .strategic, .apply: patched = current.mergePatched(by: try body(request))
      case nil: throw APIError(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
      }
      return APIResponse(
        200, try store.setScale(path.type, namespace, name, patched, try options(path, request)))
    default: throw .methodNotSupported(path.type, verb(request))
    }
  }

  private func log(_ pod: Value, _ request: APIRequest) throws(APIError) -> APIResponse {
    let containers = (pod.at("spec", "containers")?.array ?? []).compactMap { $0["name"]?.string }
    let container = request.query["container"]
    if let container, !containers.contains(container) {
      throw .badRequest("container \(container) is not valid for pod \(pod.name)")
    }
    let statuses = pod.at("status", "containerStatuses")?.array ?? []
    let status = statuses.first { container == nil || $0["name"]?.string == container }
    if let waiting = status?.at("state", "waiting"), let reason = waiting["reason"]?.string,
      reason != "CrashLoopBackOff"
    {
      let message = ["ErrImagePull", "ImagePullBackOff"].contains(reason) ? "trying and failing to pull image" : reason
      throw .badRequest(
        "container \"\(container ?? containers.first ?? "")\" in pod \"\(pod.name)\" is waiting to start: \(message)")
    }
    let own = logs[pod.uid] ?? PodLogs()
    let shown = container ?? containers.first ?? ""
    var lines = own.lines(container: shown)
    if request.query["previous"] == "true" {
      guard let previous = own.previous(container: shown) else {
        throw .badRequest("previous terminated container \"\(shown)\" in pod \"\(pod.name)\" not found")
      }
      lines = previous
    } else if lines.isEmpty, let previous = own.previous(container: shown) {
      // Between two runs of a container, the kubelet shows the one that has ended.
      lines = previous
    }
    if let tail = request.query["tailLines"].flatMap({ Int($0) }), tail >= 0 { lines = Array(lines.suffix(tail)) }
    return APIResponse(200, body: .text(lines.map { $0 + "\n" }.joined()))
  }

  private func review(_ path: ResourcePath, _ request: APIRequest) throws(APIError) -> APIResponse {
    guard request.method == "POST" else { throw .methodNotSupported(path.type, verb(request)) }
    var answer = try body(request)
    answer.set(.string(path.type.kind), at: "kind")
    answer.set(.string(path.type.apiVersion), at: "apiVersion")
    answer.set(["creationTimestamp": .null], at: "metadata")
    if path.type.plural == "selfsubjectrulesreviews" {
      answer.set(
        [
          "resourceRules": [["verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]]],
          "nonResourceRules": [["verbs": ["*"], "nonResourceURLs": ["*"]]], "incomplete": false,
        ], at: "status")
    } else {
      answer.set(["allowed": true, "reason": "the sandbox allows everything"], at: "status")
    }
    return APIResponse(201, answer)
  }

  // MARK: - Collections

  private func query(_ path: ResourcePath, _ request: APIRequest) throws(APIError) -> ListQuery {
    var query = ListQuery(namespace: path.type.isNamespaced ? path.namespace : nil)
    if let text = request.query["labelSelector"] { query.labels = try LabelSelector(parsing: text) }
    if let text = request.query["fieldSelector"] { query.fields = try FieldSelector(parsing: text, for: path.type) }
    query.limit = request.query["limit"].flatMap { Int($0) } ?? 0
    query.continueToken = request.query["continue"]
    query.resourceVersion = request.query["resourceVersion"]
    query.resourceVersionMatch = request.query["resourceVersionMatch"]
    return query
  }

  private func list(_ path: ResourcePath, _ request: APIRequest) throws(APIError) -> APIResponse {
    let query = try query(path, request)
    if request.query["watch"] == "true" || request.query["watch"] == "1" {
      return try watch(path, query, request)
    }
    let page = try store.list(path.type, query)
    if request.wantsTable {
      return APIResponse(200, shown(page.items, path, request, isList: true, version: page))
    }
    return APIResponse(200, listed(page, path))
  }

  private func listed(_ page: Page, _ path: ResourcePath) -> Value {
    var metadata: Fields = ["resourceVersion": .string(String(page.version))]
    if let token = page.continueToken { metadata["continue"] = .string(token) }
    if let remaining = page.remaining { metadata["remainingItemCount"] = .int(remaining) }
    let items = page.items.map { object -> Value in
      var object = versioned(object, path)
      if !path.type.traits.contains(.custom) {
        // Items of built-in lists carry neither kind nor version.
        object.update {
          $0["kind"] = nil
          $0["apiVersion"] = nil
        }
      }
      return object
    }
    return [
      "kind": .string(path.type.listKind), "apiVersion": .string(path.type.apiVersion(path.version)),
      "metadata": .object(metadata), "items": .array(items),
    ]
  }

  private func watch(_ path: ResourcePath, _ query: ListQuery, _ request: APIRequest) throws(APIError) -> APIResponse {
    var query = query
    if let name = path.name {
      query.fields = FieldSelector(terms: [.init(path: ["metadata", "name"], value: name, isEqual: true)])
    }
    let stated = query.resourceVersion ?? ""
    var after = store.version
    var initial: [Value] = []
    let sendsInitial = request.query["sendInitialEvents"] == "true"
    if sendsInitial || stated.isEmpty || stated == "0" {
      var all = query
      all.resourceVersion = nil
      all.limit = 0
      if request.query["sendInitialEvents"] != "false" { initial = try store.list(path.type, all).items }
    } else {
      guard let number = Int(stated) else { throw .invalidVersion(stated) }
      if number > store.version { throw .tooLargeVersion(number, store.version) }
      after = number
    }
    return APIResponse(
      200,
      body: .watch(
        Watch(
          type: path.type, apiVersion: path.type.apiVersion(path.version), query: query, after: after, initial: initial,
          sendsBookmarks: request.query["allowWatchBookmarks"] == "true", marksInitialEnd: sendsInitial,
          timeoutSeconds: request.query["timeoutSeconds"].flatMap { Int($0) }, wantsTable: request.wantsTable)))
  }

  /// The object in the version that the URL asked for.
  func versioned(_ object: Value, _ path: ResourcePath) -> Value {
    versioned(object, path.type.apiVersion(path.version))
  }

  func versioned(_ object: Value, _ apiVersion: String) -> Value {
    if object["apiVersion"]?.string == apiVersion { return object }
    var result = object
    result.set(.string(apiVersion), at: "apiVersion")
    return result
  }

  private func shown(
    _ items: [Value], _ path: ResourcePath, _ request: APIRequest, isList: Bool, version: Page?
  ) -> Value {
    guard request.wantsTable else {
      return items.first.map { versioned($0, path) } ?? .null
    }
    var metadata = Fields()
    metadata["resourceVersion"] = .string(version.map { String($0.version) } ?? items.first?.resourceVersion ?? "")
    if let token = version?.continueToken { metadata["continue"] = .string(token) }
    if let remaining = version?.remaining { metadata["remainingItemCount"] = .int(remaining) }
    return table(
      items.map { versioned($0, path) }, path.type, metadata: metadata, at: store.now,
      include: request.query["includeObject"] ?? "Metadata")
  }

  // MARK: - Watching

  /// The JSON objects that a watch is to send next, and the version after which it then stands. A watch whose history
  /// is gone gets its 410 as an ERROR event, and ends.
  package func next(of watch: Watch) -> (events: [Value], after: Int, isOver: Bool) {
    do throws(APIError) {
      let events = try store.events(watch.type, watch.query, after: watch.after)
      return (
        events.map { event(watch, $0.kind.rawValue, $0.object) }, max(watch.after, store.version), false
      )
    } catch {
      return ([["type": "ERROR", "object": error.status]], watch.after, true)
    }
  }

  /// The events that begin a watch.
  package func opening(of watch: Watch) -> [Value] {
    var events = watch.initial.map { event(watch, "ADDED", $0) }
    if watch.marksInitialEnd, watch.sendsBookmarks {
      events.append(bookmark(watch, after: store.version, annotations: ["k8s.io/initial-events-end": "true"]))
    }
    return events
  }

  package func bookmark(_ watch: Watch, after: Int, annotations: Value? = nil) -> Value {
    var metadata: Fields = ["resourceVersion": .string(String(after)), "creationTimestamp": .null]
    if let annotations { metadata["annotations"] = annotations }
    let object: Value = [
      "kind": .string(watch.type.kind), "apiVersion": .string(watch.apiVersion), "metadata": .object(metadata),
    ]
    return ["type": "BOOKMARK", "object": object]
  }

  private func event(_ watch: Watch, _ type: String, _ object: Value) -> Value {
    let object = versioned(object, watch.apiVersion)
    guard watch.wantsTable else { return ["type": .string(type), "object": object] }
    let shown = table(
      [object], watch.type, metadata: ["resourceVersion": .string(object.resourceVersion)], at: store.now,
      include: "Object")
    return ["type": .string(type), "object": shown]
  }

  // MARK: - Custom resource definitions

  private mutating func noteDefinition(_ type: ResourceType, _ object: Value) {
    guard type.plural == "customresourcedefinitions" else { return }
    store.registerDefinition(object)
  }

  private mutating func forgetDefinition(_ object: Value) {
    let plural = object.at("spec", "names", "plural")?.string ?? ""
    let group = object.at("spec", "group")?.string ?? ""
    let resource = "\(plural).\(group)"
    for key in store.keys(resource) { store.remove(key) }
    store.registry.unregister(resource)
  }
}

extension ClusterStore {
  /// Serves the kind of a CustomResourceDefinition, and writes the conditions that say so.
  mutating func registerDefinition(_ definition: Value) {
    let spec = definition["spec"] ?? .null
    let names = spec["names"] ?? .null
    let served = (spec["versions"]?.array ?? []).filter { $0["served"]?.bool == true }
    let versions = served.compactMap { $0["name"]?.string }.sorted { versionRank($0) > versionRank($1) }
    guard let first = versions.first, let group = spec["group"]?.string, let plural = names["plural"]?.string,
      let kind = names["kind"]?.string
    else { return }
    let newest = served.first { $0["name"]?.string == first } ?? .null
    var traits: ResourceType.Traits = [.custom, .generation]
    if newest.at("subresources", "status") != nil { traits.insert(.status) }
    let schema = Schema.custom(openAPI: newest.at("schema", "openAPIV3Schema"))
    registry.register(
      ResourceType(
        group: group, versions: versions, plural: plural, kind: kind,
        scope: spec["scope"]?.string == "Cluster" ? .cluster : .namespaced,
        shortNames: (names["shortNames"]?.array ?? []).compactMap(\.string),
        categories: (names["categories"]?.array ?? []).compactMap(\.string), traits: traits, schema: schema,
        columns: newest["additionalPrinterColumns"]?.array ?? [], singularName: names["singular"]?.string))
    let key = ObjectKey("customresourcedefinitions.apiextensions.k8s.io", "", definition.name)
    guard var live = self[key], live["status"]?["conditions"] == nil else { return }
    func condition(_ type: String, _ reason: String, _ message: String) -> Value {
      [
        "type": .string(type), "status": "True", "lastTransitionTime": .string(now.rfc3339), "reason": .string(reason),
        "message": .string(message),
      ]
    }
    live.set(
      [
        "conditions": [
          condition("NamesAccepted", "NoConflicts", "no conflicts found"),
          condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": names,
        "storedVersions": .array(
          (spec["versions"]?.array ?? []).filter { $0["storage"]?.bool == true }.compactMap { $0["name"] }),
      ], at: "status")
    put(live, at: key)
  }
}

/// `v1` before `v2beta1` before `v1alpha3`. Kubernetes: apimachinery `version.CompareKubeAwareVersionStrings`.
private func versionRank(_ text: String) -> Int {
  let digits = text.dropFirst().prefix { $0.isNumber }
  let major = Int(digits) ?? 0
  let rest = text.dropFirst(1 + digits.count)
  let stage = rest.isEmpty ? 3 : rest.hasPrefix("beta") ? 2 : 1
  let minor = Int(rest.drop { !$0.isNumber }) ?? 0
  return stage * 1_000_000 + min(major, 900) * 1000 + min(minor, 900)
}
