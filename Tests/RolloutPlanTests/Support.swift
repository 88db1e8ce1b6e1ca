import Diagnostics
import Foundation
import RolloutPlan
import TestSupport

/// Resolves a plan of the repository; the files that it names are read from beside it.
func resolved(_ bytes: [UInt8], path: String = "plan.rollout", options: ResolutionOptions = ResolutionOptions())
  -> Resolution
{
  resolve(path: path, bytes: bytes, options: options, loader: .repository)
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

  /// The diagnostics whose edits do not remove them, so that the same code and message is as frequent after the edits,
  /// or that put another error in their place.
  /// - Parameter counts: whether an error counts as another one; in a plan that the parser refuses there may be more
  ///   behind the one that is mended, which was not said before.
  func uselessFixIts(counting counts: (Code) -> Bool = { _ in true }, again: ([UInt8]) -> Resolution) -> [String] {
    var problems: [String] = []
    let before = errorCounts(counts)
    for diagnostic in diagnostics {
      for fixIt in diagnostic.fixIts {
        guard let file = sources[diagnostic.primary.range.file], file.id == sources.files[0].id,
          fixIt.edits.allSatisfy({ $0.range.file == file.id })
        else { continue }
        let name = "\(diagnostic.code.id) \(diagnostic.message): `\(fixIt.message)`"
        guard let mended = SourceSet.applying(fixIt.edits, to: file.bytes) else {
          problems.append("\(name) has edits that overlap")
          continue
        }
        let isSame: (Diagnostic) -> Bool = { $0.code == diagnostic.code && $0.message == diagnostic.message }
        let after = again(mended)
        if after.diagnostics.filter(isSame).count >= diagnostics.filter(isSame).count {
          problems.append("\(name) does not remove it")
        }
        for (error, count) in after.errorCounts(counts) where count > before[error, default: 0] {
          problems.append("\(name) makes \(error)")
        }
      }
    }
    return problems
  }

  private func errorCounts(_ counts: (Code) -> Bool) -> [String: Int] {
    diagnostics.filter { $0.severity == .error && counts($0.code) }
      .reduce(into: [:]) { $0["\($1.code.id) \($1.message)", default: 0] += 1 }
  }
}
