internal import Diagnostics
internal import RegularExpressions
internal import RolloutPlan

/// What a `verify` saw, for saying why it does not hold.
struct VerifyReport {
  let count: Int
  private let judge: AnswerJudge
  private let request: ProbeRequest
  private var rounds = 0
  /// The last round in which anybody answered.
  private var last: VerifyRound?
  private var lastError: ProbeError?
  private var endedInError = false

  /// Different answers that are shown.
  private static let shownAnswers = 5

  init(_ judge: AnswerJudge, request: ProbeRequest, count: Int) {
    self.judge = judge
    self.request = request
    self.count = count
  }

  mutating func add(_ round: VerifyRound) {
    rounds += 1
    if !round.answers.isEmpty { last = round }
    if let error = round.error { lastError = error }
    endedInError = round.error != nil
  }

  func failure(after time: Duration) -> VerifyFailure {
    let name = judge.probe.name
    var notes = [expected]
    if let last {
      // First what does not fit, in the order in which it came.
      let answers = tally(last.answers.filter { !$0.holds }) + tally(last.answers.filter(\.holds))
      for answer in answers.prefix(Self.shownAnswers) {
        notes.append("\(answer.count) of \(last.answers.count) answers: \(description(of: answer.value))")
      }
      let hidden = answers.count - Self.shownAnswers
      if hidden > 0 { notes.append("and \(hidden) other answers") }
    }
    if let lastError { notes.append("last error: \(lastError.message)") }
    notes.append(asked(time))
    guard let last else {
      return VerifyFailure(
        "`\(name)` gives no answer", code: .cannotAsk, notes: notes,
        help: "`--gateway HOST:PORT` says where visitors come in")
    }
    let good = last.answers.count(where: \.holds)
    let message =
      good == 0
      ? "`\(name)` \(claim(isDenied: true))"
      : "`\(name)` \(claim(isDenied: false)) in only \(good) of \(count) answers"
    return VerifyFailure(message, notes: notes, help: endedInError ? nil : help(last))
  }

  // MARK: - Words

  /// `matches \`percent\``, `does not match \`percent\``.
  private func claim(isDenied: Bool) -> String {
    switch judge.verification.expectation {
    case .matches(let pattern, let name):
      (isDenied ? "does not match" : "matches") + " `\(name ?? "'\(pattern)'")`"
    case .contains(let part): (isDenied ? "does not contain" : "contains") + " \(quote(part))"
    case .equals(let whole): (isDenied ? "is not" : "is") + " \(quote(whole))"
    case .status(let status): (isDenied ? "does not answer" : "answers") + " with status \(status)"
    }
  }

  private var expected: String {
    switch judge.verification.expectation {
    case .matches(let pattern, _): "expected: a text with a match of '\(printed(pattern))'"
    case .contains(let part): "expected: a text with \(quote(part)) in it"
    case .equals(let whole): "expected: \(quote(whole))"
    case .status(let status): "expected: status \(status)"
    }
  }

  private func asked(_ time: Duration) -> String {
    var text = "asked: \(request.method) \(request.path)"
    if let visitor = request.visitor { text += " as \(visitor.shown)" }
    text += rounds == 1 ? ", once" : ", \(rounds) times in \(shortText(time))"
    return text
  }

  private func description(of answer: JudgedAnswer) -> String {
    var parts: [String] = []
    if answer.status != 200 || answer.content == .ignored { parts.append("status \(answer.status)") }
    if let location = answer.location { parts.append("to \(printed(location)); redirects are not followed") }
    switch answer.content {
    case .ignored: break
    case .noElement: parts.append("no element \(quote(judge.probe.element ?? "")) in the page")
    case .text(let text): parts.append(answer.holds ? quote(text) : marked(text, status: answer.status))
    }
    if let source = answer.source { parts.append("from \(source)") }
    return parts.joined(separator: ", ")
  }

  /// The text with the place at which it stops being what was expected.
  private func marked(_ text: String, status: Int) -> String {
    guard (200..<300).contains(status) else { return quote(text) }
    if text.isEmpty { return "an empty text" }
    let bytes = Array(text.utf8.prefix(Self.longestSearch))
    switch judge.verification.expectation {
    case .matches: return split(bytes, judge.expression?.longestAttempt(in: bytes) ?? 0..<0)
    case .contains(let part): return split(bytes, longestBeginning(of: Array(part.utf8), in: bytes))
    case .equals(let whole):
      return split(bytes, 0..<zip(bytes, whole.utf8).prefix { $0 == $1 }.count)
    case .status: return quote(text)
    }
  }

  private static let longestSearch = 1024

  /// `"Cats: 3" fits, then " | Dogs: 4" does not`.
  private func split(_ text: [UInt8], _ fit: Range<Int>) -> String {
    var end = fit.upperBound
    // Not inside of a character.
    while end > fit.lowerBound, end < text.count, text[end] & 0xC0 == 0x80 { end -= 1 }
    let rest = String(decoding: text[end...], as: UTF8.self)
    // One or two characters in common are chance.
    guard end - fit.lowerBound > 2 else { return quote(String(decoding: text, as: UTF8.self)) }
    let good = String(decoding: text[..<end], as: UTF8.self)
    if rest.isEmpty { return "\(quote(good, keepsEnd: true)) fits, then the text ends" }
    return "\(quote(good, keepsEnd: true)) fits, then \(quote(rest)) does not"
  }

  private func longestBeginning(of part: [UInt8], in text: [UInt8]) -> Range<Int> {
    var best = 0..<0
    for start in text.indices {
      let count = zip(text[start...], part).prefix { $0 == $1 }.count
      if count > best.count { best = start..<(start + count) }
    }
    return best
  }

  private func help(_ last: VerifyRound) -> String? {
    if last.answers.contains(where: { $0.location != nil }) {
      return "probe the page that visitors end up at, or verify the status itself"
    }
    return nil
  }
}

// MARK: - Texts of others

/// Texts from outside are shortened and cannot steer a terminal.
private let longestQuote = 120

/// In quotes, shortened at its end, or at its beginning where the end is what matters.
func quote(_ text: String, keepsEnd: Bool = false) -> String {
  let shown = printed(text)
  if shown.count <= longestQuote { return "\"\(shown)\"" }
  return keepsEnd ? "\"…\(shown.suffix(longestQuote - 1))\"" : "\"\(shown.prefix(longestQuote - 1))…\""
}

/// Line breaks as `\n`, other control characters not at all.
func printed(_ text: String) -> String {
  var scalars = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\n": scalars.append(contentsOf: "\\n".unicodeScalars)
    case "\t": scalars.append(" ")
    default:
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator: continue
      default: scalars.append(scalar)
      }
    }
  }
  return String(scalars)
}

extension Selector {
  /// `cookie featureflag=on`. What opens doors elsewhere is named and not shown.
  var shown: String {
    switch self {
    case .cookie(let key, let value): "cookie \(key)=\(value ?? Self.anyCookieValue)"
    case .header(let key, let value):
      ["authorization", "proxy-authorization", "cookie"].contains(key) ? "header \(key)" : "header \(key)=\(value)"
    case .headerMatches(let key, let pattern): "header \(key) matching '\(pattern)'"
    }
  }
}
