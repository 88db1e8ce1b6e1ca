import CSSSelectors
import Diagnostics
import KubernetesModel
import RegularExpressions
import RolloutSyntax

/// The values of slots: from a token to a typed value, with parameters put in, or a diagnostic of the family R03.
extension Resolver {
  /// The text of a token, parameters resolved; nil, and reported, where a parameter is unknown.
  func text(_ token: Int, in tree: SyntaxTree) -> SpannedText? {
    let range = tree.range(ofToken: token)
    switch tree.tokens[token].kind {
    case .word:
      let word = tree.word(token)
      guard word.utf8.first == UInt8(ascii: "$"), word.utf8.count > 1 else {
        return SpannedText(value: word, range: range)
      }
      guard let value = parameter(String(word.dropFirst()), at: range) else { return nil }
      return SpannedText(value: value.value, range: range)
    case .text:
      var result: String? = ""
      for part in TokenText.parts(tree.tokens[token], in: tree.file) {
        switch part {
        case .literal(let text): result?.append(text)
        case .parameter(let name, let at):
          // The other parameters are looked at all the same.
          if let value = parameter(name, at: at) { result?.append(value.value) } else { result = nil }
          if let length = result?.utf8.count, length > Resolver.longestText {
            report(.textTooLong(at: range))
            return nil
          }
        case .unclosed(let at):
          let known = Diagnostic.unclosedParameter(at: at)
          if !diagnostics.contains(known) { report(known) }
          result = nil
        }
      }
      return result.map { SpannedText(value: $0, range: range) }
    case .raw:
      let (bytes, _) = TokenText.inner(tree.tokens[token], tree.file.bytes)
      return SpannedText(value: String(decoding: bytes, as: UTF8.self), range: range)
    case .blockText:
      return SpannedText(value: TokenText.block(tree.tokens[token], in: tree.file), range: range)
    default:
      return nil
    }
  }

  /// What a text may become by its parameters, in bytes: a few of them, made of each other, would fill any memory.
  private static let longestText = 64 << 10

  func parameter(_ name: String, at range: SourceRange) -> Parameter? {
    switch binding(of: SpannedText(value: name, range: range), in: \.parameters) {
    // What is wrong with a value is said once, where it is given.
    case .known(let index): return parameter(numbered: index)
    case .poisoned: return nil
    case nil:
      if names.parameters.hasNamelessDeclaration || doubtfulWords.contains(name) { return nil }
      reportOnce(name, in: \.parameters, at: range) {
        if let address = addressInText(name, at: range) { return address }
        let similar = nearest(to: name, in: names.parameters.order, allowsOne: false)
        var diagnostic = Diagnostic.unknownName(
          .unknownParameter, "parameter", name, at: range, similar: similar,
          declared: similar.flatMap { names.parameters[$0]?.range }, known: names.parameters.order, prefix: "$")
        // `$name` is a word of its own, `${name}` stands in a text.
        if let similar, let file = sources[range.file], file.text(range).hasPrefix("${") {
          diagnostic.fixIts = [FixIt("write `${\(similar)}`", [Edit(range, "${\(similar)}")])]
        }
        return diagnostic
      }
      return nil
    }
  }

  /// `${host of api}` or `${api}` in a text.
  private func addressInText(_ name: String, at range: SourceRange) -> Diagnostic? {
    guard let file = sources[range.file], file.text(range).hasPrefix("${") else { return nil }
    let words = name.split(separator: " ").map(String.init)
    let isAddress = words.count == 3 && words[1] == "of" && ["host", "port", "url"].contains(words[0])
    guard isAddress || words.count == 1, let component = words.last,
      case .known(let index)? = names.components[component]?.binding, plan.components.indices.contains(index)
    else { return nil }
    return .addressInText(
      name, service: plan.components[index].service, at: range, isHost: isAddress && words[0] == "host")
  }

  /// A value that a parameter stands for is wrong where it is given: an edit would take the parameter away.
  func aboutParameter(_ diagnostic: Diagnostic) -> Diagnostic {
    let range = diagnostic.primary.range
    guard diagnostic.code.id.hasPrefix("R03"), let file = sources[range.file] else { return diagnostic }
    let written = file.text(range)
    if written.hasPrefix("\""), written.contains("${"), diagnostic.code != .badName {
      var told = diagnostic
      told.fixIts = []
      return told
    }
    // What names something is no value.
    guard written.hasPrefix("$"), !diagnostic.message.hasPrefix("`$"),
      case .known(let index)? = names.parameters[String(written.dropFirst())]?.binding
    else { return diagnostic }
    let parameter = names.parameterValues[index]
    let isOption = options.settings.contains { $0.name == parameter.name }
    var told = diagnostic
    let meant = told.fixIts.first?.edits.first?.replacement
    told.fixIts = []
    if isOption {
      told.notes.insert("`--set \(parameter.name)=\(parameter.value)` gives it", at: 0)
      if let meant { told.help = "write `--set \(parameter.name)=\(meant)`" }
    } else if let source = parameter.source {
      told.secondary.append(Label(source.tree.range(ofToken: source.token), "its value"))
      if let meant { told.help = "give `\(parameter.name)` a value such as `\(meant)`" }
    }
    return told
  }

  /// The text of the first such slot of a statement.
  func text(_ slot: Slot, of statement: StatementView) -> SpannedText? {
    statement.first(slot).flatMap { text($0, in: statement.tree) }
  }

  // MARK: - Names

  /// A DNS label (RFC 1123), or one that begins with a letter (RFC 1035).
  func dnsLabel(_ name: SpannedText, what: String, startsWithLetter: Bool = false) -> String? {
    if let problem = dnsLabelProblem(name.value, startsWithLetter: startsWithLetter) {
      let fixed = dnsLabelRepair(name.value)
      report(
        .badName(
          name.value, what: what, problem: problem, at: name.range, repaired: fixed,
          startsWithLetter: startsWithLetter))
      return nil
    }
    return name.value
  }

  /// The name without what a label cannot have, where that leaves one: no capitals, `-` for `_` and `.`, and no colon.
  func dnsLabelRepair(_ name: String) -> String? {
    let fixed = String(
      decoding: (name.hasSuffix(":") ? name.dropLast() : name[...]).utf8.map { byte -> UInt8 in
        if byte >= UInt8(ascii: "A"), byte <= UInt8(ascii: "Z") { return byte + 32 }
        return byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".") ? UInt8(ascii: "-") : byte
      }, as: UTF8.self)
    guard fixed != name, dnsLabelProblem(fixed, startsWithLetter: true) == nil else { return nil }
    return Keyword(fixed)?.isReserved ?? false ? nil : fixed
  }

  /// A DNS subdomain (RFC 1123): labels with dots, 253 characters at most.
  func dnsSubdomain(_ name: SpannedText, what: String) -> String? {
    if let problem = dnsSubdomainProblem(name.value) {
      report(.badName(name.value, what: what, problem: problem, at: name.range, repaired: nil))
      return nil
    }
    return name.value
  }

  /// A version: a label value of Kubernetes that also fits into a DNS label.
  func versionName(_ name: SpannedText) -> String? {
    guard isVersion(name.value) else {
      report(.badVersion(name.value, at: name.range))
      return nil
    }
    return name.value
  }

  func isVersion(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    let isWord: (UInt8) -> Bool = { isAlphanumeric($0) || $0 == 0x2D || $0 == 0x2E || $0 == 0x5F }
    guard let first = bytes.first, let last = bytes.last else { return false }
    return isAlphanumeric(first) && isAlphanumeric(last) && bytes.allSatisfy(isWord) && bytes.count <= 63
  }

  // MARK: - Numbers

  /// A whole number in `bounds`.
  func integer(_ token: Int?, in tree: SyntaxTree, _ bounds: ClosedRange<Int>, what: String, code: Code = .badNumber)
    -> Int?
  {
    guard let token, let text = text(token, in: tree) else { return nil }
    guard let value = Int(text.value), text.value.utf8.first != UInt8(ascii: "+") else {
      report(.badNumber(text.value, what: what, bounds: bounds, code: code, at: text.range))
      return nil
    }
    guard bounds.contains(value) else {
      report(.badNumber(text.value, what: what, bounds: bounds, code: code, at: text.range))
      return nil
    }
    return value
  }

  /// `10%`: a whole number from 0 to 100.
  func percent(_ token: Int?, in tree: SyntaxTree) -> Int? {
    guard let token, let text = text(token, in: tree) else { return nil }
    let digits = text.value.hasSuffix("%") ? String(text.value.dropLast()) : nil
    if let digits, let value = Int(digits), (0...100).contains(value), digits.utf8.first != UInt8(ascii: "+") {
      return value
    }
    let bare = Int(text.value).flatMap { (0...100).contains($0) ? $0 : nil }
    report(.badPercent(text.value, bare: bare, at: text.range))
    return nil
  }

  /// `30s`, `1h30m`: whole numbers with ms, s, m, h, d; milliseconds.
  func duration(_ token: Int?, in tree: SyntaxTree, allowsZero: Bool = true) -> Int? {
    guard let token, let text = text(token, in: tree) else { return nil }
    guard let value = parseDuration(text.value) else {
      let problem = isLongDuration(text.value) ? "ten years are the limit" : nil
      report(.badDuration(text.value, problem: problem, label: "too long", at: text.range))
      return nil
    }
    if value == 0, !allowsZero {
      report(.badDuration(text.value, problem: "it must be longer than nothing", at: text.range))
      return nil
    }
    return value
  }

  func duration(_ slot: Slot, after keyword: Keyword, of statement: StatementView, allowsZero: Bool = true) -> Int? {
    duration(statement.first(slot, after: keyword), in: statement.tree, allowsZero: allowsZero)
  }

  /// A Kubernetes quantity above zero, as written.
  func quantity(_ token: Int?, in tree: SyntaxTree, isCPU: Bool) -> String? {
    guard let token, let text = text(token, in: tree) else { return nil }
    if let amount = quantityValue(text.value, isCPU: isCPU) {
      // Kubernetes takes bytes, and thousandths of bytes; no pod starts and no volume is made with so few of them.
      if isCPU || amount >= 1_000_000 { return text.value }
      report(.tinySize(text.value, at: text.range))
      return nil
    }
    report(isCPU ? .badCPU(text.value, at: text.range) : .badSize(text.value, at: text.range))
    return nil
  }

  // MARK: - Texts

  /// A path that begins with `/`.
  func path(_ token: Int?, in tree: SyntaxTree, allowsQuery: Bool) -> String? {
    guard let token, let text = text(token, in: tree) else { return nil }
    let bytes = Array(text.value.utf8)
    var problem: String?
    if bytes.first != UInt8(ascii: "/") {
      problem = "it must begin with `/`"
    } else if bytes.contains(where: { $0 <= 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "#") }) {
      problem = "blanks, control characters and `#` cannot stand in it"
    } else if bytes.contains(where: { $0 > 0x7F }) {
      problem = "requests have other letters than ASCII percent-encoded, as `%C3%A9`"
    } else if !allowsQuery, text.value.split(separator: "/").contains(where: { $0 == "." || $0 == ".." }) {
      problem = "the proxy takes `.` and `..` out of requests before it looks at them"
    } else if !allowsQuery, bytes.contains(UInt8(ascii: "?")) {
      problem = "`?` cannot stand in it"
    } else if !allowsQuery, bytes.contains(UInt8(ascii: "*")) {
      problem = "`*` stands for nothing here: a path is meant with all that lies below it"
    }
    guard let problem else { return text.value }
    let canPrefix =
      bytes.first != UInt8(ascii: "/") && !bytes.isEmpty
      && bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x2F || $0 == 0x2D }
    report(.badPath(text.value, problem: problem, repaired: canPrefix ? "/" + text.value : nil, at: text.range))
    return nil
  }

  func envName(_ token: Int?, in tree: SyntaxTree) -> SpannedText? {
    guard let token, let text = text(token, in: tree) else { return nil }
    if isEnvName(text.value) { return text }
    report(.badEnvName(text.value, at: text.range))
    return nil
  }

  func isEnvName(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    return !bytes.isEmpty && !(bytes[0] >= 0x30 && bytes[0] <= 0x39)
      && bytes.allSatisfy { isAlphanumeric($0) || $0 == 0x5F || $0 == 0x2D || $0 == 0x2E }
  }

  /// A key of a Secret or ConfigMap.
  func secretKey(_ token: Int, in tree: SyntaxTree) -> SpannedText? {
    guard let text = text(token, in: tree) else { return nil }
    let bytes = Array(text.value.utf8)
    if !bytes.isEmpty, bytes.count <= 253,
      bytes.allSatisfy({ isAlphanumeric($0) || $0 == 0x5F || $0 == 0x2D || $0 == 0x2E })
    {
      return text
    }
    report(.badKey(text.value, what: "key of a Secret", at: text.range))
    return nil
  }

  /// The name of a cookie or a header: a token of RFC 9110.
  func fieldName(_ token: Int?, in tree: SyntaxTree, what: String) -> SpannedText? {
    guard let token, let text = text(token, in: tree) else { return nil }
    let special = Array("!#$%&'*+-.^_`|~".utf8)
    if !text.value.isEmpty, text.value.utf8.allSatisfy({ isAlphanumeric($0) || special.contains($0) }) { return text }
    report(.badKey(text.value, what: what, at: text.range))
    return nil
  }

  /// The name of a header that a rule can ask for.
  func headerName(_ token: Int?, in tree: SyntaxTree) -> SpannedText? {
    guard let name = fieldName(token, in: tree, what: "name of a header") else { return nil }
    guard let (reason, help) = Resolver.unaskableHeaders[name.value.lowercased()] else { return name }
    report(.unaskableHeader(name.value, reason, help: help, at: name.range))
    return nil
  }

  /// Names that Istio or a proxy reads otherwise. Istio: "The keys `uri`, `scheme`, `method`, and `authority` will be
  /// ignored" (`HTTPMatchRequest.headers`).
  private static let unaskableHeaders: [String: (reason: String, help: String)] = {
    let ignored = "Istio takes it for a part of the request line, and ignores it"
    let hosts = "expose the component for the host, as `expose COMPONENT on port 80 hosts HOST`"
    return [
      "cookie": ("it holds all cookies at once, in any order", "declare the one that is meant: `cookie NAME is KEY`"),
      "host": ("a request is led by its host before any header is read", hosts), "authority": (ignored, hosts),
      "method": (ignored, "ask for a header that the client sets"),
      "scheme": (ignored, "expose the component at the port of the scheme"),
      "uri": (ignored, "expose the component at a path, as `expose COMPONENT on port 80 path PATH`"),
    ]
  }()

  /// The value of a cookie: RFC 6265 cookie-octets.
  func cookieValue(_ token: Int, in tree: SyntaxTree) -> String? {
    guard let text = text(token, in: tree) else { return nil }
    if looksLikePattern(token, in: tree) {
      report(.valueLikePattern(text.value, key: nil, at: text.range))
      return nil
    }
    let isGood = text.value.utf8.allSatisfy { byte in
      byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: ",") && byte != UInt8(ascii: ";")
        && byte != UInt8(ascii: "\\")
    }
    if isGood, !text.value.isEmpty {
      // What surrounds it in the expression, with a name of the usual length, takes less than 124 characters.
      let quoted = text.value.utf8.reduce(0) { $0 + (isAlphanumeric($1) ? 1 : 2) }
      if quoted <= 900 { return text.value }
      report(.longCookieValue(text.value.utf8.count, at: text.range))
      return nil
    }
    report(.badCookieValue(text.value, at: text.range))
    return nil
  }

  /// - Parameter key: the header's name.
  func headerValue(_ token: Int, of key: String, in tree: SyntaxTree) -> String? {
    guard let text = text(token, in: tree) else { return nil }
    if looksLikePattern(token, in: tree) {
      report(.valueLikePattern(text.value, key: key, at: text.range))
      return nil
    }
    let isGood = !text.value.isEmpty && text.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    if isGood, text.value.hasPrefix(" ") || text.value.hasSuffix(" "), text.value.contains(where: { $0 != " " }) {
      report(.blankAroundHeader(text.value, at: text.range))
      return nil
    }
    if isGood, text.value.contains(where: { $0 != " " }) { return text.value }
    report(.badHeaderValue(text.value, at: text.range))
    return nil
  }

  /// `=~.*Chrome.*`, as other tools write patterns: without quotes a value that begins so is a slip.
  private func looksLikePattern(_ token: Int, in tree: SyntaxTree) -> Bool {
    tree.tokens[token].kind == .word && tree.word(token).hasPrefix("~")
  }

  func image(_ token: Int?, in tree: SyntaxTree) -> SpannedText? {
    guard let token, let text = text(token, in: tree) else { return nil }
    if let problem = imageProblem(text.value) {
      report(.badImage(text.value, problem: problem, at: text.range))
      return nil
    }
    return text
  }

  func host(_ token: Int, in tree: SyntaxTree) -> String? {
    guard let text = text(token, in: tree) else { return nil }
    if text.value == "*" { return "*" }
    let name = text.value.hasPrefix("*.") ? String(text.value.dropFirst(2)) : text.value
    guard dnsSubdomainProblem(name) == nil else {
      report(.badHost(text.value, at: text.range))
      return nil
    }
    // Istio: "top level domain cannot be all-numeric" (`ValidateFQDN`).
    if let last = name.split(separator: ".").last, last.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
      report(.numericHost(text.value, at: text.range))
      return nil
    }
    if !text.value.contains(".") {
      report(.hostWithoutDot(text.value, at: text.range))
      return nil
    }
    return text.value
  }

  /// A regular expression in RE2's syntax.
  func regex(_ token: Int?, in tree: SyntaxTree) -> String? {
    guard let token, let text = text(token, in: tree) else { return nil }
    if tree.tokens[token].kind == .text {
      report(.regexQuotes(text.value, at: text.range))
      return nil
    }
    do {
      try RegularExpression.check(text.value)
    } catch {
      let start = text.range.start &+ 1 &+ UInt32(clamping: error.offset)
      let at = SourceRange(
        file: text.range.file, start: min(start, text.range.end), end: min(start &+ 1, text.range.end))
      report(.badRegex(text.value, problem: error.message, at: tree.tokens[token].kind == .raw ? at : text.range))
      return nil
    }
    if text.value.isEmpty {
      report(.badRegex("", problem: "it is empty, which Istio refuses", at: text.range))
      return nil
    }
    if RegularExpression.isTooLongForIstio(text.value) {
      report(.badRegex("…", problem: "it is longer than 1024 characters, which Istio refuses", at: text.range))
      return nil
    }
    return text.value
  }

  /// A CSS selector for one element of a page.
  func elementSelector(_ token: Int, in tree: SyntaxTree) -> String? {
    guard let text = text(token, in: tree) else { return nil }
    do {
      return try ElementSelector(text.value).text
    } catch {
      report(.badSelector(problem: error.message, at: text.range))
      return nil
    }
  }

  func method(_ token: Int?, in tree: SyntaxTree) -> String? {
    guard let token, let text = text(token, in: tree) else { return nil }
    let known = Slot.methods
    if known.contains(text.value) { return text.value }
    let upper = text.value.uppercased()
    // `http /healthz`: whoever names the protocol means the plain request.
    let meant: String? = known.contains(upper) ? upper : upper.hasPrefix("HTTP") ? "GET" : nearest(to: upper, in: known)
    report(.badMethod(text.value, known: known, similar: meant, at: text.range))
    return nil
  }
}

func isAlphanumeric(_ byte: UInt8) -> Bool {
  byte >= 0x30 && byte <= 0x39 || byte >= 0x41 && byte <= 0x5A || byte >= 0x61 && byte <= 0x7A
}

func isLowerAlphanumeric(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 || byte >= 0x61 && byte <= 0x7A }

/// Milliseconds; nil where the text is no duration or does not fit into ten years.
package func parseDuration(_ text: String) -> Int? {
  let bytes = Array(text.utf8)
  var i = 0
  var total = 0
  guard !bytes.isEmpty else { return nil }
  while i < bytes.count {
    var number = 0
    let start = i
    while i < bytes.count, bytes[i] >= 0x30, bytes[i] <= 0x39 {
      guard number < 1_000_000_000 else { return nil }
      number = number * 10 + Int(bytes[i] - 0x30)
      i += 1
    }
    guard i > start, i < bytes.count else { return nil }
    let unit: Int
    switch bytes[i] {
    case UInt8(ascii: "m") where i + 1 < bytes.count && bytes[i + 1] == UInt8(ascii: "s"):
      unit = 1
      i += 1
    case UInt8(ascii: "s"): unit = 1_000
    case UInt8(ascii: "m"): unit = 60_000
    case UInt8(ascii: "h"): unit = 3_600_000
    case UInt8(ascii: "d"): unit = 86_400_000
    default: return nil
    }
    i += 1
    let (product, overflow) = number.multipliedReportingOverflow(by: unit)
    guard !overflow, product <= 315_360_000_000 else { return nil }
    total += product
    guard total <= 315_360_000_000 else { return nil }
  }
  return total
}

/// `90000` → `1m30s`, as ``parseDuration(_:)`` reads it.
package func durationText(_ milliseconds: Int) -> String {
  if milliseconds == 0 { return "0s" }
  var rest = milliseconds
  var text = ""
  for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] where rest >= size {
    text += "\(rest / size)\(unit)"
    rest %= size
  }
  return text
}

/// Whole numbers with units, as a duration is, and more of them than one may be.
private func isLongDuration(_ text: String) -> Bool {
  guard parseDuration(text) == nil else { return false }
  var (small, isDigit) = ("", false)
  for character in text {
    let isNext = character.isASCII && character.isNumber
    if !isNext || !isDigit { small.append(isNext ? "1" : character) }
    isDigit = isNext
  }
  return parseDuration(small) != nil
}

func isQuantity(_ text: String, isCPU: Bool) -> Bool { quantityValue(text, isCPU: isCPU) != nil }

/// An amount of CPUs or bytes above zero, with units that make sense of it. The value is near enough to compare two of them.
func quantityValue(_ text: String, isCPU: Bool) -> Double? {
  guard let quantity = Quantity(text), quantity.digits <= 15, quantity.value > 0, !text.hasPrefix("+") else {
    return nil
  }
  let isMeant = isCPU ? ["", "m", "k"].contains(quantity.unit) : !["n", "u", "m"].contains(quantity.unit)
  let isExponent = quantity.unit.utf8.count > 1 && quantity.unit.lowercased().hasPrefix("e") && quantity.unit != "Ei"
  return isMeant || isExponent ? quantity.value : nil
}

/// The tag of an image, and its digest, where it has them: `registry:5000/name:TAG@DIGEST`.
func imageTag(_ image: String) -> (tag: String?, digest: String?) {
  var image = image
  return image.withUTF8 { bytes in
    let at = bytes.firstIndex(of: UInt8(ascii: "@"))
    let end = at ?? bytes.count
    let digest = at.map { String(decoding: bytes[($0 + 1)...], as: UTF8.self) }
    var i = end
    while i > 0, bytes[i - 1] != UInt8(ascii: "/") {
      i -= 1
      if bytes[i] == UInt8(ascii: ":") {
        // The first colon behind the last slash.
        var first = i
        var k = i
        while k > 0, bytes[k - 1] != UInt8(ascii: "/") {
          k -= 1
          if bytes[k] == UInt8(ascii: ":") { first = k }
        }
        return (String(decoding: bytes[(first + 1)..<end], as: UTF8.self), digest)
      }
    }
    return (nil, digest)
  }
}

private func imageProblem(_ image: String) -> String? {
  if image.isEmpty { return "it is empty" }
  let bytes = Array(image.utf8)
  let isAllowed: (UInt8) -> Bool = { byte in
    isAlphanumeric(byte) || byte == 0x2E || byte == 0x5F || byte == 0x2F || byte == 0x3A || byte == 0x40 || byte == 0x2D
  }
  if !bytes.allSatisfy(isAllowed) { return "only letters, digits and `. _ / : @ -` may stand in it" }
  let (tag, digest) = imageTag(image)
  if let tag, tag.isEmpty { return "the tag behind `:` is missing" }
  if let tag, tag.utf8.count > 128 { return "its tag has \(tag.utf8.count) characters, of which it may have 128" }
  if let tag, tag.hasPrefix(".") || tag.hasPrefix("-") { return "a tag begins with a letter, a digit or `_`" }
  if let tag, tag.contains(":") { return "only one `:` may stand behind the name" }
  if let digest {
    let parts = digest.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard parts.count == 2, parts[1].count >= 32,
      parts[1].allSatisfy({ $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x61 && $0 <= 0x66 })
    else { return "a digest is written `@sha256:` and hexadecimal digits" }
  }
  let name = bytes.prefix { $0 != UInt8(ascii: "@") }
  let parts = name.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  for (i, part) in parts.enumerated() {
    if i == 0, parts.count > 1, part.last == UInt8(ascii: ":") { return "it has no scheme: write `registry/name:tag`" }
    if part.isEmpty { return "a part between two `/` is missing" }
    let isHost =
      i == 0 && parts.count > 1
      && (part.contains(UInt8(ascii: ".")) || part.contains(UInt8(ascii: ":")) || part.elementsEqual("localhost".utf8))
    let bare = i == parts.count - 1 ? part.prefix { $0 != UInt8(ascii: ":") } : part
    if !isHost, bare.contains(where: { $0 >= 0x41 && $0 <= 0x5A }) { return "a repository is written in lower case" }
    if bare.isEmpty { return "a part of the name is missing" }
  }
  return nil
}
