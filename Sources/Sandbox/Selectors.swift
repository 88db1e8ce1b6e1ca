package import KubernetesModel

/// A label selector as a query writes it: `app=web,version in (1.0, 2.0),!legacy`.
package struct LabelSelector: Hashable, Sendable {
  enum Operator: Hashable, Sendable {
    case isIn([String])
    case notIn([String])
    case exists, absent
  }

  struct Requirement: Hashable, Sendable {
    var key: String
    var condition: Operator
  }

  var requirements: [Requirement]

  /// Everything.
  package static let all = LabelSelector(requirements: [])

  init(requirements: [Requirement]) { self.requirements = requirements }

  package init(labels: [String: String]) {
    requirements = labels.sorted { $0.key < $1.key }.map { Requirement(key: $0.key, condition: .isIn([$0.value])) }
  }

  /// A `metav1.LabelSelector`: `matchLabels` and `matchExpressions`.
  package init(_ selector: Value) {
    self.init(labels: strings(selector["matchLabels"]))
    for expression in selector["matchExpressions"]?.array ?? [] {
      let key = expression["key"]?.string ?? ""
      let values = (expression["values"]?.array ?? []).compactMap(\.string)
      switch expression["operator"]?.string {
      case "In": requirements.append(Requirement(key: key, condition: .isIn(values)))
      case "NotIn": requirements.append(Requirement(key: key, condition: .notIn(values)))
      case "Exists": requirements.append(Requirement(key: key, condition: .exists))
      case "DoesNotExist": requirements.append(Requirement(key: key, condition: .absent))
      default: break
      }
    }
  }

  package init(parsing text: String) throws(APIError) {
    requirements = []
    // A comma inside parentheses belongs to its set.
    var parts: [String] = []
    var depth = 0
    var part = ""
    for character in text {
      if character == "(" { depth += 1 }
      if character == ")" { depth -= 1 }
      if character == ",", depth == 0 {
        parts.append(part)
        part = ""
      } else {
        part.append(character)
      }
    }
    parts.append(part)
    for part in parts {
      let term = part.trimmed
      if term.isEmpty { continue }
      if let open = term.firstIndex(of: "("), term.hasSuffix(")") {
        let words = term[..<open].split(separator: " ").map(String.init)
        let values = term[term.index(after: open)...].dropLast().split(separator: ",").map { String($0).trimmed }
        guard words.count == 2, words[1] == "in" || words[1] == "notin" else { throw LabelSelector.unparsable(text) }
        requirements.append(Requirement(key: words[0], condition: words[1] == "in" ? .isIn(values) : .notIn(values)))
      } else if let (key, value) = term.split(at: "!=") {
        requirements.append(Requirement(key: key.trimmed, condition: .notIn([value.trimmed])))
      } else if let (key, value) = term.split(at: "==") ?? term.split(at: "=") {
        requirements.append(Requirement(key: key.trimmed, condition: .isIn([value.trimmed])))
      } else if term.hasPrefix("!") {
        requirements.append(Requirement(key: String(term.dropFirst()).trimmed, condition: .absent))
      } else if !term.contains(" ") {
        requirements.append(Requirement(key: term, condition: .exists))
      } else {
        throw LabelSelector.unparsable(text)
      }
    }
  }

  private static func unparsable(_ text: String) -> APIError {
    .badRequest("unable to parse requirement: \(text)")
  }

  package func matches(_ labels: [String: String]) -> Bool {
    requirements.allSatisfy { requirement in
      let value = labels[requirement.key]
      return switch requirement.condition {
      case .isIn(let values): value.map(values.contains) ?? false
      case .notIn(let values): !(value.map(values.contains) ?? false)
      case .exists: value != nil
      case .absent: value == nil
      }
    }
  }
}

/// A field selector: `metadata.name=web,status.phase!=Running`.
package struct FieldSelector: Hashable, Sendable {
  struct Term: Hashable, Sendable {
    var path: [String]
    var value: String
    var isEqual: Bool
  }

  var terms: [Term]

  package static let all = FieldSelector(terms: [])

  init(terms: [Term]) { self.terms = terms }

  package init(parsing text: String, for type: ResourceType) throws(APIError) {
    terms = []
    for part in text.split(separator: ",") {
      let term = String(part).trimmed
      let (key, value, isEqual): (String, String, Bool)
      if let (k, v) = term.split(at: "!=") {
        (key, value, isEqual) = (k, v, false)
      } else if let (k, v) = term.split(at: "==") ?? term.split(at: "=") {
        (key, value, isEqual) = (k, v, true)
      } else {
        throw .badRequest("invalid selector: '\(text)'; can't understand '\(term)'")
      }
      let path = key.split(separator: ".").map(String.init)
      guard ["metadata.name", "metadata.namespace"].contains(key) || type.selectableFields.contains(key) else {
        throw .badRequest(
          "Unable to find \"\(type.versions[0] == "v1" && type.group.isEmpty ? "/v1" : type.apiVersion), Resource="
            + "\(type.plural)\" that match label selector \"\", field selector \"\(text)\": field label not supported: "
            + key)
      }
      terms.append(Term(path: path, value: value, isEqual: isEqual))
    }
  }

  package func matches(_ object: Value) -> Bool {
    terms.allSatisfy { term in
      var value: Value? = object
      for key in term.path { value = value?[key] }
      let text: String =
        switch value {
        case .string(let s): s
        case .int(let i): String(i)
        case .bool(let b): String(b)
        default: ""
        }
      return (text == term.value) == term.isEqual
    }
  }
}

extension String {
  var trimmed: String {
    var view = Substring(self)
    while let first = view.first, first == " " || first == "\t" || first == "\n" { view.removeFirst() }
    while let last = view.last, last == " " || last == "\t" || last == "\n" { view.removeLast() }
    return String(view)
  }

  /// The text before and after the first `separator`.
  func split(at separator: String) -> (String, String)? {
    let (text, wanted) = (Array(utf8), Array(separator.utf8))
    guard !wanted.isEmpty, text.count >= wanted.count else { return nil }
    for i in 0...(text.count - wanted.count) where Array(text[i..<(i + wanted.count)]) == wanted {
      return (String(decoding: text[..<i], as: UTF8.self), String(decoding: text[(i + wanted.count)...], as: UTF8.self))
    }
    return nil
  }
}
