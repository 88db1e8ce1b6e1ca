import ApplyEngine
import ArgumentParser
import DiagnosticRendering
import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import RolloutSyntax

/// How diagnostics are shown.
enum DiagnosticFormat: String, ExpressibleByArgument, CaseIterable {
  case human, json, sarif, github
}

enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
  case auto, always, never
}

/// What every command that reads a plan takes.
struct PlanOptions: ParsableArguments {
  @Argument(help: "The plan file, or `-` for standard input.", completion: .file(extensions: ["rollout"]))
  var plan: String

  @Option(help: ArgumentHelp("Resolve the plan for this environment.", valueName: "name"))
  var env: String?

  @Option(name: .customLong("set"), help: ArgumentHelp("Give a parameter another value.", valueName: "name=value"))
  var settings: [String] = []

  @Option(
    help: ArgumentHelp("Includes stay inside this folder; the plan's own unless said.", valueName: "dir"),
    completion: .directory)
  var root: String?

  @Option(help: ArgumentHelp("The DNS domain of the cluster.", valueName: "domain"))
  var clusterDomain = "cluster.local"

  @OptionGroup var diagnostics: DiagnosticOptions

  var request: PlanRequest {
    var request = PlanRequest(plan: plan)
    request.env = env
    request.settings = settings
    request.root = root
    request.clusterDomain = clusterDomain
    request.diagnostics = diagnostics.output
    return request
  }
}

/// In bytes. What people write is a thousand times smaller, and of a file of nothing but mistakes each costs memory.
let longestPlan = 32 << 20

/// How what was found is shown, and what counts.
struct DiagnosticOptions: ParsableArguments {
  @Option(help: "How diagnostics are shown.")
  var format: DiagnosticFormat = .human

  @Option(help: "When to use colour.")
  var color: ColorChoice = .auto

  @Flag(help: "Let warnings count as errors.")
  var strict = false

  var output: DiagnosticOutput { DiagnosticOutput(format: format, color: color, strict: strict) }
}

/// A plan to read, and how: the options as plain values.
struct PlanRequest {
  var plan: String
  var env: String?
  var settings: [String] = []
  var root: String?
  var clusterDomain = "cluster.local"
  var diagnostics = DiagnosticOutput()
  var files = PlanFiles()
  /// Is told with which code the command ends where the diagnostics alone say why, and the first of them as JSON.
  var willEnd: @Sendable (Int32, Value?) -> Void = { _, _ in }

  init(plan: String) { self.plan = plan }

  /// What makes the plan another one, as it is typed: `--env prod`, `--set copies=3`.
  var planOptions: [String] { (env.map { ["--env \($0)"] } ?? []) + settings.map { "--set \($0)" } }

  /// Parses, resolves and interprets; the tool's own failures end the run.
  func resolved() throws -> Resolution {
    let bytes: [UInt8]
    switch files.read(plan) {
    case .success(let read): bytes = read
    case .failure(let error): throw Failure("cannot read `\(plan)`: \(error.message)", code: Exit.usage)
    }
    if SavedPlan.isSaved(bytes), let saved = try? SavedPlan.read(bytes) {
      guard env == nil, settings.isEmpty, root == nil else { throw Failure.savedPlanHasItsOptions }
      return try PlanRequest(saved, diagnostics: diagnostics).resolved()
    }
    guard bytes.count <= longestPlan else {
      throw Failure("cannot read `\(plan)`: \(PlanFiles.tooLarge.message)", code: Exit.usage)
    }
    IO.expectAllocations(of: bytes.count * 160)
    var options = ResolutionOptions()
    options.environment = env
    options.root = root
    options.clusterDomain = clusterDomain
    for setting in settings {
      guard let equals = setting.firstIndex(of: "="), equals != setting.startIndex else {
        throw Failure("`--set \(setting)` is not NAME=VALUE", code: Exit.usage)
      }
      options.settings.append((String(setting[..<equals]), String(setting[setting.index(after: equals)...])))
    }
    if let root, !IO.isDirectory(root) { throw Failure("`--root \(root)` is not a folder", code: Exit.usage) }
    if let problem = dnsSubdomainProblem(clusterDomain) {
      throw Failure("`--cluster-domain \(clusterDomain)` is no domain: \(problem)", code: Exit.usage)
    }
    let folder = root ?? plan.lastIndex(of: "/").map { String(plan[...$0]) } ?? "."
    let loader = FileLoader { [files] path in
      if files.leads(path, outOf: folder) {
        return .failure(FileError("it is a link to a place outside the plan's folder; `--root DIR` widens that"))
      }
      // Standard input is the plan's alone; what a plan names is a file, also where it is called so.
      return switch files.read(path == "-" ? "./-" : path, mustBeFile: true) {
      case .success(let bytes):
        bytes.count <= longestPlan ? .success(bytes) : .failure(FileError(PlanFiles.tooLarge.message))
      case .failure(let error): .failure(FileError(error.message))
      }
    }
    return resolve(path: plan == "-" ? "<stdin>" : plan, bytes: bytes, options: options, loader: loader)
  }

  /// The plan and its writes, where it checks; else its diagnostics are shown and the run ends with 2.
  func compiled() throws -> (plan: Plan, compiled: Compiled, resolution: Resolution) {
    let (plan, resolution) = try checked()
    let compiled = compile(plan)
    let found = resolution.diagnostics + resolution.allowances.filter(compiled.problems.compactMap(Diagnostic.init))
    let isRefused = diagnostics.refuses(found)
    diagnostics.show(found.inReadingOrder, resolution.sources, always: isRefused)
    if isRefused { end(Exit.usage, found, resolution.sources) }
    return (plan, compiled, resolution)
  }

  func end(_ code: Int32, _ found: [Diagnostic], _ sources: SourceSet) -> Never {
    willEnd(code, found.firstCause(sources))
    IO.exit(code)
  }

  /// The plan, where it checks; else its diagnostics are shown and the run ends with 2.
  func checked() throws -> (plan: Plan, resolution: Resolution) {
    let resolution = try resolved()
    guard let plan = resolution.checked else {
      diagnostics.show(resolution.diagnostics, resolution.sources, always: true)
      end(Exit.usage, resolution.diagnostics, resolution.sources)
    }
    return (plan, resolution)
  }
}

extension [Diagnostic] {
  /// The first that is worst, as JSON.
  func firstCause(_ sources: SourceSet) -> Value? {
    let sorted = inReadingOrder
    let first = sorted.first { $0.severity == .error } ?? sorted.first { $0.severity == .warning } ?? sorted.first
    return first.map(JSONRenderer(sources: sources).value)
  }
}

/// How diagnostics are shown, and which of them count.
struct DiagnosticOutput {
  var format: DiagnosticFormat = .human
  var color: ColorChoice = .auto
  var strict = false

  var colorsErrors: Bool { color == .always || color == .auto && IO.colorsErrors }

  func refuses(_ diagnostics: [Diagnostic]) -> Bool {
    diagnostics.hasErrors || strict && diagnostics.contains { $0.severity == .warning }
  }

  /// Shows diagnostics: for people on standard error, for machines on standard output where they are the result.
  /// - Parameters:
  ///   - always: machine formats say something even where there is nothing to say.
  ///   - outcome: what JSON says besides of a plan as a whole.
  func show(_ diagnostics: [Diagnostic], _ sources: SourceSet, always: Bool = false, outcome: Fields = [:]) {
    switch format {
    case .human:
      guard !diagnostics.isEmpty else { return }
      let renderer = TerminalRenderer(sources: sources, color: colorsErrors, width: IO.terminalWidth(2))
      IO.standardError(renderer.rendered(diagnostics))
    case .json:
      if always || !diagnostics.isEmpty {
        output(JSONRenderer(sources: sources).rendered(diagnostics, outcome: outcome), always)
      }
    case .sarif:
      if always || !diagnostics.isEmpty {
        output(sarif(sources).rendered(diagnostics), always)
      }
    case .github:
      output(Array(GitHubRenderer(sources: sources).rendered(diagnostics).utf8), always)
    }
  }

  /// The same of several plans as one result, where the format is one document; in others each is shown by itself.
  ///
  /// - Parameter failures: why nothing could be said of others.
  func show(_ groups: [(found: [Diagnostic], sources: SourceSet)], outcome: Fields, failures: [String] = []) {
    let (first, rest) = (groups.first ?? ([], SourceSet()), groups.dropFirst())
    switch format {
    case .human, .github: return
    case .json:
      let others = rest.map { (JSONRenderer(sources: $0.sources), $0.found) }
      output(JSONRenderer(sources: first.sources).rendered(first.found, with: others, outcome: outcome), true)
    case .sarif:
      let others = rest.map { (sarif($0.sources), $0.found) }
      output(sarif(first.sources).rendered(first.found, with: others, failures: failures), true)
    }
  }

  /// What nothing could be said about, as a result that machines can read; people read the failure itself.
  func show(_ failure: Failure) {
    switch format {
    case .human: return
    case .json: show([], SourceSet(), always: true)
    case .sarif: output(sarif(SourceSet()).rendered([], failures: [failure.message]), true)
    case .github: output(Array((GitHubRenderer.command(error: failure.message) + "\n").utf8), true)
    }
  }

  private func sarif(_ sources: SourceSet) -> SARIFRenderer {
    SARIFRenderer(sources: sources, pages: Catalogue.pages, version: toolVersion)
  }

  /// Where the objects own standard output, what machines read of the diagnostics goes to standard error.
  private func output(_ bytes: [UInt8], _ isResult: Bool) {
    if isResult {
      IO.standardOutput(bytes, isVerdict: true)
    } else {
      IO.standardError(String(decoding: bytes, as: UTF8.self))
    }
  }
}

extension Diagnostic {
  /// What the rendering found, as a diagnostic; nil where the resolver has said it already.
  init?(_ problem: LoweringProblem) {
    switch problem {
    case .patchWithoutTarget(let patch):
      self.init(
        .patchWithoutTarget, "no step writes an object that this patch is for", at: Label(patch, "changes nothing"),
        help: "check the name; an object exists only from the step that deploys or exposes it")
    case .patchOfUnknownRule(let name, let known, let patch):
      let names = known.map { "`\($0)`" }.joined(separator: ", ")
      self.init(
        .patchWithoutTarget, "no rule that this patch is for is called `\(name)`", at: Label(patch, "changes nothing"),
        help: known.isEmpty
          ? "rules for connections have no names; say the whole list" : "its rules are called \(names)")
    case .sameObject(let id, let first, let second):
      self.init(
        .nameCollision, "two lines of the plan would write `\(id)`", at: Label(second, "again here"),
        secondary: [Label(first, "first here")], help: "rename one of them")
    case .portWithTwoProtocols, .nameTooLong, .probeMethod: return nil
    }
  }
}
