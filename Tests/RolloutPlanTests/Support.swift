import Diagnostics
import Foundation
import RolloutPlan
import TestSupport

/// Resolves a plan of the repository; the files that it names are read from beside it.
func resolved(_ bytes: [UInt8], path: String = "plan.rollout", options: ResolutionOptions = ResolutionOptions())
  -> Resolution
{
  resolve(
    path: path, bytes: bytes, options: options,
    loader: FileLoader { path in Goldens.bytes(path).map { .success($0) } ?? .failure(FileError("no such file")) })
}

func resolved(_ plan: String) -> Resolution { resolved(Array(plan.utf8)) }

extension Resolution {
  /// One line per diagnostic: `12:7 R0202 there is no cookie named …`.
  var problems: String {
    diagnostics.map { diagnostic in
      guard let file = sources[diagnostic.primary.range.file] else { return "no file: \(diagnostic.message)" }
      let place = LineMap(file).position(at: diagnostic.primary.range.start)
      return "\(file.path):\(place.line):\(place.column) \(diagnostic.code.id) \(diagnostic.message)"
    }.joined(separator: "\n")
  }

  /// What is wrong with the diagnostics themselves: ranges outside of their files, or the wrong way round.
  var badRanges: [String] {
    diagnostics.flatMap { diagnostic -> [String] in
      let ranges =
        [diagnostic.primary.range] + diagnostic.secondary.map(\.range)
        + diagnostic.fixIts.flatMap { $0.edits.map(\.range) }
      return ranges.compactMap { range in
        guard let file = sources[range.file] else { return "\(diagnostic.code.id): no such file" }
        return Int(range.end) <= file.bytes.count && range.start <= range.end
          ? nil : "\(diagnostic.code.id): \(range.start)..<\(range.end) of \(file.bytes.count)"
      }
    }
  }

  /// The diagnostics whose edits do not remove them: the same code and message is as frequent after the edits.
  func uselessFixIts(again: ([UInt8]) -> Resolution) -> [String] {
    var problems: [String] = []
    for diagnostic in diagnostics {
      for fixIt in diagnostic.fixIts {
        guard let file = sources[diagnostic.primary.range.file], file.id == sources.files[0].id,
          fixIt.edits.allSatisfy({ $0.range.file == file.id })
        else { continue }
        guard let mended = SourceSet.applying(fixIt.edits, to: file.bytes) else {
          problems.append("\(diagnostic.code.id) \(diagnostic.message): `\(fixIt.message)` has edits that overlap")
          continue
        }
        let isSame: (Diagnostic) -> Bool = { $0.code == diagnostic.code && $0.message == diagnostic.message }
        let after = again(mended).diagnostics.filter(isSame).count
        if after >= diagnostics.filter(isSame).count {
          problems.append("\(diagnostic.code.id) \(diagnostic.message): `\(fixIt.message)` does not remove it")
        }
      }
    }
    return problems
  }
}
