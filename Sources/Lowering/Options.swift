package import Diagnostics
package import KubernetesModel

/// Which version of each Istio API the objects are written in. Offline it is `v1`, or what the Istio that the plan names
/// has; a run takes the best that the server offers (`/apis/networking.istio.io`, `/apis/security.istio.io`). The schemas
/// are the same in every version.
package struct APIVersions: Hashable, Sendable {
  package enum Networking: String, Hashable, Sendable, CaseIterable { case v1, v1beta1, v1alpha3 }
  package enum Security: String, Hashable, Sendable, CaseIterable { case v1, v1beta1 }

  package var networking: Networking
  package var security: Security

  package init(networking: Networking = .v1, security: Security = .v1) {
    self.networking = networking
    self.security = security
  }

  /// What an Istio of this version has: `v1` came with 1.22 (istio.io/latest/blog/2024/v1-apis).
  package init(istio version: String?) {
    let numbers = (version ?? "").split(separator: ".").map { Int($0) }
    let isOld = numbers.count > 1 && numbers[0] == 1 && (numbers[1].map { $0 < 22 } ?? false)
    self.init(networking: isOld ? .v1beta1 : .v1, security: isOld ? .v1beta1 : .v1)
  }

  /// The best of what a server lists for each group; nil where it lists none that we can write.
  package init?(networking offered: [String], security: [String]) {
    guard
      let networking = Networking.allCases.first(where: { offered.contains($0.rawValue) }),
      let security = Security.allCases.first(where: { security.contains($0.rawValue) })
    else { return nil }
    self.init(networking: networking, security: security)
  }
}

package struct LoweringOptions: Hashable, Sendable {
  /// Nil: what the plan says.
  package var apiVersions: APIVersions?

  package init(apiVersions: APIVersions? = nil) { self.apiVersions = apiVersions }
}

/// What only the rendering can find out about a plan.
package enum LoweringProblem: Hashable, Sendable {
  /// The object of this patch exists in no state.
  case patchWithoutTarget(patch: SourceRange)
  /// It names a rule that no object has which it is for: `known` are the names of theirs.
  case patchOfUnknownRule(String, known: [String], patch: SourceRange)
  /// One port number with two protocols in one Service.
  case portWithTwoProtocols(number: Int, first: SourceRange, second: SourceRange)
  /// Two declarations would write the same object.
  case sameObject(ObjectID, first: SourceRange, second: SourceRange)
  /// A name that Kubernetes limits to 63 characters.
  case nameTooLong(String, SourceRange)
  /// Kubernetes probes by GET only.
  case probeMethod(String, SourceRange)
}
