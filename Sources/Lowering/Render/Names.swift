internal import Diagnostics
package import KubernetesModel
package import RolloutPlan

/// Every name of a component, worked out once: nothing is formatted while rendering. A class, so that
/// handing it on costs one reference count and not one per name.
final class ComponentNames: Sendable {
  let service: String
  /// `voting-app.voting.svc.cluster.local`
  let host: String
  let serviceID: ObjectID
  /// Its own, or the one of another component that it shares.
  let gatewayID: ObjectID
  /// Of the Gateway that bears the component's name; none where it shares another one, or none of the plan's.
  let gatewayServers: [GatewayServer]
  let ruleID: ObjectID
  let entryID: ObjectID
  let meshID: ObjectID
  let standsInReleases: Bool
  let versions: [VersionNames]
  /// Indices of versions in the order in which they are emitted: `1.9` before `1.10`.
  let versionOrder: [Int]
  let isOrdered: Bool
  /// Every port of every version.
  let ports: [PortNames]
  let hasSeveralHTTPPorts: Bool
  /// Every version that calls this component, by name.
  let callers: [CallerNames]
  /// ``Plan/byThemselves``
  let runsByItself: Bool
  let claims: [ClaimNames]
  let exposures: [ExposureNames]
  /// One set of conditions cannot stand for all exposures: each has its own.
  let splitsExposures: Bool
  /// And they are for several ports: each has its own routes.
  let splitsPorts: Bool
  /// Entry routes say for which port they are.
  let needsPort: Bool
  /// `app`, `managed-by`, `part-of`.
  let labels: Value
  /// Indices of the plan's patches that may apply here.
  let deploymentPatches: [Int]
  let servicePatches: [Int]
  let routePatches: [Int]
  let rulePatches: [Int]
  /// The cookie that keeps a visitor of a sticky share.
  let stickyCookie: String

  init(_ draft: ComponentNamesDraft) {
    service = draft.service
    host = draft.host
    serviceID = draft.serviceID
    gatewayID = draft.gatewayID
    gatewayServers = draft.gatewayServers
    ruleID = draft.ruleID
    entryID = draft.entryID
    meshID = draft.meshID
    standsInReleases = draft.standsInReleases
    versions = draft.versions
    versionOrder = draft.versionOrder
    isOrdered = draft.isOrdered
    ports = draft.ports
    hasSeveralHTTPPorts = draft.hasSeveralHTTPPorts
    callers = draft.callers
    runsByItself = draft.runsByItself
    claims = draft.claims
    exposures = draft.exposures
    splitsExposures = draft.splitsExposures
    splitsPorts = draft.splitsPorts
    needsPort = draft.needsPort
    labels = draft.labels
    deploymentPatches = draft.deploymentPatches
    servicePatches = draft.servicePatches
    routePatches = draft.routePatches
    rulePatches = draft.rulePatches
    stickyCookie = draft.stickyCookie
  }
}

/// The names while they are put together.
struct ComponentNamesDraft {
  var service: String
  var host: String
  var serviceID: ObjectID
  var gatewayID: ObjectID
  var gatewayServers: [GatewayServer]
  var ruleID: ObjectID
  var entryID: ObjectID
  var meshID: ObjectID
  var standsInReleases: Bool
  var versions: [VersionNames]
  var versionOrder: [Int]
  var isOrdered: Bool
  var ports: [PortNames]
  var hasSeveralHTTPPorts: Bool
  var callers: [CallerNames]
  /// ``Plan/byThemselves``
  var runsByItself = false
  var claims: [ClaimNames]
  var exposures: [ExposureNames]
  var splitsExposures: Bool
  var splitsPorts: Bool
  var needsPort: Bool
  var labels: Value
  var deploymentPatches: [Int] = []
  var servicePatches: [Int] = []
  var routePatches: [Int] = []
  var rulePatches: [Int] = []
  var stickyCookie: String
}

struct VersionNames: Sendable {
  var name: String
  var subset: String
  var deploymentID: ObjectID
  /// Indices into the component's ports, in the order of the version.
  var ports: [Int]
  /// Indices into the component's claims.
  var claims: [Int]
  /// Per exposure: the index of the port that entering requests are led to; nil where the version has none for it.
  var entryPorts: [Int?]
  /// The Deployment but for its replicas.
  var metadata: Value
  var specBehindReplicas: [Fields.Entry]
  var subsetValue: Value
}

struct PortNames: Sendable {
  var number: Int
  /// At most 15 characters: `http`, `http-2`, `tcp-https`.
  var name: String
  var isHTTP: Bool
  var value: Value
}

struct CallerNames: Sendable {
  var id: VersionID
  /// `lane-voting-app-1.0`
  var lane: String
  var labels: Value
}

struct ClaimNames: Sendable {
  var name: String
  var id: ObjectID
  var size: String
  var range: SourceRange
}

struct ExposureNames: Sendable {
  var port: Int
  var isTCP: Bool
  /// Connections are told apart by the name that their clients ask for.
  var passesTLS: Bool
  /// The gateway is somebody else's, and nobody else's connections come by it at this port: whatever it does with TLS, all
  /// of them are the component's.
  var mayEndTLS: Bool
  var hosts: [String]
  /// Without a slash at the end; `/` for everything.
  var path: String
  /// An RE2 expression for what rules leave out of it, as it is another component's; nil: nothing.
  var leftOut: String?
  /// As a VirtualService names it.
  var gateway: String
  var range: SourceRange
}

/// Which object of which component an identity is, and the declaration that it follows from.
struct ObjectPlace: Sendable {
  var component: Int
  var slot: ObjectSlot
  var range: SourceRange
}

/// Where an object stands within its component.
enum ObjectSlot: Hashable, Sendable {
  case service, gateway, rule, entry, mesh
  /// By index of the version.
  case deployment(Int)
  /// By index of the claim.
  case claim(Int)

  /// What it is a part of.
  var part: Parts {
    switch self {
    case .service: .service
    case .gateway: .gateway
    case .rule: .rule
    case .entry: .entry
    case .mesh: .mesh
    case .deployment: .workloads
    case .claim: .claims
    }
  }
}

extension Renderer {
  /// The Deployment of a version, whether or not it stands.
  package func deploymentID(of version: VersionID) -> ObjectID {
    components[version.component.index].versions[version.index].deploymentID
  }

  /// The version as the mesh and its metrics know it.
  package func workload(_ version: VersionID) -> WorkloadRef {
    let names = components[version.component.index]
    return WorkloadRef(app: names.service, version: names.versions[version.index].name)
  }

  /// The exposed component whose entry `id` routes; nil for every other object.
  package func exposedComponent(of id: ObjectID) -> ComponentID? {
    guard let place = slots[id], case .entry = place.slot else { return nil }
    return ComponentID(place.component)
  }
}
