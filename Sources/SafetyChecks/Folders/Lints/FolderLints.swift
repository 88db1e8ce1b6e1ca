internal import Diagnostics
internal import KubernetesModel
internal import MeshModel

/// What is odd about one folder by itself, and costs nobody a request yet, or only those of whom the folder does not
/// know.
struct FolderLint {
  var code: Code
  var message: String
  var object: PlacedObject
  var notes: [String]
  var help: String
  /// The full name of the service that it is about.
  var host: String?
  /// What requests that meet it fail of.
  var causes: Set<Code> = []

  var diagnostic: Diagnostic {
    Diagnostic(code, message, at: Label(object.range, "\(object.id)"), notes: notes, help: help)
  }

  /// A request fails of the same fault, and that is said already.
  func explains(_ finding: FolderFinding) -> Bool {
    guard causes.contains(finding.diagnostic.code) else { return false }
    return finding.diagnostic.primary.range == object.range || finding.host != nil && finding.host == host
  }
}

/// The lints of one folder. Each rule is a file beside this one; the rules are those of which no other tool speaks.
struct FolderLints {
  let objects: FolderObjects
  var all: [FolderLint] = []

  init(_ objects: FolderObjects) {
    self.objects = objects
    for routes in objects.routes {
      findLanesWithoutDefault(routes)
      findLanesAcrossPorts(routes)
      findOrphanLanes(routes)
      findLostSourceLabels(routes)
      findLanesOverHeadless(routes)
      findLooseCookies(routes)
      findOddWeights(routes)
    }
    findCallersWithoutLane()
    findAmbient()
    findShadowedRoutes()
    findShadowedRules()
    findHiddenFromGateways()
    for service in objects.services {
      findSelector(service)
      findMixedPods(service)
      findUndeclaredProtocols(service)
    }
    findMissingProbes()
    findUnquoted()
  }

  mutating func report(
    _ code: Code, _ message: String, at object: PlacedObject, notes: [String] = [], help: String, host: String? = nil,
    causes: Set<Code> = []
  ) {
    all.append(
      FolderLint(code: code, message: message, object: object, notes: notes, help: help, host: host, causes: causes))
  }

  /// A VirtualService's match that only some callers meet.
  func isLane(_ match: Value) -> Bool { match["sourceLabels"] != nil || match["sourceNamespace"] != nil }

  func matches(_ rule: Value) -> [Value] { rule["match"]?.array ?? [] }

  /// `voting-app-1-0, voting-app-2-0`, at most four.
  func names(_ pods: [FolderObjects.Pods]) -> String {
    let all = pods.map { "`\($0.id.name)`" }
    return all.prefix(4).joined(separator: ", ") + (all.count > 4 ? " and \(all.count - 4) more" : "")
  }
}
