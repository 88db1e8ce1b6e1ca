import Diagnostics
import RolloutSyntax

/// R03: values and units.
extension Diagnostic {
  private static func repair(_ range: SourceRange, _ text: String?) -> [FixIt] {
    text.map { [FixIt("write `\($0)`", [Edit(range, $0)])] } ?? []
  }

  static func badName(
    _ name: String, what: String, problem: String, at range: SourceRange, repaired: String?,
    label: String = "not a name for Kubernetes", startsWithLetter: Bool = false
  ) -> Diagnostic {
    Diagnostic(
      .badName, "`\(name)` cannot be the \(what): \(problem)", at: Label(range, label),
      help: repaired.map { "write `\($0)`" }
        ?? "a name is 1 to 63 characters of `a` to `z`, `0` to `9` and `-`\(startsWithLetter ? ", and begins with a letter" : "")",
      fixIts: repair(range, repaired))
  }

  static func meshlessNamespace(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badName, "`\(name)` cannot be the namespace: it is the cluster's own", at: Label(range, "has no sidecars"),
      notes: [
        "Istio injects no proxies there, so that no route would hold; policies in its own are for the whole mesh"
      ],
      help: "give the plan a namespace of its own, as `namespace shop`")
  }

  /// `a probe`, `an environment`.
  static func withArticle(_ noun: String) -> String {
    (noun.first.map("aeiou".contains) ?? false ? "an " : "a ") + noun
  }

  static func badApprover(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badName, "`\(text)` cannot be who approves: a login name has no blanks, and is not empty",
      at: Label(range, "nobody is called so"),
      help: "what is asked stands before `by`: `approve \"TEXT\" by NAME`")
  }

  static func nameFromParameter(_ text: String, noun: String, value: String?, at range: SourceRange) -> Diagnostic {
    // What is no name would be several words there.
    let value = value.flatMap { $0.utf8.allSatisfy { isAlphanumeric($0) || "-._".utf8.contains($0) } ? $0 : nil }
    return Diagnostic(
      .badName, "`\(text)` cannot name \(withArticle(noun)): a declared name is written out",
      at: Label(range, "a parameter stands for values only"),
      help: value.map { "write `\($0)`" } ?? "write the name itself", fixIts: repair(range, value))
  }

  static func emptyStepName(at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badName, "a step has a name that can be read", at: Label(range, "empty"),
      help: "say in a few words what the step does")
  }

  static func badVersion(_ name: String, at range: SourceRange) -> Diagnostic {
    // `1#x`: what stands before the comment is a version, and the blank between them is missing.
    if let hash = name.firstIndex(of: "#"), hash != name.startIndex {
      return Diagnostic(
        .badVersion, "`\(name)` cannot be a version", at: Label(range, "not a version"),
        help: "a comment begins behind a blank: `\(name[..<hash]) \(name[hash...])`")
    }
    return Diagnostic(
      .badVersion, "`\(name)` cannot be a version", at: Label(range, "not a version"),
      help: "a version is 1 to 63 letters, digits, `.`, `_` and `-`, and begins and ends with a letter or a digit")
  }

  static func badMeshVersion(_ name: String, at range: SourceRange, repaired: String?) -> Diagnostic {
    Diagnostic(
      .badVersion, "`\(name)` is no version of Istio", at: Label(range, "not a version"),
      help: repaired.map { "write `\($0)`" } ?? "write its numbers, as `mesh istio 1.24`, or leave it out",
      fixIts: repair(range, repaired))
  }

  static func tooOldMesh(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badVersion, "Istio \(name) does not know what is written for it", at: Label(range, "too old"),
      notes: ["PeerAuthentication came with Istio 1.5"],
      help: "name the version that runs, 1.5 or newer, or leave it out")
  }

  static func badNumber(_ text: String, what: String, bounds: ClosedRange<Int>, code: Code, at range: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      code, "`\(text)` cannot be the \(what)",
      at: Label(range, Int(text) == nil && text.contains { !$0.isNumber } ? "not a whole number" : "out of range"),
      help: "write a whole number from \(bounds.lowerBound) to \(bounds.upperBound)")
  }

  /// - Parameter isWhole: nothing else is on the line, and the text stands in the plan.
  static func portWithSlash(_ number: String, _ proto: String, at range: SourceRange, isWhole: Bool) -> Diagnostic {
    let isKnown = PortProtocol(rawValue: proto) != nil
    return Diagnostic(
      .badPort, "a blank stands between a port and what it speaks", at: Label(range, "one word"),
      help: isKnown
        ? "write `port \(number) \(proto)`"
        : proto == "udp"
          ? "a plan has no udp ports: bring their Service by `manifest FILE`"
          : "write `port \(number) http` where it speaks http, and `port \(number) tcp` for what has no word here",
      fixIts: isKnown && isWhole ? [FixIt("write `port \(number) \(proto)`", [Edit(range, "\(number) \(proto)")])] : [])
  }

  /// `expose web on port 80:8080`.
  static func exposedMapping(_ port: String, container: String, at range: SourceRange, isWritten: Bool) -> Diagnostic {
    let isRight = (1...65535).contains(Int(port) ?? 0)
    return Diagnostic(
      .badPort, "visitors come in at one port", at: Label(range, "two numbers"),
      help:
        "write `port \(port)`; where the container listens stands in the component, as `port \(port) http target \(container)`",
      fixIts: isRight && isWritten ? [FixIt("write `\(port)`", [Edit(range, port)])] : [])
  }

  static func badPercent(_ text: String, bare: Int?, at range: SourceRange) -> Diagnostic {
    let spelled = Unit.short(text, .percent).flatMap {
      $0 != text && Int($0.dropLast()).map { $0 <= 100 } ?? false ? $0 : nil
    }
    let repaired = bare.map { "\($0)%" } ?? spelled
    return Diagnostic(
      .badPercent, "`\(text)` is no percentage", at: Label(range, "not a percentage"),
      help: repaired.map { "write `\($0)`" } ?? "write a whole number from 0 to 100 and `%`, as `10%`",
      fixIts: repair(range, repaired))
  }

  static func badDuration(_ text: String, problem: String?, label: String = "too short", at range: SourceRange)
    -> Diagnostic
  {
    let isBare = Int(text).map { $0 > 0 && $0 < 1_000_000 } ?? false
    let repaired = problem == nil ? Unit.short(text, .time).flatMap { parseDuration($0) == nil ? nil : $0 } : nil
    return Diagnostic(
      .badDuration, problem.map { "`\(text)` cannot be the time here: \($0)" } ?? "`\(text)` is no duration",
      at: Label(range, problem == nil ? "not a duration" : label),
      help: isBare
        ? "add a unit: `\(text)s` or `\(text)m`"
        : problem != nil
          ? nil
          : repaired.map { "write `\($0)`" }
            ?? "write whole numbers with `ms`, `s`, `m`, `h` or `d`, as `30s` or `1h30m`",
      fixIts: repair(range, repaired))
  }

  static func tinySize(_ text: String, at range: SourceRange) -> Diagnostic {
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    return Diagnostic(
      .badSize, "`\(text)` would be less than a megabyte", at: Label(range, "too small"),
      notes: ["without a unit Kubernetes takes a size in bytes, and `m` is a thousandth of one"],
      help: "write `\(number)Mi` or `\(number)Gi`")
  }

  static func badSize(_ text: String, at range: SourceRange) -> Diagnostic {
    let repaired = Unit.short(text, .size).flatMap { isQuantity($0, isCPU: false) && $0 != text ? $0 : nil }
    return Diagnostic(
      .badSize, "`\(text)` is no size", at: Label(range, "not a size"),
      help: repaired.map { "write `\($0)`" } ?? "write a number with `Ki`, `Mi`, `Gi` or `Ti`, as `512Mi`",
      fixIts: repair(range, repaired))
  }

  static func badCPU(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badCPU, "`\(text)` is no amount of CPU", at: Label(range, "not an amount of CPU"),
      help: "write cores, as `2` or `0.5`, or thousandths of a core, as `250m`")
  }

  static func badPath(_ text: String, problem: String, repaired: String?, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badPath, "`\(text)` is no path: \(problem)", at: Label(range, "not a path"),
      help: repaired.map { "write `\($0)`" } ?? "write a path such as `/` or `/api`", fixIts: repair(range, repaired))
  }

  /// - Parameter path: what stands before the port.
  static func portInPath(_ text: String, _ path: String, on port: Int, at range: SourceRange, isWritten: Bool)
    -> Diagnostic
  {
    let mended = "\(path.isEmpty ? "/" : path) on \(port)"
    return Diagnostic(
      .badPath, "`\(text)` has a port in it, and is asked for as it stands", at: Label(range, "taken for a path"),
      help: "write `\(mended)`", fixIts: repair(range, isWritten ? mended : nil))
  }

  static func badImage(_ text: String, problem: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badImage, "`\(text)` is no image: \(problem)", at: Label(range, "not an image"),
      help: "write `registry/name`, `registry/name:tag` or `registry/name@sha256:…`")
  }

  static func badHost(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badHost, "`\(text)` is no host name", at: Label(range, "not a host name"),
      help: "write a DNS name such as `shop.example.com`, `*.example.com`, or `\"*\"` for every host")
  }

  static func numericHost(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badHost, "`\(text)` is no host name: its last part is a number", at: Label(range, "an address, or a number"),
      notes: ["Istio refuses it, and browsers take what ends in a number for an address"],
      help: "write a DNS name such as `shop.example.com`, or `\"*\"` for every host, also for those who use the address"
    )
  }

  static func hostWithoutDot(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badHost, "nobody would come in by `\(text)`", at: Label(range, "one word"),
      notes: [
        "Istio takes a host of one word in a VirtualService for a Service of its namespace (short names), and the Gateway does not"
      ],
      help: "write the whole name, such as `\(text).example.com`, or `\"*\"` for every host")
  }

  /// - Parameter secret: the name is that of a key of this Secret.
  static func badEnvName(_ text: String, secret: String? = nil, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badEnvName, "`\(text)` cannot name an environment variable", at: Label(range, "not a variable's name"),
      help: secret.map { "give the variable a name of its own: `env NAME = secret \($0) \(text)`" }
        ?? "use letters, digits, `_`, `-` and `.`, and do not begin with a digit")
  }

  static func badRegex(_ text: String, problem: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badRegex, "the regular expression cannot be read: \(problem)", at: Label(range, "here"),
      notes: ["Istio and `verify` use RE2's syntax: no look-around, no back-references"],
      help: "mend the expression; `\\` before a sign takes it as it stands")
  }

  static func badSelector(problem: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badSelector, "the CSS selector cannot be used: \(problem)", at: Label(range, "here"),
      notes: ["a probe takes elements, `#id`, `.class`, `[attribute]`, blanks and `>` between them, and commas"],
      help: "name the element by its id, as `#results`, or give it one")
  }

  static func badCookieValue(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badCookieValue, "`\(text)` cannot be the value of a cookie", at: Label(range, "not a cookie value"),
      notes: ["RFC 6265 takes no blank, `;`, `,`, `\"` or `\\` in a cookie's value"],
      help: "use a value without these signs")
  }

  static func longCookieValue(_ length: Int, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badCookieValue, "a cookie's value of \(length) characters is too long", at: Label(range, "too long"),
      notes: ["Istio refuses an expression of more than 1,024 characters, and each sign counts twice in it"],
      help: "use a shorter value")
  }

  static func badKey(_ text: String, what: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badKey, "`\(text)` cannot be the \(what)", at: Label(range, "signs that cannot stand here"),
      help: "use letters, digits, `-`, `_` and `.`")
  }

  static func unaskableHeader(_ name: String, _ reason: String, help: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badKey, "no rule can ask for a header named `\(name)`: \(reason)", at: Label(range, "not asked for"), help: help)
  }

  /// `user-agent=~.*Chrome.*`.
  static func valueLikePattern(_ text: String, key: String?, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      key == nil ? .badCookieValue : .badKey, "`\(text)` looks like a pattern, and `=` asks for exactly this value",
      at: Label(range, "no pattern"),
      help: key.map { "declare `header NAME is \($0) matches 'REGEX'`, or put the value into quotes" }
        ?? "a cookie has no patterns: write the whole value, or put this one into quotes")
  }

  static func badMethod(_ text: String, known: [String], similar: String?, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badMethod, "`\(text)` is no HTTP method that can stand here", at: Label(range, "not known here"),
      help: similar.map { "write `\($0)`" } ?? "write one of \(known.joined(separator: ", "))",
      fixIts: similar.map { [FixIt("write `\($0)`", [Edit(range, $0)])] } ?? [])
  }

  static func badKind(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badKind, "`\(text)` is no kind of object", at: Label(range, "not a kind"),
      help: "write the kind as Kubernetes does, as `Gateway`, or `deployment of COMPONENT`")
  }

  static func badYAML(
    _ message: String, at range: SourceRange, help: String = "a patch is one mapping, as `spec: {…}`"
  ) -> Diagnostic {
    Diagnostic(.badYAML, message, at: Label(range, "this YAML"), help: help)
  }

  static func metricUnit(_ text: String, wanted: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .metricUnit, "`\(text)` has the wrong unit for this metric", at: Label(range, "wrong unit"),
      help: "write \(wanted)")
  }

  static func numberTooLarge(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .metricUnit, "`\(text)` is too large to compare with", at: Label(range, "out of range"),
      help: "write a number below 1e308")
  }

  static func unsupportedEdition(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unsupportedEdition, "edition \(text) of the language is not known", at: Label(range, "not known"),
      help: "this version of rolloutc knows edition 1; write `language 1`, or use a newer rolloutc",
      // What was written for a later edition may mean something else in this one.
      fixIts: (Int(text) ?? 0) > 1 ? [] : [FixIt("write `1`", [Edit(range, "1")])])
  }

  static func blankAroundHeader(_ value: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badKey, "`\(value)` is never the value of a header", at: Label(range, "begins or ends with a blank"),
      notes: ["blanks around a value are no part of it, and no proxy passes them on (RFC 9110)"],
      help: "leave these blanks out")
  }

  static func badHeaderValue(_ value: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badKey, "`\(value)` cannot be the value of a header",
      at: Label(range, value.isEmpty ? "nothing to look for" : "signs that cannot stand here"),
      help: "write one or more visible characters; to ask only for the header, write `matches '.*'`")
  }

  static func parameterType(
    _ value: String, of name: String, kind: String, at range: SourceRange, isOption: Bool
  ) -> Diagnostic {
    let kind = kind == "percent" ? "percentage" : kind
    return Diagnostic(
      .parameterType, "`\(value)` is no \(kind), which the parameter `\(name)` must be",
      at: Label(range, isOption ? "the command line gives another value" : "not a \(kind)"),
      help: "give a \(kind), or declare the parameter with another type")
  }

  static func parameterCircle(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .parameterCircle, "the value of `\(name)` is made of itself", at: Label(range, "has no value of its own"),
      help: "write out the value of one of the parameters that it is made of")
  }

  static func parametersTooDeep(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .parameterCircle, "more than 256 parameters are made of each other, down to `\(name)`",
      at: Label(range, "the next one"), help: "write out the value of one of the parameters between")
  }

  static func textTooLong(at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .parameterCircle, "with its parameters this text is longer than 64 KiB", at: Label(range, "too long"),
      help: "put what is that long into a file: `manifest FILE`, `patch … with FILE`")
  }

  static func levelsDoNotRise(_ level: Int, after: Int?, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .levelsDoNotRise,
      after.map { "the levels of a shift rise: \(level)% does not follow \($0)%" }
        ?? "the levels of a shift rise from 1%: at \(level)% it moves nobody",
      at: Label(range, after == nil ? "moves nobody" : "not above the level before"),
      help: "write the levels in rising order, from 1% to 100%")
  }

  static func visitorNeedsValue(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .visitorNeedsValue, "the header `\(name)` has a pattern, and a request needs a value",
      at: Label(range, "no value to send"), help: "declare a header with a value for this: `header NAME is KEY = VALUE`"
    )
  }

  /// - Parameters:
  ///   - isOneEach: each version has one port, and they differ.
  ///   - release: the caller's, where no version of the component is in it.
  static func portOfIsAmbiguous(
    _ component: String, ports: [Port], isOneEach: Bool, release: String?, at range: SourceRange, declared: SourceRange
  ) -> Diagnostic {
    let numbers = Set(ports.map(\.number)).sorted()
    let label = numbers.isEmpty ? "which port?" : "one of \(numbers.map(String.init).joined(separator: ", "))"
    var help = "write the number of the port, or the whole address"
    if isOneEach, let first = ports.first, let other = ports.first(where: { $0.number != first.number }),
      ports.allSatisfy({ $0.proto == first.proto })
    {
      help =
        "keep one port of the Service for all versions, as `port \(first.number) \(first.proto.rawValue) target \(other.target)`: callers dial \(first.number), and the container listens on \(other.target)"
    }
    if let release { help = "give the release a version of it: `\(component) VERSION` in `release \(release)`" }
    return Diagnostic(
      .portOfIsAmbiguous,
      release.map { "no version of `\(component)` is in the release `\($0)`" }
        ?? (ports.isEmpty ? "`\(component)` has no port" : "`\(component)` has no single port to use here"),
      at: Label(range, label), secondary: [Label(declared, "`\(component)` is declared here")], help: help)
  }

  static func probeNeedsComponent(_ name: String, exposed: [String], at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .probeNeedsComponent, "the probe `\(name)` does not say which component it asks",
      at: Label(range, "on which one?"),
      help: "several are exposed: end the line with \(exposed.map { "`on \($0)`" }.joined(separator: " or "))")
  }

  static func limitBelowRequest(_ limit: String, _ request: String, isCPU: Bool, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      isCPU ? .badCPU : .badSize, "the limit `\(limit)` is less than the `\(request)` asked for",
      at: Label(range, "below \(request)"), notes: ["Kubernetes takes no such Deployment"],
      help: "write the smaller amount first, as `\(isCPU ? "cpu 250m to 1" : "memory 128Mi to 1Gi")`")
  }

  static func emptyResources(at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .badNumber, "`resources` names neither cpu nor memory", at: Label(range, "nothing asked for"),
      help: "write `resources cpu 250m, memory 512Mi`")
  }
}
