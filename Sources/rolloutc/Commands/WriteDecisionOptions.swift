import Diagnostics
import Lowering

extension Compiled {
  /// Refuses decisions about objects that the plan never writes: they would be about nothing, and whoever made them has
  /// another object in mind.
  /// - Parameters:
  ///   - takes: fields, as a conflict shows them: `Deployment/web-1-0:.spec.replicas`.
  ///   - adopts: objects: `Deployment/web-1-0`.
  ///   - recreates: objects, too.
  func checkDecisions(takes: [String], adopts: [String], recreates: [String]) throws {
    if takes.isEmpty, adopts.isEmpty, recreates.isEmpty { return }
    var written: Set<String> = []
    for step in steps {
      for segment in step.segments {
        for phase in segment.phases { for write in phase.writes { written.insert("\(write.id)") } }
      }
    }
    func check(_ object: String, _ option: String) throws {
      if written.contains(object) { return }
      let similar = nearest(to: object, in: written.sorted())
      throw Failure(
        "`\(option)`: the plan writes no object `\(object)`" + (similar.map { "; a similar one is `\($0)`" } ?? ""),
        code: Exit.usage)
    }
    for take in takes {
      guard let colon = take.firstIndex(of: ":") else {
        throw Failure("`--take \(take)` is not OBJECT:FIELD, as a conflict shows it", code: Exit.usage)
      }
      try check(String(take[..<colon]), "--take \(take)")
    }
    for adopt in adopts { try check(adopt, "--adopt \(adopt)") }
    for recreate in recreates { try check(recreate, "--recreate \(recreate)") }
  }
}
