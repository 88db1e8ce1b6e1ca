package import Diagnostics

/// A full desired state: everything that a plan wants to be true at one moment. The default value is the state before
/// the first step, in which nothing exists.
package struct State: Hashable, Sendable {
  /// Indexed by `ComponentID.index`; empty before the first step.
  package var components: [ComponentState] = []
  /// nil: nothing is said about mTLS.
  package var mtls: MTLSMode?
  /// The namespace, the gateways and the manifests exist.
  package var exists: Bool = false
  /// The claims of volumes that exist, whether or not a workload mounts them.
  package var volumes: Set<String> = []
  /// Releases that serve somewhere, by index, the one that was deployed first at the front: before there is a default at
  /// an entry, it is the default inside.
  package var releases: [Int] = []

  package init() {}
}

/// What one component is in one state.
package struct ComponentState: Hashable, Sendable {
  /// Sorted by version index. A version that is not here does not exist; 0 replicas is a version that sleeps.
  package var deployed: [DeployedVersion] = []
  /// Who enters by which version, for exposed components; nil before anything was routed or deployed there.
  package var entry: RouteTable?
  /// Which version serves inside: one table per release for a component that stands in releases (indexed by
  /// `ReleaseID.index`), one single table for a shared component or a plan without releases. Empty tables mean that
  /// nothing serves there.
  package var lanes: [RouteTable] = []
  package var mirror: Mirror?
  /// `routing open`: the component has been routed, or a second release with it deployed, so that its VirtualService
  /// and DestinationRule exist from now on. Always true once deployed with `routing pinned`.
  package var isPinned: Bool = false

  package init() {}

  package func deployment(of version: Int) -> DeployedVersion? { deployed.first { $0.version == version } }
  package func isDeployed(_ version: Int) -> Bool { deployment(of: version) != nil }
}

package struct DeployedVersion: Hashable, Sendable {
  /// Index into the component's versions.
  package var version: Int
  package var replicas: Int

  package init(version: Int, replicas: Int) {
    self.version = version
    self.replicas = replicas
  }
}

/// Rules by kind, not by order: cookie and header rules (first match wins), then shares, then the default.
/// Versions are indices into the component's versions.
package struct RouteTable: Hashable, Sendable {
  package struct Rule: Hashable, Sendable {
    package var selector: Selector
    package var version: Int

    package init(selector: Selector, version: Int) {
      self.selector = selector
      self.version = version
    }
  }

  package struct Share: Hashable, Sendable {
    package var version: Int
    /// 1 to 99; shares add up to at most 100, the rest goes to the default.
    package var percent: Int
    /// A sticky share keeps its visitors by a cookie for this long.
    package var stickyMilliseconds: Int?

    package init(version: Int, percent: Int, stickyMilliseconds: Int? = nil) {
      self.version = version
      self.percent = percent
      self.stickyMilliseconds = stickyMilliseconds
    }
  }

  package var rules: [Rule] = []
  package var shares: [Share] = []
  package var fallback: Int?

  package init(fallback: Int? = nil) { self.fallback = fallback }

  package var isEmpty: Bool { rules.isEmpty && shares.isEmpty && fallback == nil }

  /// The versions that who meets no rule may get: the default, and those that have a share.
  package var withoutRules: [Int] {
    (fallback.map { [$0] } ?? []) + shares.filter { $0.percent > 0 }.map(\.version)
  }

  /// Every version that some request reaches by this table.
  package var targets: Set<Int> {
    var all: Set<Int> = []
    visitTargets { all.insert($0) }
    return all
  }

  /// Whether `version` is one of `targets`.
  package func leads(to version: Int) -> Bool {
    rules.contains { $0.version == version } || shares.contains { $0.version == version }
      || fallback == version && shares.reduce(0) { $0 + $1.percent } < 100
  }

  /// Every version of `targets`, some perhaps twice: no set is made.
  package func visitTargets(_ visit: (Int) -> Void) {
    for rule in rules { visit(rule.version) }
    var shared = 0
    for share in shares {
      visit(share.version)
      shared += share.percent
    }
    if let fallback, shared < 100 { visit(fallback) }
  }
}

package struct Mirror: Hashable, Sendable {
  package var version: Int
  package var percent: Int

  package init(version: Int, percent: Int) {
    self.version = version
    self.percent = percent
  }
}
