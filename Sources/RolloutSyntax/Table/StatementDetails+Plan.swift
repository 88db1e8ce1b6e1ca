extension StatementTable {
  /// The statements about the plan as a whole, and the two ways out of the language.
  static func planDetails(_ form: Form) -> StatementDetails {
    switch form {
    case .plan:
      StatementDetails(
        """
        Every plan has exactly one `plan` line. Its name is part of what the run leaves in the cluster: the label \
        `app.kubernetes.io/part-of`, the journal, the names of sticky cookies. Files that are included have none.
        """,
        ["plan voting", #"plan "release""#])
    case .language:
      StatementDetails(
        """
        The edition is 1 unless said. Saying it keeps the plan's meaning when a later edition comes; leaving it out is a \
        lint.
        """,
        ["language 1"])
    case .include:
      StatementDetails(
        """
        Reads the declarations of another file, as if they stood here. The path is relative to the file that includes. \
        An included file holds declarations only, counts once however often it is included, and stays inside the plan's \
        folder (`--root DIR` widens that). A cycle or a missing file is an error.
        """,
        ["include shared/visitors.rollout", #"include "my components.rollout""#])
    case .namespace:
      StatementDetails(
        """
        The namespace that holds every object of the plan; the plan's name unless said. The run creates and labels it, and \
        no way back removes it: what the plan did is remembered in it. With `existing` somebody else keeps it: the run only \
        reads it.
        """,
        ["namespace voting", "namespace shop existing"])
    case .mesh:
      StatementDetails(
        """
        The mesh is Istio. A version, where given, says which version of its objects is written for review: \
        `v1beta1` before 1.22, else `v1`. A run writes what the cluster has.

        With `mtls` left out, nothing is said about encryption: no PeerAuthentication, no `tls` in a DestinationRule. \
        `strict` demands it on both sides, `permissive` offers it to callers that can, `off` disables it on both sides. A \
        step may change it with a statement of its own.
        """,
        ["mesh istio mtls strict", "mesh istio", "mesh istio 1.24 mtls permissive", "mesh istio mtls off"])
    case .routing:
      StatementDetails(
        """
        `pinned`, the default: a component's first version is pinned from the first step on, and a newly deployed version \
        stays dark until it is routed. `open`: a component has no VirtualService and DestinationRule, and Kubernetes \
        balances over all its versions, until it is routed or a second release with it is deployed.
        """,
        ["routing pinned", "routing open"])
    case .expose:
      StatementDetails(
        """
        Lets traffic in through a gateway: hosts `"*"` unless said. `path` is a prefix by path segments: `/shop` takes \
        `/shop` and `/shop/cart`, and not `/shopping`. Port 443 needs `tls secret`; that Secret lives beside the gateway \
        and needs no declaration. Ports that speak tcp may be exposed too, for whatever host; where a component speaks \
        `https` or `tls` itself, its connections are passed on by the name that clients ask for (SNI), and the line has no \
        `tls secret`. Several components may share a host by \
        their paths, also one path within another: where the lines have the same hosts, rules of the outer one leave the \
        inner path out, also while nobody answers there: then the default of the line for all paths does, if there is one. Who has a narrower host of a wider one, as `docs.example.com` beside `"*"`, has all of its paths. \
        Visitors come to the component's port of the same number, else to its first http one, else to its first. A \
        component may have several lines, each at a port of its own, or for another path of one port and the same hosts; probes ask by the first one for requests. Lines of \
        one port and one certificate share a Gateway, which has the name of the first line's component and selects pods \
        labelled `istio: ingressgateway`, unless `patch Gateway NAME` says another `spec.selector`. `through gateway` uses a gateway that exists, `NAMESPACE/NAME` or `NAME`, \
        instead of one of the plan's own; `tls secret` beside it says that this gateway ends TLS at the port, with a \
        certificate that its own Gateway names, so that requests come on in the clear.
        """,
        [
          #"expose voting-app on port 80 hosts "*" path /"#,
          "expose web on port 443 hosts shop.example.com, www.example.com tls secret shop-tls",
          "expose web on port 80 through gateway istio-ingress/public",
          "expose web on port 443 path /shop tls secret web-cert through gateway public",
        ])
    case .manifest:
      StatementDetails(
        """
        Objects that the plan does not generate, taken from a YAML file as they stand, and applied before the workloads. Their \
        Deployments, StatefulSets and DaemonSets are waited for together with the first pods of the plan. A Secret with data is an error: secrets are referenced, never written. A field that is `null` is left out, as \
        Kubernetes reads it; a label, an annotation or a value of a ConfigMap is then an empty text.
        """,
        ["manifest monitoring/dashboards.yaml", #"manifest "extra objects.yaml""#])
    case .patch:
      StatementDetails(
        """
        Merges YAML into an object that the plan generates: a strategic merge by the known list keys for Kubernetes' own \
        kinds, RFC 7386 elsewhere; `null` deletes. It is applied wherever the object exists, and is an error where it \
        exists in no state. A version goes only with `deployment`; without one, all versions are meant. What a patch has \
        a probe ask, as `exec`, takes the place of what the plan has it ask. It never changes names, \
        namespaces, selectors or ownership labels.

        What a `route` lacks, such as a timeout, is written as a rule without a `route` of its own: it goes into every rule \
        that the plan makes, or into those of its `name`. With a `name` it may have a `match`, which takes the place of the \
        rule's own; of what is exposed that is the rule for visitors. A list with a `route` in it takes the place of the plan's rules, and the proof tells what that breaks.

        `deployment`, `service`, `route` (the VirtualService) and `rule` (the DestinationRule) name the object by its \
        component; otherwise the object's kind and name say which.
        """,
        [
          "patch deployment of web 2.0 with patches/web.yaml",
          #"patch deployment of web "{spec: {revisionHistoryLimit: 3}}""#,
          "patch service of web with patches/service.yaml",
          "patch route of web with patches/route.yaml",
          #"patch route of storage "{spec: {http: [{timeout: 5s, retries: {attempts: 2}}]}}""#,
          #"patch route of web "{spec: {http: [{name: default, match: [{uri: {prefix: /}}, {uri: {exact: /old}}]}]}}""#,
          "patch rule of storage with patches/rule.yaml",
          "patch Gateway public with patches/gateway.yaml",
          "patch PersistentVolumeClaim data \"\"\"\n  metadata:\n    annotations:\n      team: storage\n\"\"\"",
        ])
    default: StatementDetails("", [])
    }
  }
}
