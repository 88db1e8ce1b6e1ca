package import Diagnostics

/// What a file of `Tests/Corpus/errors` says about itself. Under a line with a fault stands, per diagnostic,
/// `#~ R0101 text`, where the text, if given, is part of the message.
package struct Expectations: Sendable {
  package struct Expectation: Sendable {
    /// 1-based; the last line before it that is no expectation itself.
    package var line: Int
    package var code: String
    package var text: String
  }

  package private(set) var all: [Expectation] = []

  package init(_ bytes: [UInt8]) {
    var line = 0
    for (index, text) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
      let blanks = text.prefix { $0 == 0x20 || $0 == 0x09 }.count
      let body = text.dropFirst(blanks)
      guard body.starts(with: "#~".utf8) else {
        line = index + 1
        continue
      }
      let words = String(decoding: body.dropFirst(2), as: UTF8.self).split(separator: " ", maxSplits: 1)
      guard let code = words.first else { continue }
      all.append(
        Expectation(line: line, code: String(code), text: words.count > 1 ? String(words[1]).trimmed : ""))
    }
  }

  /// What differs, line by line; nil where nothing does.
  package func mismatch(with diagnostics: [Diagnostic], in file: SourceFile) -> String? {
    let map = LineMap(file)
    var rest = all
    var problems: [String] = []
    for diagnostic in diagnostics {
      let line = map.line(at: diagnostic.primary.range.start)
      let found = rest.firstIndex {
        $0.line == line && $0.code == diagnostic.code.id && ($0.text.isEmpty || diagnostic.message.contains($0.text))
      }
      if let found {
        rest.remove(at: found)
      } else {
        problems.append("not expected: \(line): \(diagnostic.code.id) \(diagnostic.message)")
      }
    }
    problems += rest.map { "expected, and not there: \($0.line): \($0.code) \($0.text)" }
    return problems.isEmpty ? nil : problems.joined(separator: "\n")
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self[...]
    while text.last == " " || text.last == "\r" { text.removeLast() }
    return String(text)
  }
}
