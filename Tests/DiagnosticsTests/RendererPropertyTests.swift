import DiagnosticRendering
import Diagnostics
import KubernetesModel
import TestSupport
import Testing

extension SeededGenerator {
  mutating func bytes() -> [UInt8] {
    let pieces: [[UInt8]] = [
      [0x1B, 0x5B, 0x32, 0x4A], [0x0A], [0x0D], [0x0D, 0x0A], [0x09], [0xFF], [0xC2, 0x9B], [0xE2, 0x80, 0xAE],
      [0xE2, 0x80, 0xA8], Array("日本".utf8), Array("e\u{301}".utf8), Array("👩‍👩‍👧".utf8), Array("route a -> b".utf8), [0x07],
      [0x7F],
      [0xF0, 0x9F], [0x20],
    ]
    return (0..<Int.random(in: 0...30, using: &self)).flatMap { _ in pieces.randomElement(using: &self) ?? [] }
  }

  mutating func range(_ sources: SourceSet) -> SourceRange {
    let file = Int.random(in: 0...sources.files.count, using: &self)
    let count = file < sources.files.count ? sources.files[file].bytes.count : 3
    let a = Int.random(in: 0...(count + 2), using: &self)
    return SourceRange(file: FileID(file), a..<Int.random(in: a...(max(a, count) + 3), using: &self))
  }

  mutating func text() -> String { String(decoding: bytes(), as: UTF8.self) }

  mutating func diagnostic(_ sources: SourceSet) -> Diagnostic {
    Diagnostic(
      Code("R0101", "any", [.error, .warning, .note].randomElement(using: &self) ?? .error), text(),
      at: Label(range(sources), text()),
      secondary: (0..<Int.random(in: 0...4, using: &self)).map { _ in Label(range(sources), text()) },
      notes: [text()], help: text(),
      fixIts: [FixIt(text(), (0..<Int.random(in: 0...3, using: &self)).map { _ in Edit(range(sources), text()) })]
    )
  }
}

@Suite struct RendererPropertyTests {
  @Test(arguments: 1...8 as ClosedRange<UInt64>)
  func nothingOfTheSourceReachesTheTerminalUnseen(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<150 {
      var sources = SourceSet()
      for i in 0..<Int.random(in: 1...3, using: &generator) {
        sources.add(path: "f\(i)\u{1B}[2J", bytes: generator.bytes())
      }
      let diagnostics = (0..<3).map { _ in generator.diagnostic(sources) }
      let width: Int? = [nil, .min, 0, 1, 30, 80, .max].randomElement(using: &generator) ?? nil
      let text = TerminalRenderer(sources: sources, color: false, width: width).rendered(diagnostics)
      let leaked = text.unicodeScalars.filter {
        $0 != "\n" && ($0.value < 0x20 || 0x7F...0x9F ~= $0.value || 0x2028...0x202E ~= $0.value)
      }
      #expect(leaked.isEmpty, "seed \(seed) round \(round): \(leaked)")
      _ = TerminalRenderer(sources: sources, color: true, width: width).rendered(diagnostics)

      let github = GitHubRenderer(sources: sources).rendered(diagnostics)
      #expect(github.utf8.count { $0 == 0x0A } == 3, "seed \(seed) round \(round)")
      #expect(!github.unicodeScalars.contains { $0.value == 0x1B })

      let json = try parseJSON(JSONRenderer(sources: sources).rendered(diagnostics))
      #expect(json["diagnostics"]?.array?.count == 3)
      let sarif = try parseJSON(SARIFRenderer(sources: sources, pages: [], version: "1").rendered(diagnostics))
      #expect(sarif["runs"]?[0]?["results"]?.array?.count == 3)
    }
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>)
  func editsAreAppliedOrRefusedAsAWhole(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for round in 0..<500 {
      let bytes = (0..<Int.random(in: 0...20, using: &generator)).map { UInt8($0 + 65) }
      let edits = (0..<Int.random(in: 0...4, using: &generator)).map { i in
        let a = Int.random(in: 0...bytes.count, using: &generator)
        let b = Int.random(in: a...bytes.count, using: &generator)
        return Edit(SourceRange(file: FileID(0), a..<b), "<\(i)>")
      }
      let overlap = edits.indices.contains { i in
        edits.indices.contains { j in
          let (x, y) = (edits[i].range, edits[j].range)
          return i != j && max(x.start, y.start) < min(x.end, y.end)
            || i != j && x.isEmpty && y.start < x.start && x.start < y.end
        }
      }
      let result = SourceSet.applying(edits, to: bytes)
      #expect((result == nil) == overlap, "seed \(seed) round \(round): \(edits)")
      guard let result else { continue }
      // From the last to the first: the plainest way to apply edits.
      var expected = bytes
      let ordered = edits.enumerated().sorted {
        ($0.element.range.start, $0.element.range.end, $0.offset)
          > ($1.element.range.start, $1.element.range.end, $1.offset)
      }
      for (_, edit) in ordered {
        expected.replaceSubrange(Int(edit.range.start)..<Int(edit.range.end), with: edit.replacement.utf8)
      }
      #expect(result == expected, "seed \(seed) round \(round)")
    }
  }
}
