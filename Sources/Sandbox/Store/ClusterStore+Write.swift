package import KubernetesModel

/// The parts of a write that come with the request.
package struct WriteOptions: Sendable {
  package var manager: String
  /// The API version that the request names: `apps/v1`.
  package var apiVersion: String
  package var dryRun = false
  package var force = false
  /// The request names a field manager (required for apply).
  package var subresource = ""

  package init(manager: String, apiVersion: String, dryRun: Bool = false, force: Bool = false, subresource: String = "")
  {
    self.manager = manager
    self.apiVersion = apiVersion
    self.dryRun = dryRun
    self.force = force
    self.subresource = subresource
  }
}

/// A stored object and whether the write created it (201 instead of 200).
package struct Written: Sendable {
  package var object: Value
  package var isCreated: Bool
  package var warnings: [String] = []
}

extension ClusterStore {
  package func key(_ type: ResourceType, _ namespace: String, _ name: String) -> ObjectKey {
    ObjectKey(type.resource, type.isNamespaced ? namespace : "", name)
  }

  package func get(_ type: ResourceType, _ namespace: String, _ name: String) throws(APIError) -> Value {
    guard let object = self[key(type, namespace, name)] else { throw .notFound(type, name) }
    return object
  }

  // MARK: - Create

  package mutating func create(
    _ type: ResourceType, _ namespace: String, _ body: Value, _ options: WriteOptions
  ) throws(APIError) -> Value {
    var object = try checkedBody(type, namespace, nil, body)
    guard object.resourceVersion.isEmpty else {
      throw APIError(500, "", "resourceVersion should not be set on objects to be created")
    }
    try checkNamespace(type, namespace, object.name)
    if object.name.isEmpty, let prefix = object.at("metadata", "generateName")?.string, !prefix.isEmpty {
      let name = prefix + makeSuffix()
      object.updateMetadata { $0["name"] = .string(name) }
    }
    return try insert(type, object, options, config: nil)
  }

  /// Creates `object`; by server-side apply if `config` is given.
  mutating func insert(
    _ type: ResourceType, _ body: Value, _ options: WriteOptions, config: Value?
  ) throws(APIError) -> Value {
    var object = body.withoutNulls
    let name = object.name
    let key = key(type, object.namespace, name)
    if self[key] != nil { throw .alreadyExists(type, name) }
    object.updateMetadata { metadata in
      for field in [
        "uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
        "generation", "selfLink", "managedFields",
      ] {
        metadata[field] = nil
      }
      metadata["creationTimestamp"] = .string(now.rfc3339)
    }
    object.set(.string(makeUID()), at: "metadata", "uid")
    if type.traits.contains(.generation) { object.set(1, at: "metadata", "generation") }
    if type.traits.contains(.status) { object.set(nil, at: "status") }
    setDefaults(&object, type)
    try admitCreate(&object, type)
    try validated(object, type)
    let writer = writer(options, type)
    var entries: [ManagedEntry]
    if let config {
      entries = try serverSideApply(
        live: .object(Fields()), config: config, entries: [], by: writer, force: false, type.schema
      ).entries
    } else {
      entries = recordUpdate(old: type.baseline, new: object, entries: [], by: writer, type.schema)
    }
    entries = entries.filter { !$0.fields.isEmpty }
    setManagedFields(entries, of: &object)
    return options.dryRun ? object : put(object, at: key)
  }

  func writer(_ options: WriteOptions, _ type: ResourceType) -> Writer {
    var reset: [[String]] = []
    if type.traits.contains(.status) { reset = [["status"]] }
    if options.subresource == "status" { reset = [["spec"], ["metadata"]] }
    return Writer(
      manager: options.manager, apiVersion: options.apiVersion, subresource: options.subresource, time: now.rfc3339,
      reset: reset)
  }

  /// The rules for a namespace that is missing or going away. Kubernetes: admission plugin NamespaceLifecycle.
  func checkNamespace(_ type: ResourceType, _ namespace: String, _ name: String) throws(APIError) {
    guard type.isNamespaced, !type.traits.contains(.review), let namespaces = registry["namespaces"] else { return }
    guard let object = object("namespaces", "", namespace) else { throw .notFound(namespaces, namespace) }
    if object.isDeleting || object.at("status", "phase")?.string == "Terminating" {
      var error = APIError.forbidden(
        type, name, "unable to create new content in namespace \(namespace) because it is being terminated")
      error.causes = [
        Cause(
          reason: "NamespaceTerminating", message: "namespace \(namespace) is being terminated",
          field: "metadata.namespace")
      ]
      throw error
    }
  }

  /// The body with kind, apiVersion and namespace checked against the URL.
  func checkedBody(
    _ type: ResourceType, _ namespace: String, _ name: String?, _ body: Value
  ) throws(APIError) -> Value {
    guard case .object = body else { throw .badRequest("the body of the request is not an object") }
    var object = body
    if let kind = body["kind"]?.string, kind != type.kind {
      throw .badRequest(
        "\(kind) in version \"\(body["apiVersion"]?.string ?? "")\" cannot be handled as a \(type.kind)")
    }
    for path in ["labels", "annotations"] {
      for entry in body.at("metadata", path)?.fields?.entries ?? [] where entry.value.string == nil {
        throw .badRequest(
          "\(type.kind) in version \"\(type.versions[0])\" cannot be handled as a \(type.kind): json: cannot unmarshal "
            + "\(goKind(entry.value)) into Go struct field ObjectMeta.metadata.\(path) of type string")
      }
    }
    object.set(.string(type.kind), at: "kind")
    if object["apiVersion"] == nil { object.set(.string(type.apiVersion), at: "apiVersion") }
    if type.isNamespaced {
      let stated = object.namespace
      if !stated.isEmpty, stated != namespace {
        throw .badRequest(
          "the namespace of the provided object does not match the namespace sent on the request")
      }
      object.set(.string(namespace), at: "metadata", "namespace")
    } else {
      object.set(nil, at: "metadata", "namespace")
    }
    if let name {
      if object.name.isEmpty {
        object.set(.string(name), at: "metadata", "name")
      } else if object.name != name {
        throw .badRequest("the name of the object (\(object.name)) does not match the name on the URL (\(name))")
      }
    }
    return object
  }

  // MARK: - Update

  /// PUT.
  package mutating func replace(
    _ type: ResourceType, _ namespace: String, _ name: String, _ body: Value, _ options: WriteOptions
  ) throws(APIError) -> Written {
    let object = try checkedBody(type, namespace, name, body)
    guard let live = self[key(type, namespace, name)] else {
      throw .notFound(type, name)
    }
    if type.traits.contains(.custom), object.resourceVersion.isEmpty {
      throw .invalid(type, name, [.bad("metadata.resourceVersion", "0x0", "must be specified for an update")])
    }
    let stored = try update(type, live: live, wanted: object, options, applied: nil)
    return Written(object: stored, isCreated: false)
  }

  /// Turns `live` into `wanted` under the rules of the kind, and stores it if that changes anything.
  mutating func update(
    _ type: ResourceType, live: Value, wanted: Value, _ options: WriteOptions, applied: [ManagedEntry]?
  ) throws(APIError) -> Value {
    let name = live.name
    var object = wanted.withoutNulls
    if !object.uid.isEmpty, object.uid != live.uid {
      throw .conflict(
        type, name,
        "Precondition failed: UID in precondition: \(object.uid), UID in object meta: \(live.uid)")
    }
    if !object.resourceVersion.isEmpty, object.resourceVersion != live.resourceVersion {
      throw .conflict(type, name, APIError.modified)
    }
    let stated = wanted.at("metadata", "managedFields")
    object.updateMetadata { metadata in
      for field in [
        "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation",
        "resourceVersion", "selfLink", "generateName", "managedFields",
      ] {
        metadata[field] = live.metadata[field]
      }
    }
    switch options.subresource {
    case "status":
      // Everything but the status stays.
      var result = live
      result.set(object["status"], at: "status")
      object = result
    default:
      if type.traits.contains(.status) { object.set(live["status"], at: "status") }
    }
    object.set(live["apiVersion"], at: "apiVersion")
    setDefaults(&object, type)
    carryOver(&object, live, type)
    if type.traits.contains(.generation), options.subresource != "status", isSpecChanged(live, object, type) {
      object.set(.int(live.generation + 1), at: "metadata", "generation")
    }
    try validated(object, type, old: live)
    var entries = managedFields(of: live)
    if let applied {
      entries = applied
    } else {
      if case .array(let items)? = stated {
        // An empty list is the documented way to clear them all.
        let given = items.compactMap(ManagedEntry.init)
        if items.isEmpty || items == [.object(Fields())] {
          entries = []
          setManagedFields([], of: &object)
          return unchanged(live, object) || options.dryRun ? (options.dryRun ? object : live) : store(object, type)
        }
        entries = given
      }
      entries = recordUpdate(old: live, new: object, entries: entries, by: writer(options, type), type.schema)
    }
    setManagedFields(entries, of: &object)
    if unchanged(live, object) { return live }
    if options.dryRun { return object }
    return store(object, type)
  }

  /// Stores `object`, or removes it if it only waited for its last finalizer.
  private mutating func store(_ object: Value, _ type: ResourceType) -> Value {
    let key = key(type, object.namespace, object.name)
    let waits = type.resource == "namespaces" && !(object.at("spec", "finalizers")?.array ?? []).isEmpty
    if object.isDeleting, object.finalizers.isEmpty, !waits,
      object.at("metadata", "deletionGracePeriodSeconds")?.int ?? 0 == 0
    {
      put(object, at: key)
      return remove(key) ?? object
    }
    return put(object, at: key)
  }

  private func unchanged(_ live: Value, _ object: Value) -> Bool {
    func plain(_ value: Value) -> Value {
      var result = value
      result.updateMetadata { metadata in
        metadata["resourceVersion"] = nil
        guard case .array(let entries)? = metadata["managedFields"] else { return }
        metadata["managedFields"] = .array(
          entries.map { entry in
            var entry = entry
            entry.set(nil, at: "time")
            return entry
          })
      }
      return result
    }
    return plain(live) == plain(object)
  }

  private func isSpecChanged(_ live: Value, _ object: Value, _ type: ResourceType) -> Bool {
    func spec(_ value: Value) -> Value {
      var result = value
      result.update { fields in
        fields["metadata"] = nil
        if type.traits.contains(.status) { fields["status"] = nil }
        fields["apiVersion"] = nil
      }
      return result
    }
    // A deployment's annotations count too: they go to its replica sets (Kubernetes: deploymentStrategy).
    if type.resource == "deployments.apps",
      live.at("metadata", "annotations") ?? .object(Fields()) != object.at("metadata", "annotations")
        ?? .object(Fields())
    {
      return true
    }
    return spec(live) != spec(object)
  }

  // MARK: - Patch

  package enum PatchKind: String, Sendable {
    case json = "application/json-patch+json"
    case merge = "application/merge-patch+json"
    case strategic = "application/strategic-merge-patch+json"
    case apply = "application/apply-patch+yaml"
  }

  package mutating func patch(
    _ type: ResourceType, _ namespace: String, _ name: String, _ kind: PatchKind, _ patch: Value,
    _ options: WriteOptions
  ) throws(APIError) -> Written {
    if kind == .apply { return try apply(type, namespace, name, patch, options) }
    guard let live = self[key(type, namespace, name)] else { throw .notFound(type, name) }
    var target = live
    target.set(.string(options.apiVersion), at: "apiVersion")
    let result: Value
    switch kind {
    case .json: result = try jsonPatched(target, patch)
    case .merge: result = target.mergePatched(by: patch)
    case .strategic:
      if type.traits.contains(.custom) {
        throw APIError(
          415, "UnsupportedMediaType",
          "the body of the request was in an unknown format - accepted media types include: "
            + "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml")
      }
      result = try strategicMergePatched(target, patch, type.schema)
    case .apply: return try apply(type, namespace, name, patch, options)
    }
    let wanted = try checkedBody(type, namespace, name, result)
    return Written(object: try update(type, live: live, wanted: wanted, options, applied: nil), isCreated: false)
  }

  /// Server-side apply; creates the object if it is not there.
  package mutating func apply(
    _ type: ResourceType, _ namespace: String, _ name: String, _ body: Value, _ options: WriteOptions
  ) throws(APIError) -> Written {
    guard !options.manager.isEmpty else {
      var error = APIError(
        422, "Invalid",
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch")
      error.group = "meta.k8s.io"
      error.kind = "PatchOptions"
      error.causes = [.required("fieldManager", "is required for apply patch")]
      throw error
    }
    if let entries = body.at("metadata", "managedFields"), entries != .null, entries != .array([]) {
      throw .badRequest("metadata.managedFields must be nil")
    }
    guard let stated = body["apiVersion"]?.string else {
      throw .badRequest(
        "Incorrect version specified in apply patch. Specified patch version: , expected: \(options.apiVersion)")
    }
    guard stated == options.apiVersion else {
      throw .badRequest(
        "Incorrect version specified in apply patch. Specified patch version: \(stated), expected: \(options.apiVersion)"
      )
    }
    try checkDuplicateItems(body, type.schema)
    let config = try checkedBody(type, namespace, name, body)
    guard let live = self[key(type, namespace, name)] else {
      if !config.uid.isEmpty {
        throw .conflict(
          type, name,
          "uid mismatch: the provided object specified uid \(config.uid), and no existing object was found")
      }
      if !config.resourceVersion.isEmpty { throw .notFound(type, name) }
      if options.subresource == "status" || options.subresource == "scale" { throw .notFound(type, name) }
      try checkNamespace(type, namespace, name)
      return Written(object: try insert(type, config, options, config: config), isCreated: true)
    }
    if !config.uid.isEmpty, config.uid != live.uid {
      throw .conflict(
        type, name, "Precondition failed: UID in precondition: \(config.uid), UID in object meta: \(live.uid)")
    }
    if !config.resourceVersion.isEmpty, config.resourceVersion != live.resourceVersion {
      throw .conflict(type, name, APIError.modified)
    }
    var target = live
    target.set(.string(options.apiVersion), at: "apiVersion")
    target.set(nil, at: "metadata", "managedFields")
    var entries = managedFields(of: live)
    let writer = writer(options, type)
    if entries.isEmpty {
      // Kubernetes: `before-first-apply` keeps what was there when nobody was recorded.
      entries = [
        ManagedEntry(
          manager: "before-first-apply", operation: .update, apiVersion: options.apiVersion, subresource: "",
          time: now.rfc3339, fields: FieldSet(of: live, type.schema).strippingMetadata(resetting: writer.reset))
      ]
    }
    // Kubernetes: lastAppliedManager: kubectl may take over what its client-side apply wrote.
    var tolerated: FieldSet?
    if options.manager == "kubectl",
      let last = live.at("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration")?.string,
      let old = try? parseJSON(Array(last.utf8))
    {
      tolerated = FieldSet(of: old, type.schema).strippingMetadata(resetting: writer.reset)
    }
    var wanted = config
    wanted.updateMetadata {
      $0["uid"] = nil
      $0["resourceVersion"] = nil
      $0["creationTimestamp"] = nil
    }
    let applied = try serverSideApply(
      live: target, config: wanted, entries: entries, by: writer, force: options.force, type.schema,
      tolerated: tolerated)
    let stored = try update(type, live: live, wanted: applied.object, options, applied: applied.entries)
    return Written(object: stored, isCreated: false)
  }

  /// Two items of a keyed list with the same keys. Kubernetes: structured-merge-diff `errors`.
  private func checkDuplicateItems(_ body: Value, _ schema: Schema) throws(APIError) {
    var found: String?
    func walk(_ value: Value, _ schema: Schema, _ path: String) {
      switch schema.shape(of: value) {
      case .leaf, .set: break
      case .members(let fields):
        for entry in fields.entries { walk(entry.value, schema.member(entry.key).schema, path + "." + entry.key) }
      case .keyed(let items, let keys, let defaults, let element):
        var seen: Set<PathElement> = []
        for (key, item) in keyed(items, keys, defaults) {
          if !seen.insert(key).inserted { found = found ?? "\(path): duplicate entries for key \(key.shown)" }
          walk(item, element, path + key.shown)
        }
      }
    }
    walk(body, schema, "")
    if let found {
      throw APIError(
        500, "",
        "failed to create typed patch object (\(body.namespace)/\(body.name); "
          + "\(body["apiVersion"]?.string ?? ""), Kind=\(body.kind)): \(found)")
    }
  }

  // MARK: - Scale

  package func scale(_ type: ResourceType, _ object: Value) -> Value {
    let selector = strings(object.at("spec", "selector", "matchLabels")).sorted { $0.key < $1.key }
    var metadata = Fields()
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
      metadata[field] = object.metadata[field]
    }
    return [
      "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": .object(metadata),
      "spec": ["replicas": object.at("spec", "replicas") ?? 0],
      "status": [
        "replicas": object.at("status", "replicas") ?? 0,
        "selector": .string(selector.map { "\($0.key)=\($0.value)" }.joined(separator: ",")),
      ],
    ]
  }

  /// Writes `spec.replicas` of the scale subresource to the object.
  package mutating func setScale(
    _ type: ResourceType, _ namespace: String, _ name: String, _ scale: Value, _ options: WriteOptions
  ) throws(APIError) -> Value {
    let live = try get(type, namespace, name)
    let version = scale.at("metadata", "resourceVersion")?.string ?? ""
    if !version.isEmpty, version != live.resourceVersion { throw .conflict(type, name, APIError.modified) }
    let replicas = scale.at("spec", "replicas")?.int ?? 0
    guard replicas >= 0 else {
      throw .invalid(
        type, name, [.bad("spec.replicas", String(replicas), "must be greater than or equal to 0")])
    }
    var wanted = live
    wanted.set(.int(replicas), at: "spec", "replicas")
    return self.scale(type, try update(type, live: live, wanted: wanted, options, applied: nil))
  }
}

func goKind(_ value: Value) -> String {
  switch value {
  case .null: "null"
  case .bool: "bool"
  case .int, .double: "number"
  case .string: "string"
  case .array: "array"
  case .object: "object"
  }
}
