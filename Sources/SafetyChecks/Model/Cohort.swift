internal import RegularExpressions
package import RolloutPlan

/// Requests that no rule of any state tells apart: what they carry.
package struct Cohort: Hashable, Sendable {
  /// Which rules' conditions the requests meet.
  package var selectors: [Selector] = []
  /// The cookie of a sticky share that they hold, as name and value.
  package var sticky: StickyCookie?

  package struct StickyCookie: Hashable, Sendable {
    package var name: String
    package var value: String
  }

  /// What stands in a header that is asked for by a pattern: nothing that other rules of the same header take, if there is
  /// such a text. No part of who the cohort is.
  private var texts: [Selector: String] = [:]

  package init(selectors: [Selector] = [], sticky: StickyCookie? = nil) {
    self.selectors = selectors
    self.sticky = sticky
  }

  /// The same requests without what makes them meet the selector at that place.
  package func without(selectorAt i: Int) -> Cohort {
    var fewer = self
    fewer.selectors.remove(at: i)
    return fewer
  }

  package static func == (a: Cohort, b: Cohort) -> Bool { a.selectors == b.selectors && a.sticky == b.sticky }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(selectors)
    hasher.combine(sticky)
  }

  private func text(for selector: Selector) -> String? {
    guard case .headerMatches(_, let pattern) = selector else { return nil }
    return texts[selector] ?? witness(of: pattern)
  }

  /// Nothing that any rule asks for.
  package static let others = Cohort()

  /// The headers of a request of this cohort; all cookies stand in one header, as browsers send them.
  package var headers: [(String, String)] {
    var cookies: [String] = []
    var headers: [(String, String)] = []
    for selector in selectors {
      switch selector {
      case .cookie(let key, let value): cookies.append("\(key)=\(value ?? Cohort.anyValue)")
      case .header(let key, let value): headers.append((key, value))
      case .headerMatches(let key, _): headers.append((key, text(for: selector) ?? Cohort.anyValue))
      }
    }
    if let sticky { cookies.append("\(sticky.name)=\(sticky.value)") }
    return cookies.isEmpty ? headers : [("cookie", cookies.joined(separator: "; "))] + headers
  }

  /// Whether a request of this cohort meets `selector`, judged by its headers and not by how the rule was rendered.
  func meets(_ selector: Selector) -> Bool {
    selectors.contains { held in
      if held == selector { return true }
      switch (selector, held) {
      case (.cookie(let key, nil), .cookie(let own, _)): return key == own
      case (.headerMatches(let key, let pattern), .header(let own, let value)):
        return key == own && (try? RegularExpression(pattern))?.matchesFully(value) == true
      case (.header(let key, let value), .headerMatches(let own, _)): return key == own && text(for: held) == value
      case (.headerMatches(let key, let pattern), .headerMatches(let own, _)):
        return key == own
          && text(for: held).map { (try? RegularExpression(pattern))?.matchesFully($0) == true } == true
      default: return false
      }
    }
  }

  /// Who that is, for a person: "visitors with cookie `flag=on`".
  package var description: String {
    var parts = selectors.map { selector in
      switch selector {
      case .cookie(let key, nil): "cookie `\(key)`"
      case .cookie(let key, let value?): "cookie `\(key)=\(value)`"
      case .header(let key, let value): "header `\(key): \(value)`"
      case .headerMatches(let key, let pattern): "header `\(key)` matching `\(pattern)`"
      }
    }
    if let sticky { parts.append("cookie `\(sticky.name)=\(sticky.value)`") }
    return parts.isEmpty ? "visitors without a rule of their own" : "visitors with " + parts.joined(separator: " and ")
  }

  /// A value that no plan compares with.
  private static let anyValue = "any"

  /// The cohorts that rules with these selectors tell apart: every set of them for a few selectors; each alone and each
  /// pair for many, since the first rule that matches decides. No request holds two values of one cookie or header.
  package static func all(_ selectors: [Selector], sticky: [StickyCookie] = []) -> [Cohort] {
    var sets: [[Selector]] = [[]]
    if selectors.count <= 4 {
      for selector in selectors { sets += sets.map { $0 + [selector] } }
    } else {
      sets += selectors.map { [$0] }
      for i in selectors.indices {
        for j in selectors.indices where j > i { sets.append([selectors[i], selectors[j]]) }
      }
    }
    let possible = sets.filter { set in Set(set.map(\.name)).count == set.count }
    let texts = texts(of: selectors)
    return possible.map { set in
      var cohort = Cohort(selectors: set)
      cohort.texts = texts
      return cohort
    } + sticky.map { Cohort(sticky: $0) }
  }

  /// For each pattern some text that no other rule of its header takes; where that cannot be, one that none of the values
  /// is that are asked for by themselves.
  private static func texts(of selectors: [Selector]) -> [Selector: String] {
    var texts: [Selector: String] = [:]
    for selector in selectors {
      guard case .headerMatches(let key, let pattern) = selector, let expression = try? RegularExpression(pattern)
      else { continue }
      var values: Set<String> = []
      var patterns: [RegularExpression] = []
      for rival in selectors where rival != selector {
        switch rival {
        case .header(let other, let value) where other == key: values.insert(value)
        case .headerMatches(let other, let pattern) where other == key:
          if let rival = try? RegularExpression(pattern) { patterns.append(rival) }
        default: break
        }
      }
      texts[selector] =
        expression.example { text in !values.contains(text) && !patterns.contains { $0.matchesFully(text) } }
        ?? expression.example { !values.contains($0) }
    }
    return texts
  }
}

extension Selector {
  /// What it is about, so that two of one name cannot both be met.
  fileprivate var name: String {
    switch self {
    case .cookie(let key, _): "cookie " + key
    case .header(let key, _), .headerMatches(let key, _): "header " + key
    }
  }
}

/// Some text that `pattern` matches fully; nil where none is known.
func witness(of pattern: String) -> String? { (try? RegularExpression(pattern))?.example() }
