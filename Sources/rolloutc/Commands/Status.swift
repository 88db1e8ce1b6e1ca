import ApplyEngine
import ArgumentParser
import DiagnosticRendering
import KubernetesModel

enum StatusOutput: String, ExpressibleByArgument, CaseIterable { case text, json }

struct Status: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show where a plan stands, from what the cluster remembers alone.",
    discussion: """
      For PLAN, the file or only the name of the plan: then `-n` names its namespace, which is the plan's name unless \
      the plan says another. Where nothing is known of a plan that is only named, the exit code is 1.

      EXAMPLES:
        rolloutc status hello.rollout
        rolloutc status hello -n hello -o json
      """)

  @OptionGroup var plan: PlanOptions

  @Option(name: [.customShort("o", allowingJoined: true), .long], help: "The form of the output.")
  var output: StatusOutput = .text

  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let place = try PlanInCluster(plan.request, connection)
    let (output, report) = try blocking { [output] in
      let memory = try await place.memory()
      var report = StatusReport(place: place, memory: memory, holder: try await place.holder())
      if memory?.record == nil { report.forgotten = await place.deployments() }
      if let record = memory?.record, record.status == .waiting, let question = record.question {
        // Whoever may not read the answers is told of the question alone.
        let key = String(question.prefix { $0 != " " })
        report.answer = (try? await place.requests.answer(to: key, run: record.run)) ?? nil
      }
      return (output, report)
    }
    switch output {
    case .text: IO.standardOutput(report.text)
    case .json: IO.standardOutput(jsonText(report.value) + "\n")
    }
    // Whoever gave a name alone may have meant another namespace, or another name; a file says both.
    if !place.isFile, report.knowsNothing { throw place.neverRan }
  }
}

/// What `status` says.
struct StatusReport: Sendable {
  let name: String
  let namespace: String
  let server: String
  let inventory: Inventory?
  let record: RunRecord?
  let holder: LeaseRecord?
  let invocation: Invocation
  /// To the question that the run waits with.
  var answer: Answer?
  /// Deployments of the plan, where nothing of a run is remembered.
  var forgotten = 0
  private let isHolderSilent: Bool

  static let schema = "rolloutc.status/1"

  /// There is nothing of such a plan.
  var knowsNothing: Bool { record == nil && holder == nil && forgotten == 0 }

  init(place: PlanInCluster, memory: (inventory: Inventory, record: RunRecord?)?, holder: LeaseRecord?) {
    name = place.name
    namespace = place.namespace
    server = place.target.words
    inventory = memory?.inventory
    record = memory?.record
    self.holder = holder
    isHolderSilent = holder?.isOverdue(at: IO.wallTime()) ?? false
    invocation = place.invocation.with(memory?.record?.options ?? [])
  }

  var text: String {
    var rows: [(String, String)] = [("plan", "\(name), namespace \(namespace)"), ("in", server)]
    if let record {
      rows.append(("state", stateWords(record)))
      if record.status != .rested { rows.append(("course", record.course.words(record.steps))) }
      rows.append(("run", "\(record.run) by \(record.who), \(record.updated)"))
    } else {
      let isForgotten =
        "what it did here is not remembered, and \(counted(forgotten, "Deployment")) of it stand\(forgotten == 1 ? "s" : "")"
      rows.append(("state", forgotten == 0 ? "it never ran here, in the namespace \(namespace)" : isForgotten))
    }
    rows.append(("lock", holder.map(lockWords) ?? "free"))
    if let answer { rows.append(("answer", "\(answer.isYes ? "yes" : "no"), by \(answer.by)")) }
    if let inventory { rows.append(("owns", owned(inventory))) }
    if let cause = record?.cause {
      rows.append(("cause", "\(cause.code): \(cause.message), in \(cause.step), \(cause.time)"))
      for note in cause.notes { rows.append(("", note)) }
    }
    for (i, command) in next.enumerated() { rows.append((i == 0 ? "next" : "or", command)) }
    let steps = (record?.steps ?? []).enumerated().map { index, name in
      let done = record?.stepsDone ?? 0
      return "\n  \(index < done ? "✓" : index == done && record?.status != .rested ? "▸" : "·") \(index + 1)  \(name)"
    }
    let head = rows.map { name, text in
      name + String(repeating: " ", count: max(1, 8 - name.count)) + text + "\n"
    }.joined()
    return safeText(head + steps.joined() + (steps.isEmpty ? "" : "\n"), keepsLines: true)
  }

  /// A run that holds the lock is at work, whatever the record says of the one before it.
  private func stateWords(_ record: RunRecord) -> String {
    var record = record
    let isWorking = holder.map { $0.run != record.run && !isHolderSilent } ?? false
    if isWorking { record.status = .running }
    var text = words(of: record)
    guard record.status == .waiting else { return text }
    if answer != nil { return text + ", which is answered" }
    if !record.approvers.isEmpty { text += "; \(record.approvers.joined(separator: " or ")) may answer" }
    if let left = record.secondsLeft(at: IO.wallTime()) {
      text += left < 0 ? "; the time to answer is over" : "; \(shortText(.seconds(left))) left to answer"
    }
    return text
  }

  private func lockWords(_ holder: LeaseRecord) -> String {
    "\(holder.run), " + words(of: holder) + ", last seen \(holder.renewTime)"
      + (isHolderSilent ? ": it seems to be dead" : "")
  }

  private func owned(_ inventory: Inventory) -> String {
    let count = inventory.entries.count
    let open = inventory.entries.count { $0.outcome != .applied }
    return counted(count, "object") + (open > 0 ? ", \(open) of them pending" : "")
  }

  /// The commands that make sense from here.
  private var next: [String] {
    guard let record else {
      if holder != nil { return [] }
      return [forgotten == 0 ? invocation.command("apply") : invocation.command("apply", "--assume", "STEP")]
    }
    let goesOn = [invocation.command("resume"), invocation.command("rollback")]
    if record.status == .waiting {
      let isLate = record.secondsLeft(at: IO.wallTime()).map { $0 < 0 } ?? false
      if answer != nil || isLate { return holder == nil || isHolderSilent ? goesOn : [] }
      return [invocation.command("approve"), invocation.command("approve", "--reject")]
    }
    // The next run takes the lock of one that died, once it is sure.
    if holder != nil, !isHolderSilent { return [invocation.command("abort")] }
    switch record.status {
    case .rested:
      let forward = record.stepsDone < record.steps.count ? [invocation.onward] : []
      // What failed before it wrote anything leaves nothing of its step to undo.
      let back = record.cause == nil ? invocation.command("rollback") : invocation.command("rollback", "--to", "STEP")
      return forward + (record.stepsDone > 0 ? [back] : [])
    case .held where record.isBlockDone: return [invocation.command("rollback")]
    case .running, .interrupted, .held, .waiting: return goesOn
    }
  }

  var value: Value {
    var fields: Fields = [
      "schema": .string(Self.schema), "plan": .string(name), "namespace": .string(namespace),
      "server": .string(server), "ran": .bool(record != nil),
    ]
    if forgotten > 0 { fields["forgotten"] = .int(forgotten) }
    if let record {
      fields["state"] = .string(record.status.rawValue)
      fields["run"] = .string(record.run)
      fields["who"] = .string(record.who)
      fields["updated"] = .string(record.updated)
      fields["course"] = .string(record.course.words(record.steps))
      fields["steps"] = .array(record.steps.map { .string($0) })
      fields["stepsDone"] = .int(record.stepsDone)
      if record.status == .waiting, let question = record.question { fields["question"] = .string(question) }
      if record.status == .waiting {
        if !record.approvers.isEmpty { fields["approvers"] = .array(record.approvers.map { .string($0) }) }
        if let left = record.secondsLeft(at: IO.wallTime()) { fields["secondsLeft"] = .int(max(0, left)) }
      }
      if let answer { fields["answer"] = ["yes": .bool(answer.isYes), "by": .string(answer.by)] }
      if let cause = record.cause {
        fields["cause"] = [
          "code": .string(cause.code), "message": .string(cause.message),
          "notes": .array(cause.notes.map { .string($0) }), "step": .string(cause.step),
          "time": .string(cause.time),
        ]
      }
    }
    if let holder {
      fields["lock"] = [
        "run": .string(holder.run), "who": .string(holder.who), "doing": .string(holder.step),
        "since": .string(holder.acquireTime), "renewed": .string(holder.renewTime),
      ]
    }
    if let inventory {
      fields["objects"] = .array(
        inventory.entries.map { entry in
          [
            "group": .string(entry.id.group), "kind": .string(entry.id.kind), "namespace": .string(entry.id.namespace),
            "name": .string(entry.id.name), "state": .string(entry.outcome.rawValue),
          ]
        })
    }
    fields["next"] = .array(next.map { .string($0) })
    return .object(fields)
  }
}
