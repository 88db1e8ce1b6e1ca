import Diagnostics
import RolloutSyntax

/// A statement of a step with every name resolved: what the interpreter runs.
struct StepStatement {
  enum Kind {
    case deployRelease(ReleaseID)
    case deploy(VersionID, replicas: Int?)
    case route(ComponentID, RouteSelector, VersionID)
    case unroute(ComponentID, Selector)
    case mirror(ComponentID, percent: Int, VersionID)
    case shift(Shift)
    case retireRelease(ReleaseID, volumes: Bool)
    case retireVersions([VersionID], name: String, volumes: Bool)
    case rollback(RollbackTarget)
    case mtls(MTLSMode)
    case observe(Observation.Kind)
    /// Reported elsewhere: nothing is known about what it does.
    case unknown
  }

  var kind: Kind
  var form: Form
  var range: SourceRange
  var text: String
  /// The version, selector or release that a message points at.
  var subject: SourceRange
  /// What is not known any more from here on, as the line was not understood.
  var taint = Taint()
}

enum RouteSelector {
  case all
  case percent(Int)
  case selected(Selector)

  /// `100%` says the same as `all` to those whom no rule leads elsewhere.
  var isForEverybody: Bool {
    switch self {
    case .all: true
    case .percent(let percent): percent == 100
    case .selected: false
    }
  }
}

enum RollbackTarget {
  case step
  case start
  case after(stepNamed: String, range: SourceRange)
}

struct Shift {
  var component: ComponentID
  var version: VersionID
  var levels: [Int]
  var everyMilliseconds: Int
  var metrics: [Int]
  var stickyMilliseconds: Int?
}

/// A step with its statements, before it is interpreted.
struct ResolvedStep {
  var name: String
  var range: SourceRange
  var statements: [StepStatement]
  var failure: ResolvedFailure?
  /// A top-level statement that is a step of its own.
  var isTopLevel: Bool
}

enum ResolvedFailure {
  case rollback(SourceRange)
  case block([StepStatement], SourceRange)
}

struct ResolvedSteps {
  var steps: [ResolvedStep] = []
  var failure: ResolvedFailure?
}
