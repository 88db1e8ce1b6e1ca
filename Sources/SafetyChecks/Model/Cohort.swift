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

  /// What is sent where a rule leaves it open, for a pattern or a cookie of any value: nothing that other rules for the
  /// same header or cookie take, if there is such a text. No part of who the cohort is.
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

  /// The value of the cookie or header that makes its requests meet one of its selectors; nil where none is known.
  private func text(for selector: Selector) -> String? {
    switch selector {
    case .cookie(_, let value?), .header(_, let value): value
    case .cookie(_, nil): texts[selector] ?? Cohort.anyValue
    case .headerMatches(_, let pattern): texts[selector] ?? witness(of: pattern)
    }
  }

  /// Nothing that any rule asks for.
  package static let others = Cohort()

  /// The headers of a request of this cohort; all cookies stand in one header, as browsers send them.
  package var headers: [(String, String)] {
    var cookies: [String] = []
    var headers: [(String, String)] = []
    for selector in selectors {
      switch selector {
      case .cookie(let key, _): cookies.append("\(key)=\(text(for: selector) ?? Cohort.anyValue)")
      case .header(let key, _), .headerMatches(let key, _):
        headers.append((key, text(for: selector) ?? Cohort.anyValue))
      }
    }
    if let sticky { cookies.append("\(sticky.name)=\(sticky.value)") }
    return cookies.isEmpty ? headers : [("cookie", cookies.joined(separator: "; "))] + headers
  }

  /// Whether a request of this cohort meets `selector`, judged by its headers and not by how the rule was rendered.
  func meets(_ selector: Selector) -> Bool {
    selectors.contains { held in
      held == selector || held.asksForSame(as: selector) && text(for: held).map(selector.takes) ?? false
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

  /// For a cookie of any value, where no rule asks for this one.
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
    // No request has two values in one place.
    let possible = sets.filter { set in
      set.indices.allSatisfy { i in !set[..<i].contains { $0.asksForSame(as: set[i]) } }
    }
    let texts = texts(of: selectors)
    return possible.map { set in
      var cohort = Cohort(selectors: set)
      cohort.texts = texts
      return cohort
    } + sticky.map { Cohort(sticky: $0) }
  }

  /// For each selector that leaves the value open some text that no other rule of its header or cookie takes; where that
  /// cannot be, one that none of the values is that are asked for by themselves.
  private static func texts(of selectors: [Selector]) -> [Selector: String] {
    var texts: [Selector: String] = [:]
    for selector in selectors {
      let rivals = selectors.filter { $0 != selector && $0.asksForSame(as: selector) }
      let takers = rivals.map(\.takesValue)
      switch selector {
      case .cookie(_, nil):
        // Among one more than there are rules there is one that none asks for.
        let candidates = [anyValue] + rivals.indices.map { "\(anyValue)-\($0)" }
        texts[selector] = candidates.first { text in !takers.contains { $0(text) } }
      case .headerMatches(_, let pattern):
        guard let expression = try? RegularExpression(pattern) else { continue }
        let exact = rivals.filter { if case .header = $0 { true } else { false } }.map(\.takesValue)
        texts[selector] =
          expression.example { text in !takers.contains { $0(text) } }
          ?? expression.example { text in !exact.contains { $0(text) } }
      case .cookie, .header: break
      }
    }
    return texts
  }
}

/// Some text that `pattern` matches fully; nil where none is known.
func witness(of pattern: String) -> String? { (try? RegularExpression(pattern))?.example() }
