package import Diagnostics
package import RolloutSyntax

/// Reads the files that a plan names. Paths are relative to the current directory, as the plan's own path is.
package struct FileLoader: Sendable {
  /// The bytes of a file, or why it cannot be read: "no such file".
  package var read: @Sendable (_ path: String) -> Result<[UInt8], FileError>

  package init(_ read: @escaping @Sendable (_ path: String) -> Result<[UInt8], FileError>) { self.read = read }

  /// No file but the plan itself.
  package static let none = FileLoader { _ in .failure(FileError("no such file")) }
}

/// Why a file cannot be read.
package struct FileError: Error, Hashable, Sendable {
  package var message: String

  package init(_ message: String) { self.message = message }
}

/// What the command line says about how a plan is meant.
package struct ResolutionOptions: Sendable {
  /// `--env NAME`.
  package var environment: String?
  /// `--set NAME=VALUE`, in order; the last wins.
  package var settings: [(name: String, value: String)] = []
  package var clusterDomain = "cluster.local"
  /// `--root DIR`: includes stay inside; the plan's folder unless said.
  package var root: String?

  package init() {}
}

/// A plan with everything that was found out about it. `plan` is nil where errors leave no meaning to work with.
package struct Resolution: Sendable {
  package var plan: Plan?
  package var diagnostics: [Diagnostic]
  package var sources: SourceSet
  package var trees: [SyntaxTree]
  /// Where lints are silenced, for the passes that come later.
  package var allowances: Allowances

  /// The plan, where it has no error.
  package var checked: Plan? { diagnostics.hasErrors ? nil : plan }
}

/// From bytes to a plan: parses the file and what it includes, resolves names and values, and interprets the steps.
///
/// Never throws and never stops early: every error of every file is in the result, each once.
package func resolve(
  path: String, bytes: [UInt8], options: ResolutionOptions = ResolutionOptions(), loader: FileLoader = .none
) -> Resolution {
  let resolver = Resolver(options: options, loader: loader)
  resolver.load(path: path, bytes: bytes)
  resolver.findFaultyLines()
  resolver.declare()
  resolver.resolveDeclarations()
  resolver.nameGatewaysAlike()
  let steps = resolver.resolveSteps()
  var plan = resolver.plan
  resolver.checkDeclarations()
  resolver.hasWrongNames = resolver.diagnostics.hasErrors
  // Without the members of a release nobody knows what its steps do.
  let taint = Taint(
    everything: resolver.taint.everything || resolver.hasBrokenRelease, components: resolver.taint.components)
  let allowances = Allowances(resolver.trees)
  let interpreter = Interpreter(plan: resolver.plan, taint: taint)
  // Once they are called as their addresses say, somebody asks them.
  for lint in allowances.filter(resolver.diagnostics) where lint.code == .callUnsaid {
    interpreter.calledUnsaid.formUnion(resolver.unsaidCallees[lint.primary.range] ?? [])
  }
  interpreter.run(steps)
  plan.steps = interpreter.steps
  plan.dialedPorts = interpreter.dialedPorts
  plan.onFailure = interpreter.planFailure
  resolver.plan = plan
  resolver.resolveRehearsals()
  plan = resolver.plan
  let told = interpreter.diagnostics.filter { diagnostic in
    // Where a name or a value is wrong, what the order of steps seems odd by may follow from it: a release that lost a
    // member, a route that could not be taken. Such lints are told when the plan can be followed as it is meant.
    !resolver.isSilenced(diagnostic) && !(resolver.hasWrongNames && diagnostic.severity == .warning)
      && !(diagnostic.code == .exposeConflict && !resolver.brokenExposures.isEmpty)
  }
  let found = resolver.diagnostics + told + allowances.diagnostics
  var kept = allowances.filter(found)
  // What only another value or another plan that includes the file may earn is not missed.
  let mayDiffer = resolver.trees.contains { tree in
    tree.roots.contains { [.parameter, .environment].contains(tree.statements[$0].form) }
  }
  if !kept.hasErrors, !mayDiffer, let file = resolver.trees.first?.file.id {
    kept += allowances.unused(in: file, found)
  }
  return Resolution(
    plan: resolver.hasPlanStatement ? plan : nil, diagnostics: kept.inReadingOrder,
    sources: resolver.sources, trees: resolver.trees, allowances: allowances
  )
}
