import Foundation
import KubernetesModel
import Lowering
import YAMLCoding

/// Somebody's own files about the same applications, beside this repository; absent in a plain checkout.
enum ReferenceObjects {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../shared/reference")
    .standardizedFileURL

  static func exist(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: folder.appending(path: path).path)
  }

  static func read(_ path: String) throws -> [Value] {
    try parseYAML(Array(Data(contentsOf: folder.appending(path: path))))
  }

  /// Paths at which two objects differ, with `*` for every item of a list. Where a path is `skipped`, what is below it
  /// is not looked at.
  static func differences(_ a: Value?, _ b: Value?, path: [String] = [], skipped: (String) -> Bool) -> [String] {
    let text = path.joined(separator: "/")
    if skipped(text) { return [] }
    switch (a, b) {
    case (.object(let x)?, .object(let y)?):
      let keys = x.keys + y.keys.filter { x[$0] == nil }
      return keys.flatMap { differences(x[$0], y[$0], path: path + [$0], skipped: skipped) }
    case (.array(let x)?, .array(let y)?) where x.count == y.count:
      return zip(x, y).flatMap { differences($0, $1, path: path + ["*"], skipped: skipped) }
    default: return a == b ? [] : [text]
    }
  }
}
