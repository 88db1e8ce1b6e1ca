internal import Diagnostics
internal import KubernetesModel
internal import RolloutPlan

/// Every name of a component, worked out once: nothing is formatted while rendering.
struct ComponentNames: Sendable {
  var service: String
  /// `voting-app.voting.svc.cluster.local`
  var host: String
  var serviceID: ObjectID
  var gatewayID: ObjectID
  var ruleID: ObjectID
  var entryID: ObjectID
  var meshID: ObjectID
  var standsInReleases: Bool
  var versions: [VersionNames]
  /// Indices of versions in the order in which they are emitted: `1.9` before `1.10`.
  var versionOrder: [Int]
  var isOrdered: Bool
  /// Every port of every version.
  var ports: [PortNames]
  var hasSeveralHTTPPorts: Bool
  /// Every version that calls this component, by name.
  var callers: [CallerNames]
  var claims: [ClaimNames]
  var exposures: [ExposureNames]
  /// One set of entry routes cannot stand for all exposures: each gets its own, matched by the gateway's port.
  var splitsExposures: Bool
  /// `app`, `managed-by`, `part-of`.
  var labels: Value
  /// Indices of the plan's patches that may apply here.
  var deploymentPatches: [Int] = []
  var servicePatches: [Int] = []
  var routePatches: [Int] = []
  var rulePatches: [Int] = []
  /// The cookie that keeps a visitor of a sticky share.
  var stickyCookie: String
}

struct VersionNames: Sendable {
  var name: String
  var subset: String
  var deploymentID: ObjectID
  /// Indices into the component's ports, in the order of the version.
  var ports: [Int]
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
  var hosts: [String]
  /// Without a slash at the end; `/` for everything.
  var path: String
  var tlsSecret: String?
  /// As a VirtualService names it.
  var gateway: String
  var ownsGateway: Bool
  var range: SourceRange
}

/// Where an object stands within its component.
enum ObjectSlot: Hashable, Sendable {
  case service, gateway, rule, entry, mesh
  /// By index of the version.
  case deployment(Int)
  /// By index of the claim.
  case claim(Int)
}
