extension CodePage {
  static let safety: [CodePage] = [
    CodePage(
      .undefinedSubset, "A route leads to a subset that no DestinationRule defines.",
      why:
        "Each object of Istio is taken on its own, so between two writes, or for good, a route can name a subset that is not there. Requests then end in a 503 (Envoy: NC).",
      bad: .shop(
        "patch route of web \"spec: {http: [{route: [{destination: {host: web, subset: v9-0}}]}]}\"\n\nstep \"Start\" {\n  deploy web 1.0\n}"
      ),
      good: .shop("step \"Start\" {\n  deploy web 1.0\n}"),
      fix: "Leave subsets to the plan, or define the subset that the patch names before anything routes to it.",
      stage: .safety
    ),
    CodePage(
      .noReadyPods, "A request is sent where no pod is ready.",
      why: "The subset is defined and nothing answers behind it, so requests end in a 503 (Envoy: UH).",
      bad: .shop("patch deployment of web 1.0 \"spec: {replicas: 0}\"\n\nstep \"Start\" {\n  deploy web 1.0\n}"),
      good: .shop("step \"Start\" {\n  deploy web 1.0\n}"),
      fix: "Deploy before routing, and do not take the last pod away from under a route.",
      stage: .safety
    ),
    CodePage(
      .noRoute, "A request finds no route.",
      why:
        "A VirtualService that matches nothing answers with a 404, as if the application did not have the page (Envoy: NR). A route that answers with an error itself, by `fault.abort` or `directResponse`, leads nowhere either.",
      bad: .shop("patch route of web \"spec: {http: []}\"\n\nstep \"Start\" {\n  deploy web 1.0\n}"),
      good: .shop("step \"Start\" {\n  deploy web 1.0\n}"),
      fix: "Keep a last rule without a match: the default.",
      stage: .safety
    ),
    CodePage(
      .mixedReleases, "A pod of one release reaches a version of another.",
      why:
        "Versions of a release are tested together and talk only to each other; a request that crosses over meets an interface that nobody has tried.",
      bad: .tiers(
        "patch route of api \"spec: {http: [{route: [{destination: {host: api, subset: v1-0}}]}]}\"\n\nrelease old {\n  web 1.0\n  api 1.0\n}\n\nrelease new {\n  web 2.0\n  api 2.0\n}\n\nstep \"Old\" {\n  deploy release old\n}\n\nstep \"New\" {\n  deploy release new\n  route web all -> 2.0\n}"
      ),
      good: .tiers(
        "release old {\n  web 1.0\n  api 1.0\n}\n\nrelease new {\n  web 2.0\n  api 2.0\n}\n\nstep \"Old\" {\n  deploy release old\n}\n\nstep \"New\" {\n  deploy release new\n  route web all -> 2.0\n}"
      ),
      fix: "Let the routes be made from the releases; a rule without `sourceLabels` is for callers of all of them.",
      stage: .safety
    ),
    CodePage(
      .strayTraffic, "Traffic reaches a version to which no state sends it, or not the one to which the state does.",
      why:
        "Traffic moves only when a line says so, and when a line says so it moves. A dark version that answers visitors is a release that nobody has approved; a route that a patch has frozen is one that nobody got.",
      bad: .shop(
        "patch route of web \"spec: {http: [{route: [{destination: {host: web, subset: v2-0}}]}]}\"\n\nstep \"Start\" {\n  deploy web 1.0\n  deploy web 2.0\n}\n\nstep \"Switch\" {\n  route web all -> 2.0\n}"
      ),
      good: .shop(
        "step \"Start\" {\n  deploy web 1.0\n  deploy web 2.0\n}\n\nstep \"Switch\" {\n  route web all -> 2.0\n}"
      ),
      fix: "Route with `route`, `shift` or `mirror`, and not with a patch.",
      stage: .safety
    ),
    CodePage(
      .wrongPort, "A request arrives at a port on which the pods do not listen, or that speaks another protocol.",
      why: "The connection is refused, or both sides wait for each other (Envoy: UF).",
      bad: .shop(
        "patch service of web \"spec: {ports: [{name: http, port: 8080, targetPort: 9999}]}\"\n\nstep \"Start\" {\n  deploy web 1.0\n}"
      ),
      good: .shop("step \"Start\" {\n  deploy web 1.0\n}"),
      fix: "Declare the port in the component; its Service and routes follow.",
      stage: .safety
    ),
    CodePage(
      .tlsMismatch, "A client sends plaintext where the server wants mTLS, or the other way round.",
      why: "The connection is reset before a request is read, so the caller sees a 503 (Envoy: UC).",
      bad: .tiers(
        "mesh istio mtls strict\npatch rule of api \"spec: {trafficPolicy: {tls: {mode: DISABLE}}}\"\n\nstep \"Start\" {\n  deploy api 1.0\n  deploy web 1.0\n}"
      ),
      good: .tiers("mesh istio mtls strict\n\nstep \"Start\" {\n  deploy api 1.0\n  deploy web 1.0\n}"),
      fix:
        "Say the mode once, with `mesh istio mtls …` or `mtls …`; servers and clients are changed in an order that both survive.",
      stage: .safety
    ),
    CodePage(
      .tooFewPods, "A version has fewer ready pods than both the state before and the state after want.",
      why: "What is left has to carry the load alone, in the very minute in which things change.",
      bad: .shop(
        "patch deployment of web 1.0 \"spec: {replicas: 1}\"\n\nstep \"Start\" {\n  deploy web 1.0 replicas 3\n}\n\nstep \"Switch\" {\n  deploy web 2.0\n  route web all -> 2.0\n}"
      ),
      good: .shop(
        "step \"Start\" {\n  deploy web 1.0 replicas 3\n}\n\nstep \"Switch\" {\n  deploy web 2.0\n  route web all -> 2.0\n}"
      ),
      fix: "Say how many pods a version has with `replicas`, in the component or behind `deploy`.",
      stage: .safety
    ),
    CodePage(
      .stillInUse, "Something is deleted or stopped that is still used, or used before it is there.",
      why:
        "A route to a deleted Service, or a pod whose Secret or claim is gone, fails at its next request or start. A pod that is written before its claim, or on a volume that another version still has, does not start, and the run gets stuck.",
      bad: .shop(
        "component store {\n  image registry.example.com/store\n  port 5432 tcp\n  volume data 1Gi at /data\n  version 1.0\n}\n\npatch deployment of web \"spec: {template: {spec: {volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]}}}\"\n\nstep \"Start\" {\n  deploy store 1.0\n  deploy web 1.0\n}\n\nstep \"Clean up\" {\n  retire store 1.0 with volumes\n}"
      ),
      good: .shop(
        "component store {\n  image registry.example.com/store\n  port 5432 tcp\n  volume data 1Gi at /data\n  version 1.0\n}\n\nstep \"Start\" {\n  deploy store 1.0\n  deploy web 1.0\n}\n\nstep \"Clean up\" {\n  retire store 1.0 with volumes\n}"
      ),
      fix:
        "Say with `calls` and `volume` who uses what; then `retire` refuses what is still in use, and takes away routes first, then rules, then workloads.",
      stage: .safety
    ),
    CodePage(
      .downtime, "A change must stop a workload before it can start what takes its place.",
      why: """
        A volume belongs to one pod at a time, so a version that takes over a volume starts only when the pods of the \
        other one are gone. Who asks in between gets an error. That can be right, but somebody has to say so.
        """,
      bad: .shop(
        web: "  image registry.example.com/web\n  port 8080 http\n  volume uploads 1Gi at /data\n  version 1.0, 2.0",
        "step \"Start\" {\n  deploy web 1.0\n}\n\nstep \"Replace\" {\n  deploy web 1.0 replicas 0\n  deploy web 2.0\n  route web all -> 2.0\n}"
      ),
      good: .shop(
        web: "  image registry.example.com/web\n  port 8080 http\n  volume uploads 1Gi at /data\n  version 1.0, 2.0",
        "step \"Start\" {\n  deploy web 1.0\n}\n\nstep \"Replace\" {\n  deploy web 1.0 replicas 0  # rolloutc: allow downtime -- the shop is closed at night\n  deploy web 2.0\n  route web all -> 2.0\n}"
      ),
      fix: "Keep the data in a component of its own that stays, or say why the pause is right.",
      stage: .safety
    ),
  ]
}
