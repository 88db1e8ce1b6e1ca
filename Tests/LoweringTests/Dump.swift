import Diagnostics
import Foundation
import KubernetesModel
import Lowering
import YAMLCoding

/// The phases of a plan as a person reads them: what is written where, why, and what must hold before going on.
func dump(_ compiled: Compiled, objects: Bool = true) -> String {
  var text = ""
  for step in compiled.steps {
    for segment in step.segments {
      text += "=== \(segment.stamp)\n"
      for phase in segment.phases {
        text += "--- \(phase.kind.rawValue)\n"
        for write in phase.writes {
          text += "# \(write.action.rawValue) \(write.id) (line \(write.origin.start))\n"
          if objects, let object = write.object { text += String(decoding: yamlBytes(object), as: UTF8.self) }
        }
        for gate in phase.gates { text += "> \(dump(gate))\n" }
      }
    }
  }
  return text
}

func dump(_ gate: Gate) -> String {
  switch gate {
  case .ready(let targets):
    "ready: "
      + targets.map { target in
        "\(target.deployment)" + (target.withinMilliseconds.map { " within \($0) ms" } ?? "")
      }.joined(separator: ", ")
  case .settled(let stamp): "settled" + (stamp.map { ": \($0)" } ?? "")
  case .drained(let versions, let byTime):
    "drained: " + versions.map { "\($0.app) \($0.version)" }.joined(separator: ", ")
      + (byTime.isEmpty ? "" : "; by time: " + byTime.map { "\($0.app) \($0.version)" }.joined(separator: ", "))
  case .stopped(let ids): "stopped: " + ids.map(\.description).joined(separator: ", ")
  case .established(let ids): "established: " + ids.map(\.description).joined(separator: ", ")
  }
}

/// Compares with a golden file beside the tests; with UPDATE_GOLDENS=1 writes it, and says that it differed.
func matchesGolden(_ text: String, _ name: String) throws -> Bool {
  let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/\(name).txt")
  let old = try? String(contentsOf: url, encoding: .utf8)
  if old == text { return true }
  if ProcessInfo.processInfo.environment["UPDATE_GOLDENS"] != nil {
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try text.write(to: url, atomically: true, encoding: .utf8)
  }
  return false
}
