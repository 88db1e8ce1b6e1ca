import KubernetesModel
import MeshModel

// Short spellings of the objects that the tests are about.

func fields(_ pairs: [(String, Value)]) -> Value {
  .object(Fields(pairs.map { Fields.Entry(key: $0.0, value: $0.1) }))
}

func labels(_ pairs: [String: String]) -> Value {
  fields(pairs.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })
}

func metadata(_ name: String, _ namespace: String, age: Int? = nil, annotations: [String: String] = [:]) -> Value {
  var result: [(String, Value)] = [("name", .string(name)), ("namespace", .string(namespace))]
  // The greater the age, the earlier the year.
  if let age { result.append(("creationTimestamp", .string("\(2025 - age)-01-01T00:00:00Z"))) }
  if !annotations.isEmpty { result.append(("annotations", labels(annotations))) }
  return fields(result)
}

/// `ports`: name, number, target.
func service(
  _ name: String, in namespace: String = "shop", _ ports: [(String, Int, Value)], selector: [String: String]? = nil,
  clusterIP: String? = nil, exportTo: String? = nil
) -> Value {
  var spec: [(String, Value)] = [
    ("selector", labels(selector ?? ["app": name])),
    (
      "ports",
      .array(ports.map { fields([("name", .string($0.0)), ("port", .int($0.1)), ("targetPort", $0.2)]) })
    ),
  ]
  if let clusterIP { spec.append(("clusterIP", .string(clusterIP))) }
  return fields([
    ("apiVersion", "v1"), ("kind", "Service"),
    (
      "metadata",
      metadata(name, namespace, annotations: exportTo.map { ["networking.istio.io/exportTo": $0] } ?? [:])
    ),
    ("spec", fields(spec)),
  ])
}

/// `NAME-1-0` with the labels `app` and `version`.
func deployment(
  _ app: String, _ version: String, in namespace: String = "shop", replicas: Int = 1, ports: [(String, Int)] = [],
  sidecar: Bool = true, labels extra: [String: String] = [:]
) -> Value {
  let own = ["app": app, "version": version, "sidecar.istio.io/inject": sidecar ? "true" : "false"]
  return fields([
    ("apiVersion", "apps/v1"), ("kind", "Deployment"),
    ("metadata", metadata("\(app)-\(version.split(separator: ".").joined(separator: "-"))", namespace)),
    (
      "spec",
      fields([
        ("replicas", .int(replicas)),
        (
          "template",
          fields([
            ("metadata", fields([("labels", labels(own.merging(extra) { $1 }))])),
            (
              "spec",
              fields([
                (
                  "containers",
                  .array([
                    fields([
                      ("name", "main"),
                      (
                        "ports",
                        .array(ports.map { fields([("name", .string($0.0)), ("containerPort", .int($0.1))]) })
                      ),
                    ])
                  ])
                )
              ])
            ),
          ])
        ),
      ])
    ),
  ])
}

func virtualService(
  _ name: String, in namespace: String = "shop", hosts: [Value], gateways: [Value] = [], age: Int? = nil,
  exportTo: [Value] = [], http: [Value] = [], tcp: [Value] = [], tls: [Value] = []
) -> Value {
  var spec: [(String, Value)] = [("hosts", .array(hosts))]
  for (key, list) in [("gateways", gateways), ("exportTo", exportTo), ("http", http), ("tcp", tcp), ("tls", tls)]
  where !list.isEmpty {
    spec.append((key, .array(list)))
  }
  return fields([
    ("apiVersion", "networking.istio.io/v1"), ("kind", "VirtualService"),
    ("metadata", metadata(name, namespace, age: age)),
    ("spec", fields(spec)),
  ])
}

func destinationRule(
  _ host: String, in namespace: String = "shop", name: String? = nil, subsets: [String: [String: String]] = [:],
  tls: String? = nil, exportTo: [Value] = [], age: Int? = nil
) -> Value {
  var spec: [(String, Value)] = [
    ("host", .string(host)),
    (
      "subsets",
      .array(
        subsets.sorted { $0.key < $1.key }.map { fields([("name", .string($0.key)), ("labels", labels($0.value))]) }
      )
    ),
  ]
  if let tls { spec.append(("trafficPolicy", ["tls": ["mode": .string(tls)]])) }
  if !exportTo.isEmpty { spec.append(("exportTo", .array(exportTo))) }
  return fields([
    ("apiVersion", "networking.istio.io/v1"), ("kind", "DestinationRule"),
    ("metadata", metadata(name ?? host, namespace, age: age)), ("spec", fields(spec)),
  ])
}

/// One server for HTTP.
func gateway(
  _ name: String, in namespace: String = "shop", port: Int = 80, protocol word: String = "HTTP", hosts: [Value] = ["*"]
) -> Value {
  [
    "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": metadata(name, namespace),
    "spec": [
      "selector": ["istio": "ingressgateway"],
      "servers": [
        [
          "port": ["number": .int(port), "name": "main", "protocol": .string(word)],
          "hosts": .array(hosts),
        ]
      ],
    ],
  ]
}

func peerAuthentication(
  _ mode: String, in namespace: String, name: String = "default", selector: [String: String] = [:],
  ports: [String: String] = [:], age: Int? = nil
) -> Value {
  var spec: [(String, Value)] = [("mtls", ["mode": .string(mode)])]
  if !selector.isEmpty { spec.append(("selector", fields([("matchLabels", labels(selector))]))) }
  if !ports.isEmpty {
    spec.append(
      ("portLevelMtls", fields(ports.sorted { $0.key < $1.key }.map { ($0.key, ["mode": .string($0.value)]) }))
    )
  }
  return fields([
    ("apiVersion", "security.istio.io/v1"), ("kind", "PeerAuthentication"),
    ("metadata", metadata(name, namespace, age: age)), ("spec", fields(spec)),
  ])
}

/// A destination of a route.
func to(_ host: String, _ subset: String? = nil, port: Int? = nil, weight: Int? = nil) -> Value {
  var destination: [(String, Value)] = [("host", .string(host))]
  if let subset { destination.append(("subset", .string(subset))) }
  if let port { destination.append(("port", ["number": .int(port)])) }
  var result: [(String, Value)] = [("destination", fields(destination))]
  if let weight { result.append(("weight", .int(weight))) }
  return fields(result)
}

func rule(_ matches: [Value] = [], _ routes: [Value], name: String? = nil, _ more: [(String, Value)] = []) -> Value {
  var result: [(String, Value)] = []
  if let name { result.append(("name", .string(name))) }
  if !matches.isEmpty { result.append(("match", .array(matches))) }
  if !routes.isEmpty { result.append(("route", .array(routes))) }
  return fields(result + more)
}

func sidecar(_ app: String, _ version: String, in namespace: String = "shop") -> Client {
  .sidecar(labels: ["app": app, "version": version], namespace: namespace)
}

let ingress = Client.gateway(labels: ["istio": "ingressgateway", "app": "edge"], namespace: "istio-system")

/// A result in one line: `80% web:8080/v1 → web-1-0, 20% 503 NC`.
func summary(_ result: RouteResult) -> String {
  result.branches.map { branch in
    let percent = (branch.probability * 1000).rounded() / 10
    let share = percent == 100 ? "" : "\(percent)% "
    return share + summary(branch.outcome)
  }.sorted().joined(separator: ", ")
}

func summary(_ outcome: Outcome) -> String {
  switch outcome {
  case .destination(let destination):
    let host = destination.host.split(separator: ".")[0]
    let via =
      switch destination.via {
      case .cluster: ""
      case .passthrough: "passthrough "
      case .kubeProxy: "direct "
      }
    let subset = destination.subset.map { "/\($0)" } ?? ""
    let pods = destination.endpoints.map(\.workload.name).joined(separator: "+")
    return "\(via)\(host):\(destination.port)\(subset) → \(pods)"
  case .redirect(let redirect): return "\(redirect.status) \(redirect.location)"
  case .directResponse(let status, let body): return "\(status) \(body ?? "")"
  case .abort(let status): return "abort \(status)"
  case .failure(let failure):
    return "\(failure.httpStatus.map(String.init) ?? "closed") \(failure.flag?.rawValue ?? "-")"
  case .delegated(let name): return "delegate \(name)"
  case .passthrough(let host, let port): return "passthrough \(host):\(port)"
  }
}
