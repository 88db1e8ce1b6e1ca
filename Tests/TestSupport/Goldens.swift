import Foundation
package import Testing

/// The files that tests read and compare with. Golden files are rewritten only with `UPDATE_GOLDENS=1`, and that run
/// fails, so that no run which changed its own expectation ever counts.
package enum Goldens {
  package static let isUpdating = ProcessInfo.processInfo.environment["UPDATE_GOLDENS"] == "1"

  /// The root of the repository, found from this file's place.
  package static let root: String = #filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 }

  package static func bytes(_ path: String) -> [UInt8]? {
    FileManager.default.contents(atPath: path.first == "/" ? path : "\(root)/\(path)").map(Array.init)
  }

  /// Compares `actual` with the file at `path`, relative to the repository; with `UPDATE_GOLDENS=1` writes it.
  package static func check(
    _ actual: [UInt8], against path: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let expected = bytes(path)
    guard expected != actual else { return }
    if isUpdating {
      let url = URL(fileURLWithPath: "\(root)/\(path)")
      do {
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(actual).write(to: url)
        Issue.record("\(path) was rewritten: read the difference", sourceLocation: sourceLocation)
      } catch {
        Issue.record(error, "writing \(path)", sourceLocation: sourceLocation)
      }
      return
    }
    let text = String(decoding: actual, as: UTF8.self)
    guard let expected else {
      Issue.record("\(path) is missing; it should be:\n\(text)", sourceLocation: sourceLocation)
      return
    }
    Issue.record(
      "\(path) differs:\n\(firstDifference(String(decoding: expected, as: UTF8.self), text))\n--- actual:\n\(text.prefix(20_000))",
      sourceLocation: sourceLocation)
  }

  package static func check(
    _ actual: String, against path: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    check(Array(actual.utf8), against: path, sourceLocation: sourceLocation)
  }

  private static func firstDifference(_ a: String, _ b: String) -> String {
    let x = a.split(separator: "\n", omittingEmptySubsequences: false)
    let y = b.split(separator: "\n", omittingEmptySubsequences: false)
    var i = 0
    while i < x.count, i < y.count, x[i] == y[i] { i += 1 }
    let old = i < x.count ? String(x[i]) : "(the end)"
    let new = i < y.count ? String(y[i]) : "(the end)"
    return "line \(i + 1):\n- \(old)\n+ \(new)"
  }
}

/// A file of `Tests/Corpus`, or of `plans`.
package struct CorpusFile: Sendable, CustomTestStringConvertible {
  /// Relative to the repository: `Tests/Corpus/syntax/route.rollout`.
  package var path: String

  package var bytes: [UInt8] { Goldens.bytes(path) ?? [] }

  /// The path of the file beside it that has another ending.
  package func sibling(_ ending: String) -> String {
    let stem = path.split(separator: ".", omittingEmptySubsequences: false).dropLast().joined(separator: ".")
    return stem + "." + ending
  }

  package var testDescription: String { path }

  /// The files in `folder` whose names end in `.ending`, by name. There are some: a test of none would pass.
  package static func all(in folder: String, ending: String) -> [CorpusFile] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(Goldens.root)/\(folder)")) ?? []
    let files = names.filter { $0.hasSuffix("." + ending) }.sorted().map { CorpusFile(path: "\(folder)/\($0)") }
    precondition(!files.isEmpty, "\(folder) has no .\(ending) files")
    return files
  }
}
