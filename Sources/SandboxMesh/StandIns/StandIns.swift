/// Which stand-in answers for which pods.
package struct StandIns: Sendable {
  /// A component version: the labels `app` and `version` of its pods.
  package struct Version: Hashable, Sendable {
    package var namespace: String
    package var app: String
    package var version: String

    package init(namespace: String, app: String, version: String) {
      self.namespace = namespace
      self.app = app
      self.version = version
    }
  }

  /// Those that somebody chose.
  package var byVersion: [Version: any StandIn] = [:]
  /// What the default stand-in calls, where that is known better than from the pod itself.
  package var edges: [Version: [CallEdge]] = [:]
  /// Headers that programs hand on to what they call, besides those that every well-behaved one does (see
  /// ``Received/passedOn``). In lower case.
  package var passedOn: Set<String> = []

  package init() {}

  /// The chosen one, else the one for the pod's image; nil where the default has to do.
  func standIn(for pod: StandInPod) -> (any StandIn)? {
    if let version = pod.componentVersion, let chosen = byVersion[version] { return chosen }
    return StandIns.known(pod.image)
  }

  /// By the image's name, without registry and tag.
  package static func known(_ image: String) -> (any StandIn)? {
    let name = "/" + image.prefix { $0 != "@" }
    let bare = name.lastIndex(of: ":").flatMap { name[$0...].contains("/") ? nil : String(name[..<$0]) } ?? name
    if bare.hasSuffix("/voting/app") { return VotingPage() }
    if bare.hasSuffix("/voting/analytics") { return VotingAnalytics() }
    if bare.hasSuffix("/voting/storage") { return VoteStore.mysql }
    if bare.hasSuffix("/redis") { return VoteStore.redis }
    return nil
  }
}

extension StandInPod {
  var componentVersion: StandIns.Version? {
    guard let app = identity.app, let version = identity.version else { return nil }
    return StandIns.Version(namespace: identity.namespace, app: app, version: version)
  }
}
