package import Diagnostics

/// A named part of a plan: what a person reviews, runs to, and rolls back to.
package struct Step: Sendable {
  /// Counted from 0 in the order of the text.
  package var index: Int
  package var name: String
  /// `canary-2-0-for-flagged-users`.
  package var slug: String
  package var range: SourceRange
  /// What stands when the step begins; a step that changes nothing leaves it so.
  package var start = State()
  package var segments: [Segment] = []
  /// `on failure` in the step wins over the plan's; nil where it has none.
  package var onFailure: FailurePath?

  package init(index: Int, name: String, slug: String, range: SourceRange) {
    self.index = index
    self.name = name
    self.slug = slug
    self.range = range
  }

  package var before: State { segments.first?.before ?? start }
  package var after: State { segments.last?.after ?? start }

  /// The name as a part of file names: at most 40 of `a` to `z`, `0` to `9` and `-`.
  package static func slug(of name: String) -> String {
    var result: [UInt8] = []
    for byte in name.utf8 {
      if byte >= 0x41, byte <= 0x5A {
        result.append(byte + 32)
      } else if isLowerAlphanumeric(byte) {
        result.append(byte)
      } else if result.last != UInt8(ascii: "-"), !result.isEmpty {
        result.append(UInt8(ascii: "-"))
      }
      if result.count >= 40 { break }
    }
    while result.last == UInt8(ascii: "-") { result.removeLast() }
    return result.isEmpty ? "step" : String(decoding: result, as: UTF8.self)
  }
}

/// Changing statements with no observing one between them: one transition, from `before` to `after`, and then what is
/// observed.
package struct Segment: Sendable {
  package var before: State
  package var after: State
  package var changes: [Change]
  package var observations: [Observation] = []
  /// The ports of which a caller dials one while it runs: those that were there whenever it called. Only of calls to what
  /// has versions with unlike ports; and not in failure blocks, which go on with those of the segment that failed.
  package var dialed: [Call: Set<Int>] = [:]

  package init(before: State, after: State, changes: [Change]) {
    self.before = before
    self.after = after
    self.changes = changes
  }
}

/// One changing statement, as it reads in the plan.
package struct Change: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case deploy, route, unroute, mirror, shift, retire, rollback, mtls
  }

  package var kind: Kind
  package var range: SourceRange
  package var text: String
  /// The components that it is about, for pointing a write at its statement.
  package var components: [ComponentID]
  /// The versions that it deploys, retires or routes to; empty where it is about whole components.
  package var versions: [VersionID]
  /// A route or a level of `shift` that leads everybody to its version, and so sets the default.
  package var isForEverybody = false

  package init(
    kind: Kind, range: SourceRange, text: String, components: [ComponentID], versions: [VersionID] = []
  ) {
    self.kind = kind
    self.range = range
    self.text = text
    self.components = components
    self.versions = versions
  }

  package init(kind: Kind, range: SourceRange, text: String, versions: [VersionID]) {
    self.init(kind: kind, range: range, text: text, components: versions.map(\.component), versions: versions)
  }

  /// `versions` by the index of their component, as indices of its versions. A release has one of each component: who
  /// asks for one after the other asks here, and not each time in the whole list.
  package var versionsByComponent: [Int: [Int]] {
    var all: [Int: [Int]] = [:]
    for version in versions { all[version.component.index, default: []].append(version.index) }
    return all
  }
}

/// An observing statement: it changes nothing, and the run goes on only when it holds.
package struct Observation: Sendable {
  package enum Kind: Sendable {
    case verify(Verification)
    case verifyMetric(metric: Int, forMilliseconds: Int)
    case wait(milliseconds: Int)
    case waitUntilReady(VersionID, withinMilliseconds: Int?)
    case pause(milliseconds: Int?, message: String?)
    case approve(message: String?, by: [String], withinMilliseconds: Int?)
    /// A level of `shift`: hold this long while the metrics are good.
    case hold(milliseconds: Int, metrics: [Int], version: VersionID, percent: Int)
  }

  package var kind: Kind
  package var range: SourceRange
  package var text: String

  package init(_ kind: Kind, range: SourceRange, text: String) {
    self.kind = kind
    self.range = range
    self.text = text
  }
}

package struct Verification: Sendable {
  package enum Expectation: Hashable, Sendable {
    /// Found anywhere in the text, as RE2.
    case matches(pattern: String, name: String?)
    case contains(String)
    case equals(String)
    case status(Int)
  }

  package var probe: Int
  package var expectation: Expectation
  /// How many answers must all match.
  package var count: Int
  package var withinMilliseconds: Int
  /// Who asks: a cookie or a header; the probe's own where the statement says none.
  package var visitor: Selector?

  package init(probe: Int, expectation: Expectation, count: Int, withinMilliseconds: Int, visitor: Selector?) {
    self.probe = probe
    self.expectation = expectation
    self.count = count
    self.withinMilliseconds = withinMilliseconds
    self.visitor = visitor
  }
}

package struct Probe: Sendable {
  package var name: String
  /// A CSS selector, where the probe reads the text of one element.
  package var element: String?
  package var method: String
  package var path: String
  package var component: ComponentID
  package var visitor: Selector?
  package var range: SourceRange

  package init(
    name: String, element: String?, method: String, path: String, component: ComponentID, visitor: Selector?,
    range: SourceRange
  ) {
    self.name = name
    self.element = element
    self.method = method
    self.path = path
    self.component = component
    self.visitor = visitor
    self.range = range
  }
}

package struct Metric: Sendable {
  package enum Source: Hashable, Sendable {
    case promql(String)
    case istio(IstioMetric, of: ComponentID?)
  }

  package enum IstioMetric: String, Hashable, Sendable, CaseIterable {
    case successRate = "success-rate"
    case errorRate = "error-rate"
    case p50Latency = "p50-latency"
    case p95Latency = "p95-latency"
    case p99Latency = "p99-latency"

    package var isRate: Bool { self == .successRate || self == .errorRate }
  }

  package enum Comparison: String, Hashable, Sendable {
    case below, above, atLeast = "at least", atMost = "at most"
  }

  package var name: String
  package var source: Source
  package var comparison: Comparison
  /// A rate in percent, a latency in milliseconds, or the number as it stands for PromQL.
  package var threshold: Double
  package var range: SourceRange

  package init(name: String, source: Source, comparison: Comparison, threshold: Double, range: SourceRange) {
    self.name = name
    self.source = source
    self.comparison = comparison
    self.threshold = threshold
    self.range = range
  }
}

/// What happens when a step fails.
package enum FailurePath: Sendable {
  /// Stop where the run stands and keep the evidence.
  case hold
  /// Undo the step that failed, to the state before it.
  case rollback
  /// Run these segments from whatever was reached.
  case block(FailureBlock)
}

package struct FailureBlock: Sendable {
  package var range: SourceRange
  /// Every place where the block may begin.
  package let starts: [FailureStart]
  /// The place of each among ``starts``.
  private let places: [FailureStart.Place: Int]

  package init(range: SourceRange, starts: [FailureStart]) {
    self.range = range
    self.starts = starts
    places = Dictionary(starts.enumerated().map { ($1.place, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// As it begins there. O(1)
  package func start(at place: FailureStart.Place) -> FailureStart? { places[place].map { starts[$0] } }
}

/// A failure block from one place of a step.
///
/// A segment that broke off was not reached: what the block says is for the state before it, and its first segment leads
/// there, out of the middle of what was being written. After a segment that came through it is for the state after it.
package struct FailureStart: Sendable {
  package struct Place: Hashable, Sendable {
    package var step: Int
    /// Segments of the step that were begun: at least one.
    package var segments: Int
    /// The last of them did not come through.
    package var isBroken: Bool

    package init(step: Int, segments: Int, isBroken: Bool) {
      self.step = step
      self.segments = segments
      self.isBroken = isBroken
    }
  }

  package var place: Place
  package var segments: [Segment]

  package init(place: Place, segments: [Segment]) {
    self.place = place
    self.segments = segments
  }
}

/// `rehearsal TEXT { … }`: stubs and expectations.
package struct RehearsalScript: Sendable {
  package enum Stub: Sendable {
    case answers(VersionID, probe: Int, text: String)
    case status(VersionID, Int)
    case metric(Int, Double)
    case approve(Bool)
    case neverReady(VersionID)
  }

  package enum Expectation: Sendable {
    case done
    case failsAt(step: Int)
    case serves(VersionID, to: Visitor)
    case neverCalls(VersionID, VersionID)
  }

  package enum Visitor: Hashable, Sendable {
    case all
    case selected(Selector)
  }

  package var name: String
  package var range: SourceRange
  package var stubs: [(stub: Stub, range: SourceRange)] = []
  package var expectations: [(expectation: Expectation, range: SourceRange)] = []

  package init(name: String, range: SourceRange) {
    self.name = name
    self.range = range
  }
}
