package import Diagnostics
package import KubernetesModel
internal import RegularExpressions

/// Everything a plan says, resolved: names are indices, values are typed, nothing is left to look up.
///
/// Declarations keep the order of the text. Indices (`ComponentID`, `ReleaseID` …) point into the arrays here.
package struct Plan: Sendable {
  package var name: String
  package var nameRange: SourceRange
  package var namespace: String
  /// The namespace is somebody else's: it is used, never written.
  package var namespaceExists: Bool
  package var meshVersion: String?
  /// `mesh istio … mtls MODE`: the mode of the first state; nil where nothing is said.
  package var mtls: MTLSMode?
  /// The line that declares the mesh, or the plan's name.
  package var meshRange: SourceRange
  package var routing: RoutingMode
  package var clusterDomain: String

  package var components: [Component] = []
  package var releases: [Release] = []
  package var exposures = ExposureList()
  package var cookies: [CookieDeclaration] = []
  package var headers: [HeaderDeclaration] = []
  package var secrets: [SecretDeclaration] = []
  package var probes: [Probe] = []
  package var patterns: [PatternDeclaration] = []
  package var metrics: [Metric] = []
  package var patches: [Patch] = []
  package var manifests: [Manifest] = []
  package var steps: [Step] = []
  /// The numbers of the ports by which a caller comes to a component whose versions do not all have the same: those that
  /// are there whenever a step has it call.
  package var dialedPorts: [Call: Set<Int>] = [:]
  package var onFailure: FailurePath = .hold
  package var rehearsals: [RehearsalScript] = []
  /// The environment that the plan was resolved for, where one was chosen.
  package var environment: EnvironmentChoice?

  package init(name: String, nameRange: SourceRange) {
    self.name = name
    self.nameRange = nameRange
    self.namespace = name
    self.namespaceExists = false
    self.meshRange = nameRange
    self.routing = .pinned
    self.clusterDomain = "cluster.local"
  }

  /// No `release` block at all: no boundaries, each component is routed on its own.
  package var hasReleases: Bool { !releases.isEmpty }

  package subscript(id: ComponentID) -> Component { components[id.index] }
  package subscript(id: ReleaseID) -> Release { releases[id.index] }
  package subscript(id: VersionID) -> ComponentVersion { components[id.component.index].versions[id.index] }

  /// The step with that ``Step/index``: mostly its place.
  package func step(numbered index: Int) -> Step? {
    if steps.indices.contains(index), steps[index].index == index { return steps[index] }
    return steps.first { $0.index == index }
  }

  /// ``Segment/dialed`` of a segment, by its place in its step.
  package func dialed(inStep index: Int, segment: Int) -> [Call: Set<Int>] {
    let segments = step(numbered: index)?.segments ?? []
    return segments.indices.contains(segment) ? segments[segment].dialed : [:]
  }

  /// The first of its ways in for requests, by which probes ask; else the first for connections.
  package func exposure(of id: ComponentID) -> Exposure? {
    let lines = exposures.indices(of: id)
    if lines.isEmpty { return nil }
    return exposures[lines.first { !exposures[$0].isTCP(self[id]) } ?? lines[0]]
  }
}

package struct ComponentID: Hashable, Sendable, Comparable {
  package var index: Int
  package init(_ index: Int) { self.index = index }
  package static func < (a: Self, b: Self) -> Bool { a.index < b.index }
}

package struct ReleaseID: Hashable, Sendable, Comparable {
  package var index: Int
  package init(_ index: Int) { self.index = index }
  package static func < (a: Self, b: Self) -> Bool { a.index < b.index }
}

/// One version of one component: the component, and the index into its `versions`.
package struct VersionID: Hashable, Sendable, Comparable {
  package var component: ComponentID
  package var index: Int

  package init(_ component: ComponentID, _ index: Int) {
    self.component = component
    self.index = index
  }

  package static func < (a: Self, b: Self) -> Bool { (a.component, a.index) < (b.component, b.index) }
}

package enum RoutingMode: String, Sendable { case pinned, open }
package enum MTLSMode: String, Sendable { case strict, permissive, off }

/// The protocols that a port can speak, in Istio's names for `appProtocol` and port names.
package enum PortProtocol: String, Sendable, CaseIterable {
  case http, http2, https, grpc, grpcWeb = "grpc-web", tcp, tls, mysql, redis, mongo

  /// Istio routes it by `http` rules; everything else is routed per connection.
  package var isHTTP: Bool {
    switch self {
    case .http, .http2, .grpc, .grpcWeb: true
    case .https, .tcp, .tls, .mysql, .redis, .mongo: false
    }
  }

  /// The server speaks first, which a plaintext client and a PERMISSIVE server cannot bear
  /// (istio/istio#35232).
  package var isServerFirst: Bool { self == .mysql }

  /// Pods and clients speak TLS with each other, whatever the mesh does around it.
  package var isTLS: Bool { self == .https || self == .tls }
}

package struct Component: Sendable {
  /// The name in the plan.
  package var name: String
  /// The name in Kubernetes: Service, label `app`, prefix of the Deployments.
  package var service: String
  package var range: SourceRange
  package var nameRange: SourceRange
  package var versions: [ComponentVersion] = []

  package init(name: String, service: String, range: SourceRange, nameRange: SourceRange) {
    self.name = name
    self.service = service
    self.range = range
    self.nameRange = nameRange
  }
}

/// A version with all its settings: those of the component, replaced or merged by its own.
package struct ComponentVersion: Sendable {
  package var name: String
  package var range: SourceRange
  /// With a tag or a digest: `mcr.microsoft.com/aks/samples/voting/app:1.0`.
  package var image: String
  package var imageRange: SourceRange
  package var pull: PullPolicy?
  package var ports: [Port] = []
  package var replicas: Int = 1
  /// The line that says how many; nil where none does.
  package var replicasRange: SourceRange?
  package var calls: [ComponentID] = []
  package var callsRange: SourceRange?
  package var args: [String] = []
  package var env: [EnvVar] = []
  package var volumes: [Volume] = []
  package var resources: Resources?
  package var readiness: HealthCheck?
  package var liveness: HealthCheck?
  /// The releases that list this version, in their order; empty for a shared component.
  package var releases: [ReleaseID] = []

  package init(name: String, range: SourceRange, image: String, imageRange: SourceRange) {
    self.name = name
    self.range = range
    self.image = image
    self.imageRange = imageRange
  }

  /// `1.0` → `1-0`: the version as part of a DNS label.
  package var slug: String { ComponentVersion.slug(of: name) }

  /// `.` and `_` become `-`, upper case becomes lower case.
  package static func slug(of name: String) -> String {
    String(
      decoding: name.utf8.map { byte in
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "_"): UInt8(ascii: "-")
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte + 32
        default: byte
        }
      }, as: UTF8.self)
  }

  /// The subset of this version in the component's DestinationRule: `v1-0`.
  package var subset: String { ComponentVersion.subset(slug: slug) }

  package static func subset(slug: String) -> String {
    slug.utf8.first == UInt8(ascii: "v") ? slug : "v" + slug
  }
}

package enum PullPolicy: String, Sendable {
  case always, missing, never

  /// Kubernetes: `imagePullPolicy`.
  package var kubernetes: String {
    switch self {
    case .always: "Always"
    case .missing: "IfNotPresent"
    case .never: "Never"
    }
  }
}

/// `port NUMBER PROTOCOL target TARGET`.
package struct Port: Hashable, Sendable {
  /// The Service's port, which callers dial and rules speak of.
  package var number: Int
  package var proto: PortProtocol
  /// The container's port. Each version has its own: the Service finds it by the port's name.
  package var target: Int
  package var range: SourceRange

  package init(number: Int, proto: PortProtocol, target: Int? = nil, range: SourceRange) {
    self.number = number
    self.proto = proto
    self.target = target ?? number
    self.range = range
  }
}

package struct EnvVar: Hashable, Sendable {
  package enum Source: Hashable, Sendable {
    case literal(String)
    /// A key of a Secret: never the value.
    case secret(name: String, key: String)
  }

  package var name: String
  package var source: Source
  package var range: SourceRange

  package init(name: String, source: Source, range: SourceRange) {
    self.name = name
    self.source = source
    self.range = range
  }
}

/// `volume NAME SIZE at PATH`: a PersistentVolumeClaim of that name, ReadWriteOnce.
package struct Volume: Hashable, Sendable {
  package var claim: String
  /// A Kubernetes quantity: `1Gi`.
  package var size: String
  package var path: String
  package var range: SourceRange

  /// What a pod calls it: a DNS label, where a claim's name may hold dots and be longer.
  package var podName: String {
    var name = claim.utf8.prefix(63).map { $0 == UInt8(ascii: ".") ? UInt8(ascii: "-") : $0 }
    while name.last == UInt8(ascii: "-") { name.removeLast() }
    return String(decoding: name, as: UTF8.self)
  }

  package init(claim: String, size: String, path: String, range: SourceRange) {
    self.claim = claim
    self.size = size
    self.path = path
    self.range = range
  }
}

/// Requests, and limits where `to` gives them; Kubernetes quantities.
package struct Resources: Hashable, Sendable {
  package var cpu: String?
  package var cpuLimit: String?
  package var memory: String?
  package var memoryLimit: String?

  package init() {}
}

package struct HealthCheck: Hashable, Sendable {
  package enum Action: Hashable, Sendable {
    case http(method: String, path: String, port: Int)
    case tcp(port: Int)
    case grpc(port: Int)
  }

  package var action: Action
  package var withinMilliseconds: Int?
  package var range: SourceRange

  package init(action: Action, withinMilliseconds: Int?, range: SourceRange) {
    self.action = action
    self.withinMilliseconds = withinMilliseconds
    self.range = range
  }
}

/// A set of component versions that talk only to each other.
package struct Release: Sendable {
  package struct Member: Sendable {
    package var component: ComponentID
    /// In the order of the line: `1.0 -> 1.1`. The first is what `deploy release` deploys.
    package var versions: [VersionID]
    package var range: SourceRange

    package init(component: ComponentID, versions: [VersionID], range: SourceRange) {
      self.component = component
      self.versions = versions
      self.range = range
    }
  }

  package var name: String
  package var range: SourceRange
  package var members: [Member] = []

  package init(name: String, range: SourceRange) {
    self.name = name
    self.range = range
  }
}

package struct Exposure: Sendable {
  package var component: ComponentID
  /// The port of the gateway: 80, 443, or a tcp port.
  package var port: Int
  package var hosts: [String]
  /// A path segment prefix; `/` for everything.
  package var path: String
  package var tlsSecret: String?
  /// A gateway that somebody else owns, `namespace/name` or `name`; nil where the plan renders its own.
  package var gateway: String?
  package var range: SourceRange

  package init(
    component: ComponentID, port: Int, hosts: [String], path: String, tlsSecret: String?, gateway: String?,
    range: SourceRange
  ) {
    self.component = component
    self.port = port
    self.hosts = hosts
    // `/api/` takes what `/api` takes.
    let kept = path.lastIndex { $0 != "/" }.map { path[...$0] }
    self.path = kept.map(String.init) ?? "/"
    self.tlsSecret = tlsSecret
    self.gateway = gateway
    self.range = range
  }
}

extension Plan {
  /// What Istio's own ingress is labelled.
  package static let istioIngressLabels = ["istio": "ingressgateway"]

  /// The labels of the pods that visitors come in by: those that the plan's own Gateways select, as `patch Gateway` leaves
  /// them. A cluster has one ingress for all of them.
  package var ingressLabels: [String: String] {
    var labels = Plan.istioIngressLabels
    for patch in patches {
      guard case .object(kind: "Gateway", _) = patch.target else { continue }
      for entry in patch.value.at("spec", "selector")?.fields?.entries ?? [] { labels[entry.key] = entry.value.string }
    }
    return labels
  }

  /// `NAMESPACE/NAME`, or a name in the plan's own namespace.
  package func place(ofGateway gateway: String) -> (namespace: String, name: String) {
    let parts = gateway.split(separator: "/").map(String.init)
    return (parts.count > 1 ? parts[0] : namespace, parts.last ?? gateway)
  }

  /// The labels of the pods that visitors of a line come in by. A gateway of others is taken for a proxy of its own; what one
  /// of a manifest selects is known.
  package func ingressLabels(of exposure: Exposure) -> [String: String] {
    guard let gateway = exposure.gateway else { return ingressLabels }
    let place = place(ofGateway: gateway)
    let own = manifests.lazy.flatMap(\.objects).first { object in
      object["kind"]?.string == "Gateway" && object.at("metadata", "name")?.string == place.name
        && object.at("metadata", "namespace")?.string ?? namespace == place.namespace
    }
    guard let selector = own?.at("spec", "selector")?.fields else { return ["istio": gateway] }
    return selector.entries.reduce(into: [:]) { $0[$1.key] = $1.value.string }
  }
}

extension Exposure {
  /// Both are asked in one virtual host, with one list of routes. Of a wider and a narrower host each has its own.
  func sharesHost(_ other: Exposure) -> Bool { hosts.contains { other.hosts.contains($0) } }

  /// Connections are passed on, and not requests: the component has no http port, or says something else at this one.
  package func isTCP(_ component: Component) -> Bool {
    let ports = component.versions.lazy.flatMap(\.ports)
    return ports.contains { $0.number == port && !$0.proto.isHTTP } || !ports.contains { $0.proto.isHTTP }
  }

  /// The ports of a component to which connections are passed on; none: requests are.
  package func passedPorts(_ component: Component) -> [Port] {
    guard isTCP(component) else { return [] }
    let passed = component.versions.flatMap(\.ports).filter { !$0.proto.isHTTP }
    let own = passed.filter { $0.number == port }
    return own.isEmpty ? passed : own
  }

  /// The pods speak TLS themselves: the gateway reads the name that a client asks for (SNI), and nothing else.
  package func passesTLS(_ component: Component) -> Bool {
    let ports = passedPorts(component)
    return tlsSecret == nil && !ports.isEmpty && ports.allSatisfy(\.proto.isTLS)
  }

  /// Some host is of both.
  package func meets(_ other: Exposure) -> Bool {
    hosts.contains { host in other.hosts.contains { hostsMeet(host, $0) } }
  }

  /// What the covered paths begin with, before a slash or their end; empty for all paths.
  package var prefix: String { path == "/" ? "" : path }

  /// Whether a request for `path` is taken: `/api` takes `/api` and `/api/x`, and not `/apis`.
  package func covers(_ path: String) -> Bool {
    let prefix = prefix
    return prefix.isEmpty || path == prefix || path.hasPrefix(prefix + "/")
  }

  /// The paths of `other` lie in those of this one, and are not all of them.
  package func surrounds(_ other: Exposure) -> Bool { prefix != other.prefix && covers(other.prefix) }

  /// The rules of this line leave out the paths of `other`, which lie in its own: both are asked in one list of routes, in
  /// which nobody can say which comes first.
  package func leavesOut(_ other: Exposure) -> Bool {
    other.component != component && other.port == port && other.gateway == gateway && surrounds(other)
      && Set(other.hosts) == Set(hosts)
  }
}

extension Plan {
  /// Lines of other components for requests, whose paths the rules of `outer` leave out.
  func lines(within outer: Exposure) -> [Exposure] {
    exposures.lines(beside: outer).filter { outer.leavesOut($0) && !$0.isTCP(self[$0.component]) }
  }

  /// The components of which some version calls `callee`, be it deployed or not.
  func callers(of callee: ComponentID) -> [ComponentID] {
    components.indices.filter { components[$0].versions.contains { $0.calls.contains(callee) } }.map { ComponentID($0) }
  }

  /// An RE2 expression for the `:path` of requests that the rules of a line leave out: to other lines' prefixes, by segments,
  /// with or without a query. Nil: they leave nothing out.
  package func pathsLeftOut(of exposure: Exposure) -> String? {
    let inner = lines(within: exposure)
    let paths = Set(inner.map(\.path)).filter { path in !inner.contains { $0.path != path && $0.covers(path) } }
      .sorted()
    if paths.isEmpty { return nil }
    let all = paths.map(quoted).joined(separator: "|")
    return (paths.count > 1 ? "(?:\(all))" : all) + "(?:[/?].*)?"
  }

  /// Whether rules of `outer` may take requests to `inner`, a line of another component within it: both are one list of
  /// routes, in order of age, and the outer one cannot leave the inner path out (Istio takes 1,024 characters of a pattern).
  func mayTake(_ outer: Exposure, from inner: Exposure) -> Bool {
    guard inner.component != outer.component, inner.port == outer.port, inner.gateway == outer.gateway,
      outer.sharesHost(inner), outer.surrounds(inner)
    else { return false }
    return !outer.leavesOut(inner) || pathsLeftOut(of: outer)?.utf8.count ?? 0 > 1_010
  }
}

/// Whether some host is meant by both: `*` is every one, `*.a.com` every one below it.
package func hostsMeet(_ a: String, _ b: String) -> Bool { hostsMeet(a, within: b) || hostsMeet(b, within: a) }

/// Whether `pattern` takes every request that `host` takes.
package func hostsMeet(_ host: String, within pattern: String) -> Bool {
  pattern == host || pattern == "*" || pattern.hasPrefix("*.") && host.hasSuffix(pattern.dropFirst())
}

package struct CookieDeclaration: Sendable {
  package var name: String
  package var selector: Selector
  package var range: SourceRange

  package init(name: String, selector: Selector, range: SourceRange) {
    self.name = name
    self.selector = selector
    self.range = range
  }
}

package struct HeaderDeclaration: Sendable {
  package var name: String
  package var selector: Selector
  package var range: SourceRange

  package init(name: String, selector: Selector, range: SourceRange) {
    self.name = name
    self.selector = selector
    self.range = range
  }
}

/// Which requests a rule is about. Two spellings of one condition are equal.
package enum Selector: Hashable, Sendable {
  /// A cookie with this value; any value where it is nil.
  case cookie(key: String, value: String?)
  /// A header with exactly this value. Header names are stored in lower case.
  case header(key: String, value: String)
  /// A header whose whole value matches an RE2 regular expression.
  case headerMatches(key: String, pattern: String)

  package var isCookie: Bool { if case .cookie = self { true } else { false } }
}

package struct SecretDeclaration: Sendable {
  package var name: String
  package var keys: [String]
  package var range: SourceRange

  package init(name: String, keys: [String], range: SourceRange) {
    self.name = name
    self.keys = keys
    self.range = range
  }
}

package struct PatternDeclaration: Sendable {
  package var name: String
  package var pattern: String
  package var range: SourceRange

  package init(name: String, pattern: String, range: SourceRange) {
    self.name = name
    self.pattern = pattern
    self.range = range
  }
}

extension Plan {
  /// A patch takes the number of pods out of the Deployment, with `replicas: null`: it is an autoscaler's business.
  ///
  /// - Parameter deployment: the name of the version's Deployment; nil: patches that name the object do not count.
  package func isAutoscaled(_ id: VersionID, deployment: String?) -> Bool {
    autoscalingPatch(of: id, deployment: deployment) != nil
  }

  func autoscalingPatch(of id: VersionID) -> Patch? {
    patches.isEmpty ? nil : autoscalingPatch(of: id, deployment: "\(self[id.component].service)-\(self[id].slug)")
  }

  private func autoscalingPatch(of id: VersionID, deployment: String?) -> Patch? {
    patches.first { $0.value.at("spec", "replicas") == .null && $0.changes(id, deployment: deployment) }
  }
}

extension Patch {
  /// It is for the Deployment of a version.
  ///
  /// - Parameter deployment: the name of that Deployment; nil: a patch that names the object does not count.
  func changes(_ id: VersionID, deployment: String?) -> Bool {
    switch target {
    case .deployment(let component, let version): component == id.component && (version ?? id) == id
    case .object(kind: "Deployment", let name): name == deployment
    case .service, .route, .rule, .object: false
    }
  }
}

/// `patch`: a change to an object that the plan generates.
package struct Patch: Sendable {
  package enum Target: Hashable, Sendable {
    case deployment(ComponentID, version: VersionID?)
    case service(ComponentID)
    /// The VirtualServices of the component.
    case route(ComponentID)
    /// The DestinationRule of the component.
    case rule(ComponentID)
    case object(kind: String, name: String)
  }

  package var target: Target
  /// One mapping, merged into the object: `null` deletes, known lists merge by their keys.
  package var value: Value
  package var range: SourceRange

  package init(target: Target, value: Value, range: SourceRange) {
    self.target = target
    self.value = value
    self.range = range
  }
}

/// `manifest FILE`: extra YAML as it is.
package struct Manifest: Sendable {
  package var path: String
  /// The documents of the file; each has a kind and a name, and no Secret holds data.
  package var objects: [Value]
  package var range: SourceRange

  package init(path: String, objects: [Value], range: SourceRange) {
    self.path = path
    self.objects = objects
    self.range = range
  }
}

/// What `--env NAME` chose.
package struct EnvironmentChoice: Sendable {
  package var name: String
  /// The kubeconfig context that a run must use.
  package var context: String?

  package init(name: String, context: String?) {
    self.name = name
    self.context = context
  }
}
