import ArgumentParser
import DiagnosticRendering
import Lowering
import Pictures
import RequestTracing
import RolloutPlan
import SafetyChecks

enum PictureFormat: String, ExpressibleByArgument, CaseIterable {
  case svg, mermaid, dot

  var ending: String {
    switch self {
    case .svg: "svg"
    case .mermaid: "mmd"
    case .dot: "dot"
    }
  }

  func text(_ pictures: [GraphPicture]) -> String {
    switch self {
    case .svg: GraphPicture.svg(pictures)
    case .mermaid: GraphPicture.mermaid(pictures)
    case .dot: GraphPicture.dot(pictures)
    }
  }
}

struct Graph: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "graph",
    abstract: "Draw what stands after each step: versions, live routes, cookies and shares, releases.",
    discussion: """
      One picture for each step, and for each part of a step that has several. Without `--out` they are printed as one, \
      below each other; `--out NAME.svg` writes that to a file, and any other `--out` is a folder that gets a file for \
      each picture.

      EXAMPLES:
        rolloutc graph plans/aks-voting.rollout --out release.svg
        rolloutc graph plans/aks-voting.rollout -o mermaid
      """)

  @OptionGroup var options: PlanOptions

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Only this step: its number, its name or its folder.", valueName: "step"))
  var step: String?

  @Flag(help: "What stands before the step, instead of after it.")
  var before = false

  @Option(name: [.customShort("o", allowingJoined: true), .long], help: "The form of the pictures.")
  var output: PictureFormat = .svg

  @Option(
    name: .customLong("out"),
    help: ArgumentHelp("Write to this file, or one file for each picture to this folder.", valueName: "file|dir"),
    completion: .file())
  var target: String?

  func validate() throws {
    if before, step == nil { throw ValidationError("--before needs --step: it is one step that it looks before") }
  }

  func run() throws {
    let request = options.request
    let outputs = try Outputs([("--out", target)])
    let (plan, compiled, resolution) = try request.compiled()
    try outputs.refuse(over: request)
    if plan.steps.isEmpty { throw Failure("the plan has no step, and there is nothing to draw", code: Exit.usage) }
    let chosen = try steps(step, of: plan, compiled)
    let review = Review(plan: plan, compiled: compiled, sources: resolution.sources, steps: chosen)
    let album = Album(review: review, before: before)
    guard let target else {
      IO.standardOutput(output.text(album.pictures.map(\.picture)))
      return
    }
    if target.hasSuffix("." + output.ending) {
      try IO.write(Array(output.text(album.pictures.map(\.picture)).utf8), toFile: target)
      return
    }
    if IO.exists(target), !IO.isDirectory(target) {
      throw Failure(
        "`\(target)` is not a folder; a file for `-o \(output.rawValue)` ends in `.\(output.ending)`", code: Exit.usage)
    }
    if !IO.isDirectory(target), !target.hasSuffix("/"), let last = target.split(separator: "/").last,
      last.contains("."),
      !last.hasPrefix(".")
    {
      throw Failure(
        "`-o \(output.rawValue)` writes files that end in `.\(output.ending)`; for a folder of that name write "
          + "`\(target)/`", code: Exit.usage)
    }
    let files = album.pictures.map { (path: "\(target)/\($0.name).\(output.ending)", picture: $0.picture) }
    try Outputs(files.map { ("--out", $0.path) }).refuse(over: request)
    try IO.makeDirectory(target)
    for (path, picture) in files { try IO.write(Array(output.text([picture]).utf8), toFile: path) }
    IO.standardError("wrote \(counted(album.pictures.count, "picture")) to \(safeText(target))\n")
  }
}

/// The pictures of the steps that were asked for, with the names of their files.
private struct Album {
  private(set) var pictures: [(name: String, picture: GraphPicture)] = []

  init(review: Review, before: Bool) {
    var mesh = MeshSnapshot(FlowModel(review.plan))
    for (index, compiled) in review.compiled.steps.enumerated() {
      let step = review.plan.steps[index]
      let isChosen = review.steps.contains(index)
      let title = "Step \(index + 1): \(oneLine(step.name))"
      if isChosen, before {
        add(compiled.folder + "-before", "Before step \(index + 1): \(oneLine(step.name))", [], mesh)
        return
      }
      for (s, segment) in compiled.segments.enumerated() {
        for phase in segment.phases { mesh.apply(phase) }
        guard isChosen else { continue }
        let isOnly = compiled.segments.count == 1
        add(
          compiled.folder + (isOnly ? "" : "-part-\(s + 1)"),
          title + (isOnly ? "" : ", part \(s + 1) of \(compiled.segments.count)"), step.segments[s].changes, mesh)
      }
      if isChosen, compiled.segments.isEmpty { add(compiled.folder, title, [], mesh) }
    }
  }

  private mutating func add(_ name: String, _ title: String, _ changes: [Change], _ mesh: MeshSnapshot) {
    let subtitle = changes.map { oneLine($0.text) }.joined(separator: " · ")
    pictures.append((name, GraphPicture(Survey(mesh), title: title, subtitle: subtitle)))
  }
}
