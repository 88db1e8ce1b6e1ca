package import KubernetesModel

/// The server's answer where it could not do as asked: a `Status` object (meta/v1), or the little that can be said of an
/// answer that is none.
package struct APIStatus: Hashable, Sendable {
  package struct Cause: Hashable, Sendable {
    /// `FieldManagerConflict`, `FieldValueInvalid`, `NamespaceTerminating`, …
    package var reason: String
    package var message: String
    package var field: String?

    package init(reason: String, message: String, field: String? = nil) {
      self.reason = reason
      self.message = message
      self.field = field
    }
  }

  /// The HTTP status, or the one in the body where it came by a watch.
  package var code: Int
  /// `Conflict`, `NotFound`, `Invalid`, …; empty where the server gave none.
  package var reason: String
  package var message: String
  package var causes: [Cause]
  /// `details.kind`: for most errors the resource's plural (`resourcequotas`).
  package var kind: String
  package var group: String
  package var name: String
  package var uid: String?
  /// From the header, otherwise from `details.retryAfterSeconds`.
  package var retryAfter: Duration?
  /// An attempt before the one that this answers may have been done: the server refused only the repetition.
  package var followsUncertainAttempt = false

  package init(
    code: Int, reason: String = "", message: String = "", causes: [Cause] = [], kind: String = "", group: String = "",
    name: String = "", uid: String? = nil, retryAfter: Duration? = nil
  ) {
    self.code = code
    self.reason = reason
    self.message = message
    self.causes = causes
    self.kind = kind
    self.group = group
    self.name = name
    self.uid = uid
    self.retryAfter = retryAfter
  }

  /// Reads a `Status` object; nil where `value` is something else.
  package init?(_ value: Value, retryAfter: Duration? = nil) {
    guard value["kind"]?.string == "Status" else { return nil }
    let details = value["details"]
    let seconds = details?["retryAfterSeconds"]?.int
    self.init(
      code: value["code"]?.int ?? 0,
      reason: value["reason"]?.string ?? "",
      message: value["message"]?.string ?? "",
      causes: (details?["causes"]?.array ?? []).map { cause in
        Cause(
          reason: cause["reason"]?.string ?? "", message: cause["message"]?.string ?? "",
          field: cause["field"]?.string)
      },
      kind: details?["kind"]?.string ?? "",
      group: details?["group"]?.string ?? "",
      name: details?["name"]?.string ?? "",
      uid: details?["uid"]?.string,
      retryAfter: retryAfter ?? seconds.flatMap { $0 > 0 ? .seconds(min($0, 3600)) : nil }
    )
  }

  package func hasCause(_ reason: String) -> Bool { causes.contains { $0.reason == reason } }

  /// The fields of a refused server-side apply that other managers own. Empty for the other kind of 409, a lost race for
  /// the resourceVersion.
  package var fieldConflicts: [FieldConflict] {
    guard code == 409 else { return [] }
    return causes.compactMap { cause in
      cause.reason == "FieldManagerConflict" ? FieldConflict(cause) : nil
    }
  }

  /// The same with each of `secrets` taken out of every text: servers quote values in their messages.
  package func masking(_ secrets: [String]) -> APIStatus {
    if secrets.isEmpty { return self }
    func masked(_ text: String) -> String { text.masking(secrets) }
    var copy = self
    copy.reason = masked(reason)
    copy.message = masked(message)
    copy.name = masked(name)
    copy.causes = causes.map {
      Cause(reason: masked($0.reason), message: masked($0.message), field: $0.field.map(masked))
    }
    return copy
  }
}

/// One field that somebody else manages: `conflict with "kubectl" using apps/v1 at 2026-…`.
package struct FieldConflict: Hashable, Sendable {
  /// `.spec.template.spec.containers[name="app"].image`.
  package var field: String
  package var manager: String
  /// `scale`, where the owner wrote through a subresource.
  package var subresource: String?
  package var apiVersion: String?
  /// When the owner last wrote, as the server wrote it.
  package var time: String?

  package init(
    field: String, manager: String, subresource: String? = nil, apiVersion: String? = nil, time: String? = nil
  ) {
    self.field = field
    self.manager = manager
    self.subresource = subresource
    self.apiVersion = apiVersion
    self.time = time
  }

  /// The manager is quoted as by Go's `%q`; what follows it is optional and has changed between versions
  /// (structured-merge-diff and apimachinery `conflict.go`).
  init(_ cause: APIStatus.Cause) {
    field = cause.field ?? ""
    var rest = cause.message[...]
    manager = ""
    if rest.hasPrefix("conflict with "), let quoted = takeQuoted(&rest) { manager = quoted }
    if rest.hasPrefix(" with subresource "), let quoted = takeQuoted(&rest) { subresource = quoted }
    let words = rest.split(separator: " ")
    if let i = words.firstIndex(of: "using"), i + 1 < words.count { apiVersion = String(words[i + 1]) }
    if let i = words.firstIndex(of: "at"), i + 1 < words.count { time = String(words[i + 1]) }
  }
}

/// Takes the text up to and with the next quoted string, and gives the string.
private func takeQuoted(_ rest: inout Substring) -> String? {
  guard let open = rest.firstIndex(of: "\"") else { return nil }
  var text = ""
  var i = rest.index(after: open)
  while i < rest.endIndex, rest[i] != "\"" {
    if rest[i] == "\\", rest.index(after: i) < rest.endIndex { i = rest.index(after: i) }
    text.append(rest[i])
    i = rest.index(after: i)
  }
  guard i < rest.endIndex else { return nil }
  rest = rest[rest.index(after: i)...]
  return text
}

extension String {
  /// With each of `secrets` taken out, the longest first.
  package func masking(_ secrets: [String]) -> String {
    secrets.sorted { $0.utf8.count > $1.utf8.count }.reduce(self) { removing($1, from: $0) }
  }
}

private func removing(_ secret: String, from text: String) -> String {
  guard !secret.isEmpty else { return text }
  var result = ""
  var rest = text[...]
  while let range = rest.firstRange(of: secret) {
    result += rest[..<range.lowerBound]
    result += "‹hidden›"
    rest = rest[range.upperBound...]
  }
  return result + rest
}
