import Foundation
import Pictures
import RequestTracing
import TestSupport
import Testing

/// Names that would be markup, escapes or control sequences if they were written as they are.
private let nasty = [
  "<script>alert(1)</script>", "a\"b'c&d", "]]>", "\u{1B}[31mred", "\u{202E}backwards", "back\\slash \\n \\",
  "`code` *b* _i_ #1",
  "\u{0}\u{8}\u{FFFE}", "日本語のバージョン", "{}|[]()<>;", "--> x", "%%comment", "end",
  String(repeating: "long ", count: 80),
]

private func nastyPicture(_ n: Int) -> GraphPicture {
  let name = nasty[n % nasty.count]
  return GraphPicture(
    title: name, subtitle: name, entries: [.init(name: name, detail: name)],
    components: [
      .init(name: name, versions: [.init(name: name, detail: name, release: 0)], calls: [1]),
      .init(
        name: name,
        versions: [.init(name: name, standing: .dark), .init(name: "b", detail: name, standing: .copies, release: 0)],
        calls: [0, 1]),
    ],
    releases: [.init(name: name, color: n)],
    edges: [
      .init(from: .entry(0), to: .init(0, 0), label: name),
      .init(from: .version(.init(0, 0)), to: .init(1, 1), label: name, kind: .copies),
      .init(from: .version(.init(1, 1)), to: .init(0, 0), label: name),
      .init(from: .version(.init(1, 1)), to: .init(1, 1), label: name),
      .init(from: .version(.init(1, 1)), to: .init(1, 0), label: ""),
    ])
}

private let samples: [GraphPicture] =
  nasty.indices.map(nastyPicture) + [GraphPicture(title: "nothing")]
  + (0..<40).flatMap { n in
    (PlanMoment.all(seed: 900 + n) + [.any(seed: 900 + n)]).map { GraphPicture(Survey($0.mesh), title: $0.name) }
  }

/// Other readers take what is written, whatever the plan's names are.
struct FormatTests {
  @Test(.needs("python3")) func svgIsWellFormedForPython() throws {
    let python = try #require(Programs.installed("python3"))
    let script = """
      import sys
      from xml.dom import minidom
      SVG = "http://www.w3.org/2000/svg"
      for path in sys.argv[1:]:
          root = minidom.parse(path).documentElement
          assert (root.tagName, root.namespaceURI) == ("svg", SVG), path
          assert root.getElementsByTagName("script").length == 0, path
          assert root.childNodes[1].tagName == "title" and root.getElementsByTagName("desc").length == 1, path
          for node in root.getElementsByTagName("*"):
              assert node.tagName in "svg title desc style g rect path text".split(), (path, node.tagName)
              assert not any(name.startswith("on") or "href" in name for name in node.attributes.keys()), path
      print(len(sys.argv) - 1)
      """
    let outcome = try Programs.run(python, ["-c", script], on: samples.map(\.svg) + [GraphPicture.svg(samples)])
    #expect(outcome.code == 0, "\(outcome.words)")
    #expect(outcome.words == "\(samples.count + 1)\n")
  }

  @Test(.needs("dot")) func dotIsReadByGraphviz() throws {
    let dot = try #require(Programs.installed("dot"))
    // A process for each: over all of them in one, Graphviz 2.43 ended by a signal.
    for text in samples.map({ GraphPicture.dot([$0]) }) + [GraphPicture.dot(Array(samples.prefix(4)))] {
      let outcome = try Programs.run(dot, ["-Tsvg", "-o/dev/null"], on: [text])
      #expect(outcome.code == 0 && outcome.words.isEmpty, "\(outcome.code) \(outcome.words.prefix(500))\n\(text)")
    }
  }

  /// Mermaid's own parser is a JavaScript program; here its grammar for the few forms that are used (flowchart: nodes,
  /// subgraphs, edges with quoted text, classes).
  @Test func mermaidKeepsToItsForms() {
    let id = "[a-z][a-z0-9]*"
    let text = #""(?:[^"`<>&\\]|<br/>)*""#
    let forms = [
      "flowchart LR", "subgraph \(id)\\[\(text)\\]", "end", "\(id)\\(\\[\(text)\\]\\)",
      "\(id)\\[\(text)\\](?::::(?:dark|copies))?", "\(id) (?:-->|-\\.->)(?:\\|\(text)\\|)? \(id)",
      "classDef [a-z]+ [a-z-]+:[^;]+",
    ]
    guard let line = try? Regex("(?:" + forms.joined(separator: "|") + ")") else {
      Issue.record("the forms are no expression")
      return
    }
    for text in samples.map({ GraphPicture.mermaid([$0]) }) + [GraphPicture.mermaid(samples)] {
      var depth = 0
      var ids: Set<Substring> = []
      for raw in text.split(separator: "\n") {
        let words = raw.drop { $0 == " " }
        #expect(words.wholeMatch(of: line) != nil, "\(words)")
        if words.hasPrefix("subgraph ") { depth += 1 }
        if words == "end" { depth -= 1 }
        if let declared = words.firstMatch(of: /^(?:subgraph )?([a-z][a-z0-9]*)[\[(]/) {
          #expect(ids.insert(declared.1).inserted, "\(declared.1) is declared twice")
        }
        if let edge = words.firstMatch(of: /^([a-z0-9]+) -.* ([a-z0-9]+)$/) {
          #expect(ids.contains(edge.1) && ids.contains(edge.2), "\(words)")
        }
      }
      #expect(depth == 0)
    }
  }

  @Test func nastyNamesStillDoNotOverlap() {
    for n in nasty.indices { checkLayout(nastyPicture(n), nasty[n]) }
  }

  /// In both schemes: WCAG 2.1, 1.4.3 (text, 4.5 to 1) and 1.4.11 (lines, 3 to 1).
  @Test func whatIsReadHasContrast() throws {
    for scheme in [Scheme.light, Scheme.dark] {
      let grounds = [scheme.page, scheme.box, scheme.version] + scheme.accents.map(\.ground)
      for ground in grounds {
        #expect(try contrast(scheme.text, ground) >= 4.5, "\(scheme.text) on \(ground)")
        #expect(try contrast(scheme.quiet, ground) >= 4.5, "\(scheme.quiet) on \(ground)")
      }
      #expect(try contrast(scheme.quiet, scheme.dark) >= 4.5, "versions without traffic")
      #expect(try contrast(scheme.line, scheme.page) >= 3)
      for accent in scheme.accents {
        #expect(try contrast(accent.line, accent.ground) >= 4.5, "\(accent)")
        #expect(try contrast(accent.line, scheme.page) >= 3, "\(accent)")
      }
    }
  }

  private func contrast(_ a: String, _ b: String) throws -> Double {
    let (x, y) = (try luminance(a), try luminance(b))
    return (max(x, y) + 0.05) / (min(x, y) + 0.05)
  }

  /// WCAG 2.1: relative luminance of an sRGB colour.
  private func luminance(_ color: String) throws -> Double {
    let value = try #require(Int(color.dropFirst(), radix: 16))
    let channels = [value >> 16 & 0xFF, value >> 8 & 0xFF, value & 0xFF].map { channel -> Double in
      let c = Double(channel) / 255
      return c <= 0.03928 ? c / 12.92 : power((c + 0.055) / 1.055)
    }
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]
  }

  private func power(_ base: Double) -> Double { pow(base, 2.4) }
}
