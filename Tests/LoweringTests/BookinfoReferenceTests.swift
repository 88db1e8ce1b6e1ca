import KubernetesModel
import Lowering
import RolloutPlan
import Testing

private let hasReference = ReferenceObjects.exist("bookinfo")

/// `plans/bookinfo.rollout` beside Istio's own files for Bookinfo: the application, its gateway, and the rules of the
/// traffic management tasks that the plan does one after another.
struct BookinfoReferenceTests {
  /// A place where our objects are not what Istio's files say.
  struct Difference: Hashable, CustomStringConvertible {
    /// A kind, or one object of it.
    var object: String
    /// `*` stands for every item of a list; a path stands for everything below it.
    var path: String

    var description: String { "\(object): \(path)" }
  }

  /// Istio's files and the moment of the plan at which their objects stand.
  private static let moments: [(file: String, step: Int, segment: Int)] = [
    // All three versions of reviews run.
    ("kube/bookinfo.yaml", 3, 0), ("networking/destination-rule-all-mtls.yaml", 3, 0),
    ("networking/bookinfo-gateway.yaml", 0, 0), ("networking/virtual-service-all-v1.yaml", 0, 0),
    ("networking/virtual-service-reviews-test-v2.yaml", 1, 0),
    ("networking/virtual-service-reviews-90-10.yaml", 2, 0), ("networking/virtual-service-reviews-v3.yaml", 4, 0),
  ]

  /// What is another name here: the entry is named after what it exposes, and its inner half after both.
  private static let names = [
    "Gateway/bookinfo-gateway": "productpage-gateway", "VirtualService/bookinfo": "productpage",
    "VirtualService/productpage": "productpage-mesh",
  ]

  /// What we mean to do otherwise. The table is exact: a difference that is not in it fails, and so does a line of it
  /// that is no difference any more.
  private static let intended: [(object: String, path: String, why: String)] = [
    ("ServiceAccount", "", "the language has none; `manifest` and `patch` add one"),
    ("Deployment", "spec/template/spec/serviceAccountName", "the same"),
    ("Deployment", "metadata/labels/app.kubernetes.io/managed-by", "ownership"),
    ("Deployment", "metadata/labels/app.kubernetes.io/part-of", "ownership"),
    ("Deployment", "metadata/namespace", "never left to the context"),
    ("Deployment", "spec/strategy", "no pod less while rolling"),
    (
      "Deployment", "spec/template/metadata/annotations", "scraping by annotation is the installation's, not the plan's"
    ),
    ("Deployment", "spec/template/spec/containers/*/imagePullPolicy", "IfNotPresent is the default for such a tag"),
    ("Deployment", "spec/template/spec/containers/*/ports/*/name", "the Service names it"),
    ("Deployment", "spec/template/spec/containers/*/ports/*/protocol", "a key of the list, spelled out"),
    ("Deployment", "spec/template/spec/containers/*/readinessProbe", "S2 is judged by readiness"),
    (
      "Deployment", "spec/template/spec/containers/*/volumeMounts",
      "scratch space: volumes are claims, `patch` adds others"
    ),
    ("Deployment", "spec/template/spec/volumes", "the same"),
    ("Service", "metadata/labels/app.kubernetes.io/managed-by", "ownership"),
    ("Service", "metadata/labels/app.kubernetes.io/part-of", "ownership"),
    ("Service", "metadata/labels/service", "says what `app` says"),
    ("Service", "metadata/namespace", "never left to the context"),
    ("Service", "spec/ports/*/appProtocol", "wins over the name"),
    ("Service", "spec/ports/*/protocol", "a key of the list, spelled out"),
    ("Service", "spec/ports/*/targetPort", "by name: only pods that have the port answer"),
    ("Gateway", "metadata/labels", "ownership"),
    ("Gateway", "metadata/name", "named after what it exposes"),
    ("Gateway", "metadata/namespace", "never left to the context"),
    ("Gateway", "spec/servers/*/port/number", "80 is the port of the gateway's Service; 8080 is its container's"),
    ("VirtualService", "metadata/labels", "ownership"),
    ("VirtualService", "metadata/namespace", "never left to the context"),
    ("VirtualService", "spec/http/*/name", "says which rule answered"),
    ("VirtualService", "spec/http/*/route/*/destination/port", "spelled out"),
    ("VirtualService/bookinfo", "metadata/name", "named after what it exposes"),
    ("VirtualService/bookinfo", "spec/gateways/*", "the gateway's name"),
    ("VirtualService/bookinfo", "spec/http/*/match", "everything is exposed, not a list of the page's paths"),
    ("VirtualService/bookinfo", "spec/http/*/route/*/destination/subset", "pinned: a new version is dark"),
    ("VirtualService/productpage", "metadata/name", "the entry has the name"),
    ("DestinationRule", "metadata/labels", "ownership"),
    ("DestinationRule", "metadata/namespace", "never left to the context"),
    ("DestinationRule", "spec/subsets/*/labels/app", "two labels, as the pods' selector"),
    ("DestinationRule", "spec/trafficPolicy", "the plan leaves mTLS to the mesh; `mtls strict` would say it"),
    ("DestinationRule/details", "spec/subsets", "Istio's names a v2 that nothing runs"),
    ("DestinationRule/ratings", "spec/subsets", "Istio's names three versions that nothing runs"),
  ]

  @Test(.enabled(if: hasReference, "../shared/reference is not here")) func theTableIsExact() throws {
    let plan = try resolvedPlan("plans/bookinfo.rollout")
    let compiled = compile(plan)
    var used: Set<Difference> = []
    for moment in Self.moments {
      let image = compiled.steps[moment.step].segments[moment.segment].after.image
      for wanted in try ReferenceObjects.read("bookinfo/" + moment.file) {
        guard let kind = wanted["kind"]?.string, let name = wanted.at("metadata", "name")?.string else { continue }
        let object = "\(kind)/\(name)"
        let ours = image.entries.first { $0.id.kind == kind && $0.id.name == Self.names[object] ?? name }?.plain
        for path in ReferenceObjects.differences(
          normal(wanted, in: plan), ours.map { normal($0, in: plan) }, skipped: { _ in false })
        {
          let line = Self.intended.first { ($0.object == kind || $0.object == object) && $0.path == path }
          if let line {
            used.insert(Difference(object: line.object, path: line.path))
          } else {
            Issue.record("\(moment.file): \(object): \(path.isEmpty ? "is not there" : path)")
          }
        }
      }
    }
    for line in Self.intended where !used.contains(Difference(object: line.object, path: line.path)) {
      Issue.record("\(line.object): \(line.path) is no difference any more")
    }
  }

  /// Hosts with their whole names, and the destinations of a route by their subsets: short names and another order mean
  /// the same.
  private func normal(_ value: Value, in plan: Plan, key: String = "") -> Value {
    switch value {
    case .object(let fields):
      var result = fields
      for key in fields.keys { result[key] = fields[key].map { normal($0, in: plan, key: key) } }
      return .object(result)
    case .array(let items):
      let made = items.map { normal($0, in: plan, key: key) }
      guard key == "route" else { return .array(made) }
      return .array(
        made.sorted { ($0.at("destination", "subset")?.string ?? "") < ($1.at("destination", "subset")?.string ?? "") })
    case .string(let text) where key == "host" || key == "hosts":
      let isShort = plan.components.contains { $0.service == text }
      return .string(isShort ? "\(text).\(plan.namespace).svc.cluster.local" : text)
    default: return value
    }
  }
}
