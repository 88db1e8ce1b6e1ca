import ApplyEngine
import ArgumentParser
import Diagnostics
import KubernetesModel
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

  /// Refuses decisions about objects that the plan never writes, or about several at once: whoever made them has one object
  /// in mind.
  func check(against compiled: Compiled) throws { try value.check(against: compiled) }
}

extension WriteDecisions {
  func check(against compiled: Compiled) throws {
    if self == WriteDecisions() { return }
    var known: Set<ObjectID> = []
    for step in compiled.steps {
      for segment in step.segments { for phase in segment.phases { known.formUnion(phase.writes.map(\.id)) } }
    }
    let written = known.sorted()
    for take in takes.sorted() {
      let objects = parts(before: ":", in: take)
      guard let first = objects.first else {
        throw Failure("`--take \(take)` is not OBJECT:FIELD, as a conflict shows it", code: Exit.usage)
      }
      // Names of roles may have colons, too.
      let object = objects.first { !WriteDecisions.meant(by: $0, among: written).isEmpty }
      try check(object ?? first, "--take \(take)", among: written)
    }
    for adopt in adopts.sorted() { try check(adopt, "--adopt \(adopt)", among: written) }
    for recreate in recreates.sorted() { try check(recreate, "--recreate \(recreate)", among: written) }
  }

  private func check(_ object: String, _ option: String, among written: [ObjectID]) throws {
    let meant = WriteDecisions.meant(by: object, among: written)
    if meant.count == 1 { return }
    guard meant.isEmpty else {
      let names = meant.map { "`\(WriteDecisions.name(of: $0, among: written))`" }
      throw Failure(
        "`\(option)`: the plan writes several objects of that name: \(names.joined(separator: ", "))", code: Exit.usage)
    }
    let similar = nearest(to: object, in: written.map(\.description))
    throw Failure(
      "`\(option)`: the plan writes no object `\(object)`" + (similar.map { "; a similar one is `\($0)`" } ?? ""),
      code: Exit.usage)
  }

  /// What stands before each `separator`.
  private func parts(before separator: Character, in text: String) -> [String] {
    text.indices.filter { text[$0] == separator }.map { String(text[..<$0]) }
  }
}
