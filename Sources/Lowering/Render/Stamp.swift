package import KubernetesModel

/// The annotation that says by which segment an object was last changed.
package let stampAnnotation = "rolloutc.dev/step"
/// The response header by which an entry route says that a proxy acts on the newest configuration.
package let stampHeader = "x-rollout-step"

/// What the header says: `shop/02-canary-2-0`. Another plan, or this one in another namespace, may be for the same host, and
/// have steps of the same names.
package func stampHeaderText(_ stamp: String, namespace: String) -> String { "\(namespace)/\(stamp)" }
/// The response header by which an entry route with several destinations says which version answered.
package let versionHeader = "x-rollout-version"

/// `object` as the segment `stamp` writes it: with the annotation, and each http route of an entry with the header.
/// Istio gives no status on these objects, so that only an answer with the header proves that they are acted on.
func stamped(_ object: Value, _ stamp: String, isEntry: Bool) -> Value {
  guard case .object(var fields) = object else { return object }
  var metadata = fields["metadata"]?.fields ?? Fields()
  if metadata["annotations"] == nil {
    // As in nearly every object: one array of the right size.
    var entries: [Fields.Entry] = []
    entries.reserveCapacity(metadata.count + 1)
    for entry in metadata.entries { entries.append(entry) }
    entries.append(record("annotations", text(stampAnnotation, stamp)))
    metadata.entries = entries
  } else {
    var annotations = metadata["annotations"]?.fields ?? Fields()
    annotations[stampAnnotation] = .string(stamp)
    metadata["annotations"] = .object(annotations)
  }
  fields["metadata"] = .object(metadata)
  if isEntry, var spec = fields["spec"]?.fields, let routes = spec["http"]?.array {
    let text = stampHeaderText(stamp, namespace: metadata["namespace"]?.string ?? "")
    spec["http"] = .array(
      routes.map { route in
        guard case .object(var route) = route else { return route }
        var headers = route["headers"]?.fields ?? Fields()
        var response = headers["response"]?.fields ?? Fields()
        var set = response["set"]?.fields ?? Fields()
        set[stampHeader] = .string(text)
        response["set"] = .object(set)
        headers["response"] = .object(response)
        route["headers"] = .object(headers)
        return .object(route)
      })
    fields["spec"] = .object(spec)
  }
  return .object(fields)
}

/// `object` as `stamp` would have written it; it has a stamp already.
package func restamped(_ object: Value, _ stamp: String) -> Value {
  let isEntry = object.at("spec", "http")?[0]?.at("headers", "response", "set", stampHeader) != nil
  return stamped(object, stamp, isEntry: isEntry)
}

/// `object` without what ``stamped(_:_:isEntry:)`` adds.
package func unstamped(_ object: Value) -> Value {
  guard case .object(var fields) = object, var metadata = fields["metadata"]?.fields,
    var annotations = metadata["annotations"]?.fields, annotations[stampAnnotation] != nil
  else { return object }
  annotations[stampAnnotation] = nil
  metadata["annotations"] = annotations.isEmpty ? nil : .object(annotations)
  fields["metadata"] = .object(metadata)
  // Where no route has the header, the rest stays the very value that it is: what has two stamps is compared at a glance.
  if fields["kind"]?.string == "VirtualService", var spec = fields["spec"]?.fields, let routes = spec["http"]?.array,
    routes.contains(where: { $0.at("headers", "response", "set", stampHeader) != nil })
  {
    spec["http"] = .array(routes.map(withoutStampHeader))
    fields["spec"] = .object(spec)
  }
  return .object(fields)
}

private func withoutStampHeader(_ route: Value) -> Value {
  guard case .object(var route) = route, var headers = route["headers"]?.fields,
    var response = headers["response"]?.fields, var set = response["set"]?.fields, set[stampHeader] != nil
  else { return route }
  set[stampHeader] = nil
  response["set"] = set.isEmpty ? nil : .object(set)
  headers["response"] = response.isEmpty ? nil : .object(response)
  route["headers"] = headers.isEmpty ? nil : .object(headers)
  return .object(route)
}
