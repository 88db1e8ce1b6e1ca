import ApplyEngine
import ArgumentParser

enum RunOutput: String, ExpressibleByArgument, CaseIterable { case human, ndjson }

/// How a run is carried out and shown.
struct RunOptionGroup: ParsableArguments {
  @Flag(help: "Do not ask before the first write. Needed where there is no terminal to ask at.")
  var yes = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How long a change of the mesh is given to reach every proxy.", valueName: "time"))
  var settle: TimeSpan = TimeSpan(RunOptions().settle)

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How long to wait for another run of the plan to end; 0: not at all.", valueName: "time"))
  var waitLock: TimeSpan = TimeSpan(.zero)

  @Flag(help: "End at a question of the plan, instead of waiting for an answer from elsewhere.")
  var leaveAtQuestions = false

  @OptionGroup var decisions: WriteDecisionOptions

  @Option(help: "What is printed: a tree or lines for people, or one JSON object a line.")
  var output: RunOutput = .human

  @Option(
    help: ArgumentHelp("The folder of the journal; PLAN.journal beside the plan unless given.", valueName: "dir"),
    completion: .directory)
  var journal: String?

  func validate() throws {
    try settle.check("--settle")
    try waitLock.check("--wait-lock")
  }
}
