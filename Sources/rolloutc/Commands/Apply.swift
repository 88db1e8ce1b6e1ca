import ArgumentParser

struct Apply: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply",
    abstract: "Carry out a plan in a cluster, step by step; what stands already is looked at and left alone.",
    discussion: """
      Every write is written down before it is sent, and no phase begins before what it stands on is seen to be ready. \
      Ctrl-C once finishes what is under way and says how to go on; `rolloutc resume` goes on from any machine.

      EXAMPLES:
        rolloutc apply hello.rollout --to 1 --yes
        rolloutc apply hello.rollout --to "Deploy 1.0" --yes --output ndjson
      """)

  @OptionGroup var plan: PlanOptions

  @Option(help: ArgumentHelp("Stop after this step: its number, its name or its folder.", valueName: "step"))
  var to: String?

  @Option(
    help: ArgumentHelp(
      """
      Where the cluster's record of the plan is lost: take what stands for what stood after this step, or `start`, and go \
      on from there.
      """, valueName: "step"))
  var assume: String?

  @OptionGroup var proof: ProofOptions
  @OptionGroup var options: RunOptionGroup
  @OptionGroup var observation: ObservationOptions
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try RunCommand(
      verb: .apply(to: to, proof.demand, assumed: assume), request: plan.request, connection: connection,
      options: options,
      observation: observation
    )
    .run()
  }
}

struct Resume: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Go on with the run of a plan that was stopped, died or was held, in the direction in which it was.")

  @OptionGroup var plan: PlanOptions
  @OptionGroup var options: RunOptionGroup
  @OptionGroup var observation: ObservationOptions
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try RunCommand(
      verb: .resume, request: plan.request, connection: connection, options: options, observation: observation
    ).run()
  }
}

struct Rollback: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rollback",
    abstract: "Go back to what stood before the last step, or after an earlier one.",
    discussion: "Traffic goes back first, then workloads. Volumes stay, whatever the plan says.")

  @OptionGroup var plan: PlanOptions

  @Option(
    help: ArgumentHelp(
      "Back to what stood after this step, or `start`: before the first.", valueName: "step"))
  var to: String?

  @Flag(
    help:
      "Go back over several steps at once, or out of a way back that cannot be finished, although requests may fail on the way."
  )
  var unproved = false

  @OptionGroup var options: RunOptionGroup
  @OptionGroup var observation: ObservationOptions
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    try RunCommand(
      verb: .rollback(to: to, unproved ? .waived : .required), request: plan.request, connection: connection,
      options: options,
      observation: observation
    ).run()
  }
}
