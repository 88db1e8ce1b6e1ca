import Diagnostics
import RolloutSyntax
import TestSupport

func parse(_ bytes: [UInt8], path: String = "test.rollout") -> SyntaxTree {
  RolloutSyntax.parse(SourceFile(id: FileID(0), path: path, bytes: bytes))
}

func parse(_ text: String) -> SyntaxTree { parse(Array(text.utf8)) }

extension SyntaxTree {
  /// The tree without its bytes: forms, what they captured by text, blocks, comments.
  var dump: String {
    var out = ""
    func visit(_ index: Int, _ indentation: String) {
      let node = statements[index]
      out += indentation + (node.form.map { "\($0)" } ?? "?") + (node.isBroken ? " (broken)" : "")
      for capture in captures[node.captures] {
        if let keyword = capture.keyword {
          out += " \(keyword.text)"
        } else if let slot = capture.slot {
          out += " \(slot.notation):" + file.text(range(ofToken: capture.token)).debugDescription
        }
      }
      out += node.hasBlock ? " {\n" : "\n"
      for child in node.children { visit(child, indentation + "  ") }
      if node.hasBlock { out += indentation + "}\n" }
    }
    for root in roots { visit(root, "") }
    for comment in comments {
      var text = file.text(comment.range)
      while text.last == " " || text.last == "\t" { text.removeLast() }
      out += "\(text)\n"
    }
    return out
  }

  /// One line per diagnostic: place, code, message.
  var problems: String {
    let map = LineMap(file)
    return diagnostics.inReadingOrder.map { diagnostic in
      let range = diagnostic.primary.range
      let at = map.position(at: range.start)
      let end = map.position(at: range.end)
      return "\(at.line):\(at.column)-\(end.line):\(end.column) \(diagnostic.code.id) \(diagnostic.message)\n"
    }.joined()
  }
}
