package import KubernetesModel

/// One entry of `details.causes` of a ``APIError``.
package struct Cause: Hashable, Sendable {
  package var reason: String
  package var message: String
  package var field: String

  package init(reason: String, message: String, field: String) {
    self.reason = reason
    self.message = message
    self.field = field
  }

  package static func required(_ field: String, _ detail: String = "") -> Cause {
    Cause(reason: "FieldValueRequired", message: "Required value" + (detail.isEmpty ? "" : ": " + detail), field: field)
  }

  package static func bad(_ field: String, _ shown: String, _ detail: String) -> Cause {
    Cause(reason: "FieldValueInvalid", message: "Invalid value: \(shown): \(detail)", field: field)
  }

  package static func duplicate(_ field: String, _ shown: String) -> Cause {
    Cause(reason: "FieldValueDuplicate", message: "Duplicate value: \(shown)", field: field)
  }

  package static func unsupported(_ field: String, _ value: String, _ supported: [String]) -> Cause {
    let list = supported.map { "\"\($0)\"" }.joined(separator: ", ")
    return Cause(
      reason: "FieldValueNotSupported", message: "Unsupported value: \"\(value)\": supported values: \(list)",
      field: field
    )
  }
}

/// A refusal in the API server's own words (apimachinery `pkg/api/errors`): it becomes a `Status` object on the wire.
package struct APIError: Error, Hashable, Sendable {
  package var code: Int
  package var reason: String
  package var message: String
  package var group: String?
  package var kind: String?
  package var name: String?
  package var uid: String?
  package var causes: [Cause] = []
  package var retryAfterSeconds: Int?
  /// A continue token that goes on with a newer state: only for an expired list.
  package var continueToken: String?
  /// Written even if nothing is in them: answers that the server makes from a bare HTTP code have such ones.
  package var hasEmptyDetails = false

  package init(_ code: Int, _ reason: String, _ message: String) {
    self.code = code
    self.reason = reason
    self.message = message
  }

  /// The object of kind `Status`, API version v1.
  package var status: Value {
    var metadata = Fields()
    if let continueToken { metadata["continue"] = .string(continueToken) }
    var fields: Fields = [
      "kind": "Status", "apiVersion": "v1", "metadata": .object(metadata), "status": "Failure",
      "message": .string(message),
    ]
    if !reason.isEmpty { fields["reason"] = .string(reason) }
    var details = Fields()
    if let name, !name.isEmpty { details["name"] = .string(name) }
    if let group, !group.isEmpty { details["group"] = .string(group) }
    if let kind { details["kind"] = .string(kind) }
    if let uid { details["uid"] = .string(uid) }
    if !causes.isEmpty {
      details["causes"] = .array(
        causes.map { cause in
          var entry = Fields()
          if !cause.reason.isEmpty { entry["reason"] = .string(cause.reason) }
          entry["message"] = .string(cause.message)
          if !cause.field.isEmpty { entry["field"] = .string(cause.field) }
          return .object(entry)
        })
    }
    if let retryAfterSeconds { details["retryAfterSeconds"] = .int(retryAfterSeconds) }
    if !details.isEmpty || hasEmptyDetails { fields["details"] = .object(details) }
    fields["code"] = .int(code)
    return .object(fields)
  }

  private func about(_ type: ResourceType, _ name: String, kind: String? = nil) -> APIError {
    var error = self
    error.group = type.group
    error.kind = kind ?? type.plural
    error.name = name
    return error
  }

  static func notFound(_ type: ResourceType, _ name: String) -> APIError {
    APIError(404, "NotFound", "\(type.resource) \"\(name)\" not found").about(type, name)
  }

  static func alreadyExists(_ type: ResourceType, _ name: String) -> APIError {
    APIError(409, "AlreadyExists", "\(type.resource) \"\(name)\" already exists").about(type, name)
  }

  static func conflict(_ type: ResourceType, _ name: String, _ why: String) -> APIError {
    APIError(409, "Conflict", "Operation cannot be fulfilled on \(type.resource) \"\(name)\": \(why)").about(type, name)
  }

  /// A precondition of DELETE that does not hold. The server names the kind here, not the resource (`rest.BeforeDelete`).
  static func preconditionFailed(
    _ type: ResourceType, _ name: String, _ what: String, _ wanted: String, _ found: String
  )
    -> APIError
  {
    let qualified = type.group.isEmpty ? type.kind : "\(type.kind).\(type.group)"
    let advice = what == "UID" ? "deleted and then recreated" : "modified"
    return APIError(
      409, "Conflict",
      "Operation cannot be fulfilled on \(qualified) \"\(name)\": the \(what) in the precondition (\(wanted)) does not "
        + "match the \(what) in record (\(found)). The object might have been \(advice)"
    ).about(type, name, kind: type.kind)
  }

  static let modified = "the object has been modified; please apply your changes to the latest version and try again"

  static func invalid(_ type: ResourceType, _ name: String, _ causes: [Cause]) -> APIError {
    let texts = causes.map { $0.field.isEmpty ? $0.message : "\($0.field): \($0.message)" }
    let joined = texts.count == 1 ? texts[0] : "[" + texts.joined(separator: ", ") + "]"
    let qualified = type.group.isEmpty ? type.kind : "\(type.kind).\(type.group)"
    var error = APIError(422, "Invalid", "\(qualified) \"\(name)\" is invalid: \(joined)")
      .about(type, name, kind: type.kind)
    error.causes = causes
    return error
  }

  static func forbidden(_ type: ResourceType, _ name: String, _ why: String) -> APIError {
    APIError(403, "Forbidden", "\(type.resource) \"\(name)\" is forbidden: \(why)").about(type, name)
  }

  static func badRequest(_ message: String) -> APIError { APIError(400, "BadRequest", message) }

  static func unavailable(_ message: String) -> APIError { APIError(503, "ServiceUnavailable", message) }

  static func methodNotSupported(_ type: ResourceType, _ verb: String) -> APIError {
    APIError(405, "MethodNotAllowed", "\(verb) is not supported on resources of kind \"\(type.resource)\"")
      .about(type, "")
  }

  static let noSuchPath = generic(404, "NotFound", "the server could not find the requested resource")

  static let unprocessable = generic(
    422, "Invalid", "the server rejected our request due to an error in our request")

  /// As apimachinery's `NewGenericServerResponse`.
  private static func generic(_ code: Int, _ reason: String, _ message: String) -> APIError {
    var error = APIError(code, reason, message)
    error.hasEmptyDetails = true
    return error
  }

  static func expired(_ message: String) -> APIError { APIError(410, "Expired", message) }
}
