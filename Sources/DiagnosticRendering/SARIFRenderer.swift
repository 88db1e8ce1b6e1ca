package import Diagnostics
internal import KubernetesModel

/// Diagnostics as a SARIF 2.1.0 log (OASIS), for code scanning. Columns count Unicode scalars.
package struct SARIFRenderer {
  /// The version of rolloutc.
  package let version: String
  /// The documentation of codes; `helpBase` and the code's id make its address.
  package let helpBase: String?
  private let pages: [CodePage]
  private let places: Places

  /// - Parameter pages: what is known of the codes; a code without a page is listed by its names only.
  package init(sources: SourceSet, pages: [CodePage], version: String, helpBase: String? = nil) {
    places = Places(sources)
    self.pages = pages
    self.version = version
    self.helpBase = helpBase
  }

  /// One JSON object and a line break.
  ///
  /// - Parameter others: what else belongs into the same run, each with the renderer of its sources.
  /// - Parameter failures: why nothing could be said of something that was asked about.
  package func rendered(
    _ diagnostics: [Diagnostic], with others: [(SARIFRenderer, [Diagnostic])] = [], failures: [String] = []
  ) -> [UInt8] {
    let all = [(self, diagnostics)] + others
    let diagnostics = all.flatMap(\.1)
    var rules = pages.map(rule)
    var index: [String: Int] = [:]
    for (i, page) in pages.enumerated() where index[page.code.id] == nil { index[page.code.id] = i }
    for diagnostic in diagnostics where index[diagnostic.code.id] == nil {
      index[diagnostic.code.id] = rules.count
      rules.append(.object(identity(diagnostic.code)))
    }
    var driver: Fields = ["name": "rolloutc", "version": .string(version)]
    if let helpBase { driver["informationUri"] = .string(helpBase) }
    driver["rules"] = .array(rules)
    let shown = all.flatMap { renderer, found in found.map { (renderer, $0) } }.prefix(longestResult)
    var run: Fields = [
      "tool": ["driver": .object(driver)],
      "columnKind": "unicodeCodePoints",
      "results": .array(shown.map { $0.result($1, index) }),
    ]
    var news: [(level: String, text: String)] = failures.map { ("error", $0) }
    if shown.count < diagnostics.count {
      news.append(("warning", "\(diagnostics.count - shown.count) more results are left off"))
    }
    if !news.isEmpty {
      let notifications = news.map {
        Value.object(["level": .string($0.level), "message": ["text": .string($0.text)]])
      }
      run["invocations"] = [
        ["executionSuccessful": .bool(failures.isEmpty), "toolExecutionNotifications": .array(notifications)]
      ]
    }
    let log: Value = [
      "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
      "version": "2.1.0",
      "runs": [.object(run)],
    ]
    return jsonBytes(log, pretty: true) + [0x0A]
  }

  private func identity(_ code: Code) -> Fields {
    var fields: Fields = [
      "id": .string(code.id),
      "name": .string(code.slug),
      "defaultConfiguration": ["level": .string(code.severity.rawValue)],
    ]
    if let helpBase { fields["helpUri"] = .string(helpBase + code.id) }
    return fields
  }

  private func rule(_ page: CodePage) -> Value {
    var fields = identity(page.code)
    fields["shortDescription"] = ["text": .string(page.title)]
    fields["fullDescription"] = ["text": .string(page.why)]
    fields["help"] = ["text": .string(page.fix)]
    return .object(fields)
  }

  private func result(_ diagnostic: Diagnostic, _ index: [String: Int]) -> Value {
    var lines = [diagnostic.message]
    if !diagnostic.primary.text.isEmpty { lines[0] += " (\(diagnostic.primary.text))" }
    lines += diagnostic.notes.map { "note: \($0)" }
    if let help = diagnostic.help { lines.append("help: \(help)") }
    var fields: Fields = ["ruleId": .string(diagnostic.code.id)]
    if let i = index[diagnostic.code.id] { fields["ruleIndex"] = .int(i) }
    fields["level"] = .string(diagnostic.severity.rawValue)
    fields["message"] = ["text": .string(clipped(lines.joined(separator: "\n")))]
    if let location = physicalLocation(diagnostic.primary.range) {
      fields["locations"] = [["physicalLocation": location]]
    }
    let related: [Value] = diagnostic.secondary.compactMap { label in
      physicalLocation(label.range).map { ["physicalLocation": $0, "message": ["text": .string(clipped(label.text))]] }
    }
    if !related.isEmpty { fields["relatedLocations"] = .array(related) }
    let fixes = diagnostic.fixIts.compactMap(fix)
    if !fixes.isEmpty { fields["fixes"] = .array(fixes) }
    return .object(fields)
  }

  private func physicalLocation(_ range: SourceRange) -> Value? {
    places.place(range).map {
      ["artifactLocation": ["uri": .string(uri($0.path))], "region": region($0.start, $0.end)]
    }
  }

  private func region(_ start: LineColumn, _ end: LineColumn) -> Value {
    [
      "startLine": .int(start.line), "startColumn": .int(start.column),
      "endLine": .int(end.line), "endColumn": .int(end.column),
    ]
  }

  private func fix(_ fixIt: FixIt) -> Value? {
    var order: [FileID] = []
    for edit in fixIt.edits where !order.contains(edit.range.file) { order.append(edit.range.file) }
    let changes: [Value] = order.compactMap { file in
      guard let path = places.sources[file]?.path else { return nil }
      let replacements: [Value] = fixIt.edits.filter { $0.range.file == file }.compactMap { edit in
        places.place(edit.range).map {
          [
            "deletedRegion": region($0.start, $0.end),
            "insertedContent": ["text": .string(edit.replacement)],
          ]
        }
      }
      return ["artifactLocation": ["uri": .string(uri(path))], "replacements": .array(replacements)]
    }
    // A fix needs at least one change (SARIF 2.1.0, §3.55.3).
    guard !changes.isEmpty else { return nil }
    return ["description": ["text": .string(fixIt.message)], "artifactChanges": .array(changes)]
  }

  /// A path as a relative reference, or a `file:` URI where it is absolute (RFC 3986).
  private func uri(_ path: String) -> String {
    var output = path.hasPrefix("/") ? "file://" : ""
    let hex = Array("0123456789ABCDEF")
    for byte in pathInRepository(path).utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        output.unicodeScalars.append(Unicode.Scalar(byte))
      default: output += "%\(hex[Int(byte >> 4)])\(hex[Int(byte & 15)])"
      }
    }
    return output
  }
}
