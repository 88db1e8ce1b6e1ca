package import Diagnostics
package import KubernetesModel
package import RolloutPlan

/// Which statements made the routing that holds, followed through a plan segment by segment.
///
/// A VirtualService gathers what many lines have said: a cookie's rule of one step, a share of another, and the default
/// of a third. A write knows the line that it is made for; a reviewer who reads the object wants to know them all:
///
/// ```
/// step "a" { route web cookie beta -> 2.0 }    the rule comes from here …
/// step "b" { route web 10% -> 3.0 }            … and the share, which the object is written for, from here
/// ```
///
/// A DestinationRule lists what is deployed, and says it by itself; of it only what the segment changes is of interest,
/// as two versions that one step retires.
package struct RoutingLines {
  private let renderer: Renderer
  private var entries: [Int: [Made]] = [:]
  private var insides: [Int: [Made]] = [:]
  /// The statements of the last segment that ended something.
  private var entryEndings: [Int: [SourceRange]] = [:]
  private var insideEndings: [Int: [SourceRange]] = [:]
  /// The statements of the last segment that made a subset, and that ended one.
  private var subsetMakers: [Int: [SourceRange]] = [:]
  private var subsetEndings: [Int: [SourceRange]] = [:]

  /// One thing that a route table says, and the statement that made it so.
  private struct Made {
    var fact: Fact
    var range: SourceRange
  }

  private enum Fact: Hashable {
    case rule(lane: Int, RouteTable.Rule)
    case share(lane: Int, RouteTable.Share)
    case fallback(lane: Int, version: Int)
    case mirror(Mirror)

    var version: Int {
      switch self {
      case .rule(_, let rule): rule.version
      case .share(_, let share): share.version
      case .fallback(_, let version): version
      case .mirror(let mirror): mirror.version
      }
    }
  }

  /// A change as one component sees it.
  private struct Own {
    var kind: Change.Kind
    var range: SourceRange
    var isForEverybody: Bool
    /// Of what the change names, the versions of that component.
    var versions: [Int]
  }

  package init(_ renderer: Renderer) { self.renderer = renderer }

  /// Takes in what `segment` changes. O(what its statements are about).
  package mutating func advance(over segment: Segment) {
    var byComponent: [Int: [Own]] = [:]
    for change in segment.changes where change.kind != .mtls {
      let named = change.versionsByComponent
      for component in Set(change.components) {
        byComponent[component.index, default: []].append(
          Own(
            kind: change.kind, range: change.range, isForEverybody: change.isForEverybody,
            versions: named[component.index] ?? []))
      }
    }
    entryEndings = [:]
    insideEndings = [:]
    subsetMakers = [:]
    subsetEndings = [:]
    for (component, changes) in byComponent {
      func follow(_ made: [Made]?, _ facts: [Fact], before: [Fact]) -> [Made] {
        facts.flatMap { fact in
          // What held before comes from where it came from.
          let known = before.contains(fact) ? made?.filter { $0.fact == fact } ?? [] : []
          return known.isEmpty ? makers(of: fact, changes).map { Made(fact: fact, range: $0.range) } : known
        }
      }
      func endings(_ facts: [Fact], before: [Fact]) -> [SourceRange] {
        before.filter { !facts.contains($0) }.flatMap { enders(of: $0, changes).map(\.range) }
      }
      let (before, after) = (state(component, segment.before), state(component, segment.after))
      let (entered, called) = (entryFacts(before), insideFacts(before))
      entries[component] = follow(entries[component], entryFacts(after), before: entered)
      insides[component] = follow(insides[component], insideFacts(after), before: called)
      entryEndings[component] = endings(entryFacts(after), before: entered)
      insideEndings[component] = endings(insideFacts(after), before: called)
      func lines(_ kind: Change.Kind, of versions: Set<Int>) -> [SourceRange] {
        changes.filter { change in
          change.kind == .rollback && !versions.isEmpty
            || change.kind == kind && change.versions.contains(where: versions.contains)
        }.map(\.range)
      }
      let (stood, stands) = (Set(before.deployed.map(\.version)), Set(after.deployed.map(\.version)))
      subsetMakers[component] = lines(.deploy, of: stands.subtracting(stood))
      subsetEndings[component] = lines(.retire, of: stood.subtracting(stands))
    }
  }

  /// The lines that made what the VirtualService `id` says, and those of the last segment that ended some of it; of a
  /// DestinationRule that is written for the statement `origin`, those that change its subsets the same way. In the order
  /// of the text; none for other objects.
  package func of(_ id: ObjectID, writtenFor origin: SourceRange) -> [SourceRange] {
    guard let place = renderer.slots[id] else { return [] }
    let c = place.component
    let lines: [SourceRange]
    switch place.slot {
    case .entry: lines = (entries[c] ?? []).map(\.range) + (entryEndings[c] ?? [])
    case .mesh: lines = (insides[c] ?? []).map(\.range) + (insideEndings[c] ?? [])
    case .rule: lines = [subsetEndings[c] ?? [], subsetMakers[c] ?? []].first { $0.contains(origin) } ?? []
    case .claim, .service, .gateway, .deployment: return []
    }
    return Set(lines).sorted { ($0.file.index, $0.start) < ($1.file.index, $1.start) }
  }

  /// The last statement that can have said it; both where two of one segment may have, as routes of two cookies to one
  /// version.
  private func makers(of fact: Fact, _ changes: [Own]) -> [Own] {
    let fitting = changes.filter { change in
      if change.kind == .rollback { return true }
      guard change.versions.contains(fact.version) else { return false }
      return switch (fact, change.kind) {
      case (.mirror, .mirror), (.fallback, .deploy): true
      case (.rule, .route), (.share, .route), (.share, .shift): !change.isForEverybody
      case (.fallback, .route), (.fallback, .shift): change.isForEverybody
      default: false
      }
    }
    // A version that is deployed serves where nothing did; a route in the same segment says so itself.
    let routes = fitting.filter { $0.kind != .deploy }
    return routes.isEmpty ? fitting : routes
  }

  /// The statements that can have taken it away: `route … 0%`, `mirror … 0%`, `unroute`, `retire`.
  private func enders(of fact: Fact, _ changes: [Own]) -> [Own] {
    // What is retired gets no traffic: where a route of the same segment took it away, that ended the rule.
    let isRouted = changes.contains { [.route, .shift, .unroute, .rollback].contains($0.kind) }
    return changes.filter { change in
      switch change.kind {
      case .unroute, .rollback: true
      case .route, .shift, .mirror: change.versions.contains(fact.version)
      case .retire: !isRouted && change.versions.contains(fact.version)
      case .deploy, .mtls: false
      }
    }
  }

  private func state(_ component: Int, _ state: State) -> ComponentState {
    state.components.indices.contains(component) ? state.components[component] : ComponentState()
  }

  private func entryFacts(_ component: ComponentState) -> [Fact] {
    (component.entry.map { facts($0, lane: 0) } ?? []) + (component.mirror.map { [.mirror($0)] } ?? [])
  }

  private func insideFacts(_ component: ComponentState) -> [Fact] {
    component.lanes.indices.flatMap { facts(component.lanes[$0], lane: $0) }
      + (component.mirror.map { [.mirror($0)] } ?? [])
  }

  private func facts(_ table: RouteTable, lane: Int) -> [Fact] {
    table.rules.map { .rule(lane: lane, $0) } + table.shares.map { .share(lane: lane, $0) }
      + (table.fallback.map { [.fallback(lane: lane, version: $0)] } ?? [])
  }
}
