/// The lints of `rolloutc check DIR --against DIR`. Their examples are YAML, as somebody would write it.
extension CodePage {
  static let folders: [CodePage] = [
    CodePage(
      .laneWithoutDefault, "A VirtualService has rules for some callers and none for the rest.",
      why:
        "Istio leaves the rules out that are not for a caller. Where none is left, the VirtualService is not there for that caller, and its requests go to the pods of every version. It is no 404, as one would think, so nobody notices.",
      bad: .routes(api + "\n  - match: [{sourceLabels: {app: web}}]\n    " + to("v1")),
      good: .routes(api + "\n  - match: [{sourceLabels: {app: web}}]\n    " + to("v1") + "\n  - " + to("v1")),
      fix: "End the rules with one that has no `sourceLabels`: the stable version, or a refusal.", stage: .folder),
    CodePage(
      .laneAcrossPorts, "A rule takes connections to one port and leads them to another.",
      why:
        "A tcp match without `port` is met by connections to every port of the service. Who dials Redis is then answered by MySQL.",
      bad: .routes(store + "\n  - route: [{destination: {host: store, port: {number: 6379}}}]"),
      good: .routes(
        store
          + "\n  - match: [{port: 6379}]\n    route: [{destination: {host: store, port: {number: 6379}}}]\n  - match: [{port: 3306}]\n    route: [{destination: {host: store, port: {number: 3306}}}]"
      ),
      fix: "Write `port` in every tcp match, and the same number in its destination.", stage: .folder),
    CodePage(
      .orphanLane, "A lane is for pods that do not exist, or pods have none where their like have.",
      why:
        "Labels in `sourceLabels` are compared with those of the pods' template, letter by letter. A lane for nobody does nothing, and the callers that it was meant for take what is for everybody.",
      bad: .routes(
        api + "\n  - match: [{sourceLabels: {app: web, version: v1}}]\n    " + to("v1") + "\n  - " + to("v1")),
      good: .routes(
        api + "\n  - match: [{sourceLabels: {app: web, version: \"1\"}}]\n    " + to("v1") + "\n  - " + to("v1")),
      fix: "Write the labels of the template, or take the lane away.", stage: .folder),
    CodePage(
      .shadowed, "An object is hidden by another one, or from those who should see it.",
      why:
        "A sidecar takes one VirtualService for a host, the oldest, and the DestinationRules of one namespace. `exportTo: [\".\"]` hides an object from gateways, whose pods are in another namespace: 404, or 503 NC.",
      bad: .routes(
        api + "\n  - " + to("v1")
          + "\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: api-2}\nspec:\n  hosts: [api]\n  http:\n  - "
          + to("v1")),
      good: .routes(api + "\n  - " + to("v1")),
      fix: "Write all rules for a host into one object, in the service's namespace, and leave `exportTo` out.",
      stage: .folder),
    CodePage(
      .serviceSelector, "A Service selects no pods, pods that do not listen, or fewer than its subsets need.",
      why:
        "A subset is chosen among the pods that the Service selects. Where the Service selects one version, the other versions' subsets are empty: 503 UH. Where it selects pods of several kinds with a numeric `targetPort`, some of them do not listen on it.",
      bad: .routes(api + "\n  - " + to("v1"), selector: "app: apis"),
      good: .routes(api + "\n  - " + to("v1")),
      fix: "Select by what all versions share, and let `targetPort` name a port that only the right pods have.",
      stage: .folder),
    CodePage(
      .lostSourceLabels, "`sourceLabels` stand where they mean nothing, or something else.",
      why:
        "A gateway compares them with the labels of its own pods. In an http match that names `gateways` they are not looked at.",
      bad: .routes(
        edge
          + "\n  - match: [{sourceLabels: {app: web}}]\n    route: [{destination: {host: web}}]\n  - route: [{destination: {host: web}}]"
      ),
      good: .routes(edge + "\n  - route: [{destination: {host: web}}]"),
      fix: "Tell visitors apart by headers, cookies or paths, and callers by a VirtualService for the mesh.",
      stage: .folder),
    CodePage(
      .lanesUnsupported, "Lanes where the mesh does not have them.",
      why:
        "Of a headless Service the caller's DNS answer picks the pod. In ambient mode a waypoint drops `sourceLabels`, and without a waypoint no VirtualService counts. What is proved does not hold there.",
      bad: .routes(
        api + "\n  - match: [{sourceLabels: {app: web}}]\n    " + to("v1") + "\n  - " + to("v1"),
        service: "clusterIP: None, "),
      good: .routes(api + "\n  - match: [{sourceLabels: {app: web}}]\n    " + to("v1") + "\n  - " + to("v1")),
      fix: "Give the Service an address, and its callers sidecars.", stage: .folder),
    CodePage(
      .looseCookie, "A match of the cookie header takes too much or too little.",
      why:
        "The header holds every cookie of the site, `a=1; b=2`, and an expression has to match all of it. `.*flag=on.*` also takes `noflag=on` and `flag=online`; `flag=on` misses a visitor with one more cookie.",
      bad: .routes(
        api + "\n  - match: [{headers: {cookie: {regex: '.*flag=on.*'}}}]\n    " + to("v1") + "\n  - " + to("v1")),
      good: .routes(
        api + "\n  - match: [{headers: {cookie: {regex: '^(.*?; ?)?(flag=on)(;.*)?$'}}}]\n    " + to("v1") + "\n  - "
          + to("v1")),
      fix: "Write `^(.*?; ?)?(NAME=VALUE)(;.*)?$`, with `\\.` for a point.", stage: .folder),
    CodePage(
      .oddWeights, "Weights that do not add up to 100, or that promise what they do not hold.",
      why:
        "Istio before 1.15 refuses other sums, later ones make shares of them. `consistentHash` keeps a visitor at a pod of one subset; which subset is drawn anew for every request.",
      bad: .routes(api + "\n  - route:\n    " + share(80) + "\n    " + share(10)),
      good: .routes(api + "\n  - route:\n    " + share(90) + "\n    " + share(10)),
      fix: "Write shares that add up to 100, and keep visitors by a cookie rule in front of them.", stage: .folder),
    CodePage(
      .noReadinessProbe, "A version that requests are led to has no readiness probe.",
      why:
        "Its pods count as ready as soon as their process runs, and get requests before they listen: 503 UF. A rollout then replaces the last pods that work by some that do not.",
      bad: .routes(api + "\n  - " + to("v1"), probe: ""), good: .routes(api + "\n  - " + to("v1")),
      fix: "Write a `readinessProbe`; a tcp probe of the port is better than none.", stage: .folder),
    CodePage(
      .unquotedText, "A label or another text is a number or a truth value to YAML.",
      why:
        "`version: 1.0` is the number 1, and `on`, `yes` and `y` are true. The API server refuses the object, and no label equals it. In a plan it is said of what `patch` and `manifest` bring in, wherever only text can stand: labels, annotations, the values of `env` and of ConfigMaps.",
      bad: .routes(
        api + "\n  - match: [{sourceLabels: {app: web, version: 1.0}}]\n    " + to("v1") + "\n  - " + to("v1")),
      good: .routes(
        api + "\n  - match: [{sourceLabels: {app: web, version: \"1\"}}]\n    " + to("v1") + "\n  - " + to("v1")),
      fix: "Write it in quotes.", stage: .folder),
    CodePage(
      .undeclaredProtocol, "A port of a Service does not say what it speaks.",
      why:
        "Istio then guesses from the first bytes of each connection. That takes time, hangs where the server speaks first, and decides whether http rules or tcp rules are looked at.",
      bad: .routes(api + "\n  - " + to("v1"), port: "port: 80"), good: .routes(api + "\n  - " + to("v1")),
      fix: "Write `appProtocol`, or a name that begins with it: `http-web`, `tcp-data`.", stage: .folder),
  ]

  private static let api = "  hosts: [api]\n  http:"
  private static let store = "  hosts: [store]\n  tcp:"
  private static let edge = "  hosts: [\"*\"]\n  gateways: [edge]\n  http:"

  private static func to(_ subset: String) -> String { "route: [{destination: {host: api, subset: \(subset)}}]" }
  private static func share(_ weight: Int) -> String {
    "- {destination: {host: api, subset: v1}, weight: \(weight)}"
  }
}

extension CodePage.Example {
  /// Two components and a store, and a VirtualService with these lines as its spec.
  fileprivate static func routes(
    _ spec: String, selector: String = "app: api", service: String = "", port: String = "name: http, port: 80",
    probe: String = ", readinessProbe: {tcpSocket: {port: 8080}}"
  ) -> CodePage.Example {
    func deployment(_ name: String, _ container: String) -> String {
      """
      ---
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: \(name)-1}
      spec:
        selector: {matchLabels: {app: \(name), version: "1"}}
        template:
          metadata: {labels: {app: \(name), version: "1"}}
          spec: {containers: [{name: \(name), image: \(name)\(container)}]}

      """
    }
    let isStore = spec.contains("[store]")
    let isEdge = spec.contains("[edge]")
    let objects =
      isStore
      ? """
      apiVersion: v1
      kind: Service
      metadata: {name: store}
      spec: {selector: {app: store}, ports: [{name: redis, port: 6379}, {name: mysql, port: 3306}]}

      """ + deployment("store", ", ports: [{containerPort: 6379}, {containerPort: 3306}]")
      : isEdge
        ? """
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}
        ---
        apiVersion: networking.istio.io/v1
        kind: Gateway
        metadata: {name: edge}
        spec:
          selector: {istio: ingressgateway}
          servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]

        """ + deployment("web", ", ports: [{containerPort: 8080}]")
        : """
        apiVersion: v1
        kind: Service
        metadata: {name: api}
        spec: {\(service)selector: {\(selector)}, ports: [{\(port), targetPort: 8080}]}

        """ + deployment("web", ", env: [{name: API, value: \"http://api\"}]")
          + deployment("api", ", ports: [{containerPort: 8080}]\(probe)")
            + """
            ---
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: api}
            spec: {host: api, subsets: [{name: v1, labels: {version: "1"}}]}

            """
    return yaml(
      objects + """
        ---
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: \(isStore ? "store" : isEdge ? "web" : "api")}
        spec:
        \(spec)
        """)
  }
}
