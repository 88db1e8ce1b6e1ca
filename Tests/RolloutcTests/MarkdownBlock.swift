import Foundation
import TestSupport
import Testing

/// A block of code in a page of the documentation.
struct MarkdownBlock: CustomTestStringConvertible, Sendable {
  /// Relative to the repository.
  var page: String
  /// The line of the opening fence.
  var line: Int
  /// `rollout`, `console`, `yaml`, …
  var language: String
  /// What stands behind it: `excerpt`, `fragment`.
  var mark: String
  var lines: [String]
  /// The command in a comment right above: `<!-- rolloutc PLAN --step 2 -->`.
  var command: String?

  var text: String { lines.joined(separator: "\n") + "\n" }

  /// `# hello.rollout` in its first line names the file that the page asks its reader to save.
  var fileName: String? {
    guard let first = lines.first, first.hasPrefix("# "), first.hasSuffix(".rollout"), !first.dropFirst(2).contains(" ")
    else { return nil }
    return String(first.dropFirst(2))
  }

  var testDescription: String { "\(page):\(line)" }

  /// The pieces between the lines that say `# …`.
  var pieces: [String] {
    lines.split(separator: "# …", omittingEmptySubsequences: true) { $0.trimmingCharacters(in: .whitespaces) }
      .map { $0.joined(separator: "\n") + "\n" }
  }

  static let pages: [String] = {
    let docs = (try? FileManager.default.contentsOfDirectory(atPath: Goldens.root + "/docs")) ?? []
    return ["CHANGELOG.md", "README.md"] + docs.filter { $0.hasSuffix(".md") }.sorted().map { "docs/" + $0 }
  }()

  static func all(in page: String) -> [MarkdownBlock] {
    let lines = String(decoding: Goldens.bytes(page) ?? [], as: UTF8.self).components(separatedBy: "\n")
    var blocks: [MarkdownBlock] = []
    var open: MarkdownBlock?
    for (index, line) in lines.enumerated() {
      if line.hasPrefix("```") {
        if let block = open {
          blocks.append(block)
          open = nil
          continue
        }
        let words = line.dropFirst(3).split(separator: " ").map(String.init)
        var block = MarkdownBlock(
          page: page, line: index + 1, language: words.first ?? "", mark: words.dropFirst().joined(separator: " "),
          lines: [])
        if index > 0, lines[index - 1].hasPrefix("<!-- rolloutc "), lines[index - 1].hasSuffix(" -->") {
          block.command = String(lines[index - 1].dropFirst(5).dropLast(4))
        }
        open = block
      } else {
        open?.lines.append(line)
      }
    }
    if let open { blocks.append(open) }
    return blocks
  }

  static let all: [MarkdownBlock] = pages.flatMap { all(in: $0) }
}

extension Array {
  /// Splits where `form` of an element is `separator`.
  fileprivate func split<T: Equatable>(
    separator: T, omittingEmptySubsequences: Bool, _ form: (Element) -> T
  ) -> [[Element]] {
    var parts: [[Element]] = [[]]
    for element in self {
      if form(element) == separator { parts.append([]) } else { parts[parts.count - 1].append(element) }
    }
    return omittingEmptySubsequences ? parts.filter { !$0.isEmpty } : parts
  }
}
