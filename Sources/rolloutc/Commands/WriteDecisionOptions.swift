import ApplyEngine
import ArgumentParser
import Diagnostics
import Lowering

/// What a person decides about objects and fields that others hold, or took away.
struct WriteDecisionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Take a field from whoever manages it: OBJECT:FIELD, as the conflict shows it.", valueName: "field"))
  var take: [String] = []

  @Option(
    help: ArgumentHelp("Make an object the plan's that is there already: Deployment/web-1-0.", valueName: "object"))
  var adopt: [String] = []

  @Option(
    help: ArgumentHelp(
      "Make an object of the plan again that somebody deleted: Deployment/web-1-0.", valueName: "object"))
  var recreate: [String] = []

  var value: WriteDecisions { WriteDecisions(takes: Set(take), adopts: Set(adopt), recreates: Set(recreate)) }

  /// Refuses decisions about objects that the plan never writes: they would be about nothing, and whoever made them has
  /// another object in mind.
  func check(against compiled: Compiled) throws {
    if take.isEmpty, adopt.isEmpty, recreate.isEmpty { return }
    var written: Set<String> = []
    for step in compiled.steps {
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
    for take in self.take {
      guard let colon = take.firstIndex(of: ":") else {
        throw Failure("`--take \(take)` is not OBJECT:FIELD, as a conflict shows it", code: Exit.usage)
      }
      try check(String(take[..<colon]), "--take \(take)")
    }
    for adopt in self.adopt { try check(adopt, "--adopt \(adopt)") }
    for recreate in self.recreate { try check(recreate, "--recreate \(recreate)") }
  }
}
