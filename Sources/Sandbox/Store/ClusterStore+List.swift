package import KubernetesModel

/// A LIST or WATCH query.
package struct ListQuery: Sendable {
  package var namespace: String?
  package var labels = LabelSelector.all
  package var fields = FieldSelector.all
  package var limit = 0
  package var continueToken: String?
  package var resourceVersion: String?
  package var resourceVersionMatch: String?

  package init(namespace: String? = nil) { self.namespace = namespace }

  func matches(_ object: Value) -> Bool {
    (namespace == nil || object.namespace == namespace) && labels.matches(object.labels) && fields.matches(object)
  }
}

package struct Page: Sendable {
  package var version: Int
  package var items: [Value]
  package var continueToken: String?
  package var remaining: Int?
}

extension ClusterStore {
  package func list(_ type: ResourceType, _ query: ListQuery) throws(APIError) -> Page {
    var at = version
    var after: String?
    if let token = query.continueToken, !token.isEmpty {
      guard let parsed = ContinueToken(token) else { throw .badRequest("continue key is not valid: \(token)") }
      after = parsed.start
      if parsed.version == -1 {
        at = version
      } else {
        at = parsed.version
      }
      if let version = query.resourceVersion, !version.isEmpty, version != "0" {
        throw .badRequest("specifying resource version is not allowed when using continue")
      }
    } else if let stated = query.resourceVersion, !stated.isEmpty, stated != "0" {
      guard let number = Int(stated) else {
        throw .invalidVersion(stated)
      }
      if number > version { throw .tooLargeVersion(number, version) }
      if query.resourceVersionMatch == "Exact" { at = number }
    }
    guard let snapshot = all(type.resource, at: at) else {
      var error = APIError.expired(
        after == nil
          ? "The resourceVersion for the provided list is too old."
          : "The provided continue parameter is too old to display a consistent list result. You can start a new list "
            + "without the continue parameter, or use the continue token in this response to retrieve the remainder "
            + "of the results. Continuing with the provided token results in an inconsistent list - objects that were "
            + "created, modified, or deleted between the time the first chunk was returned and now may show up in the "
            + "list.")
      if let after { error.continueToken = ContinueToken(version: -1, start: after).text }
      throw error
    }
    var items: [Value] = []
    var next: String?
    var remaining = 0
    // The order of etcd's keys, in which `shop-test/` comes before `shop/`.
    let places = snapshot.keys.map { (position: $0.namespace + "/" + $0.name, key: $0) }
    for (position, key) in places.sorted(by: { $0.position < $1.position }) {
      if let after, position <= after { continue }
      guard let object = snapshot[key], query.matches(object) else { continue }
      if query.limit > 0, items.count == query.limit {
        remaining += 1
      } else {
        items.append(object)
        next = position
      }
    }
    guard remaining > 0, let next else { return Page(version: at, items: items) }
    let isFiltered = query.labels != .all || query.fields != .all
    return Page(
      version: at, items: items, continueToken: ContinueToken(version: at, start: next).text,
      remaining: isFiltered ? nil : remaining)
  }

  /// What a watch that has seen `version` has still to be told. A change that makes an object match its selector is an
  /// addition, one that makes it leave is a deletion.
  package func events(_ type: ResourceType, _ query: ListQuery, after version: Int) throws(APIError) -> [StoreEvent] {
    guard let changes = changes(type.resource, after: version) else {
      throw .expired("too old resource version: \(version) (\(compactedVersion))")
    }
    return changes.compactMap { event in
      let was = event.previous.map(query.matches) ?? false
      let isNow = event.kind != .deleted && query.matches(event.object)
      var seen = event
      switch (was, isNow) {
      case (false, false): return nil
      case (false, true): seen.kind = .added
      case (true, true): seen.kind = .modified
      case (true, false):
        seen.kind = .deleted
        if event.kind != .deleted, var last = event.previous {
          last.updateMetadata { $0["resourceVersion"] = .string(String(event.version)) }
          seen.object = last
        }
      }
      return seen
    }
  }
}

extension APIError {
  static func invalidVersion(_ text: String) -> APIError {
    var error = APIError(
      400, "BadRequest",
      "Invalid value: \"\(text)\": strconv.ParseUint: parsing \"\(text)\": invalid syntax")
    error.causes = []
    return error
  }

  static func tooLargeVersion(_ wanted: Int, _ current: Int) -> APIError {
    var error = APIError(504, "Timeout", "Timeout: Too large resource version: \(wanted), current: \(current)")
    error.causes = [
      Cause(reason: "ResourceVersionTooLarge", message: "Too large resource version", field: "")
    ]
    error.retryAfterSeconds = 1
    return error
  }
}

/// Where a list goes on: hex of `version:namespace/name`. Opaque to clients.
private struct ContinueToken {
  var version: Int
  var start: String

  init(version: Int, start: String) {
    self.version = version
    self.start = start
  }

  var text: String {
    "\(version):\(start)".utf8.map { byte in
      let hex = String(byte, radix: 16)
      return hex.utf8.count == 1 ? "0" + hex : hex
    }.joined()
  }

  init?(_ text: String) {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for i in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(decoding: digits[i...i + 1], as: UTF8.self), radix: 16) else { return nil }
      bytes.append(byte)
    }
    let parts = String(decoding: bytes, as: UTF8.self).split(
      separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let version = Int(parts[0]) else { return nil }
    self.init(version: version, start: String(parts[1]))
  }
}
