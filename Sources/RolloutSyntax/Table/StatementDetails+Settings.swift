extension StatementTable {
  /// What a component or one of its versions says. A version's setting wins over its component's.
  static func settingDetails(_ form: Form) -> StatementDetails {
    switch form {
    case .image:
      StatementDetails(
        """
        The container's image. Without a tag, the version is the tag. An image with a tag above several versions is a \
        lint; a component without an image is an error.
        """,
        ["image redis:4.0.10", "image mcr.microsoft.com/aks/samples/voting/app", #"image "${registry}/web""#])
    case .pull:
      StatementDetails(
        "`missing` is Kubernetes' `IfNotPresent`. Kubernetes' own default holds where nothing is said.",
        ["pull always", "pull missing", "pull never"])
    case .port:
      StatementDetails(
        """
        A port of the Service, and what it speaks; unless said it is passed on as `tcp`, with a lint. Callers dial it, \
        and `expose`, `port of` and `url of` speak of it. A version's ports replace the component's. One number has one \
        protocol in all versions, as one Service serves them.

        The container listens on the same port, or on the one behind `target`. Each version has its own: the Service \
        finds it by the port's name. Health checks speak of the container's port.

        What a pod encrypts itself is opaque to the mesh: ports that speak `https` or `tls` have `appProtocol: tcp`, so \
        that routes hold for each connection, whatever name it asks for.
        """,
        [
          "port 8080 http", "port 80 http target 8080", "port 3306 mysql", "port 80", "port 8443 https",
          "port 50051 grpc", "port 8081 grpc-web",
          "port 8082 http2", "port 9000 tcp", "port 9443 tls", "port 6379 redis", "port 27017 mongo",
        ])
    case .replicas:
      StatementDetails(
        "How many pods a version has; 1 unless said. `deploy … replicas` wins over it.",
        ["replicas 3", "replicas $pods"])
    case .calls:
      StatementDetails(
        """
        The components that this one sends requests to. They decide the order in which things come up and go, and the \
        lanes between the versions of a release. A version's `calls` replaces the component's.
        """,
        ["calls analytics, storage", "calls storage"])
    case .args:
      StatementDetails(
        "Arguments for the image's entry point. A version's `args` replaces the component's.",
        [#"args "--ignore-db-dir=lost+found""#, "args serve, '--verbose', $level"])
    case .env:
      StatementDetails(
        """
        An environment variable of the container: a value, a part of another component's address, or a key of a Secret. \
        `env from` takes several keys under their own names. They merge by name with the component's. An empty value is \
        emitted as an empty text.

        `host of` is the Service's short name. `port of` is the port of the version in the same release, and an error \
        where it is not one port. `url of` has the scheme of the protocol in front. Each is a value of its own and stands \
        in no text: another address is written out, as `"storage:6379/0"`. Who is given an address mostly calls it, and \
        `calls` says so, else a lint does.
        """,
        [
          "env SHOWDETAILS = true", "env REDIS_HOST = host of storage", "env REDIS_PORT = port of storage",
          "env ANALYTICS_URL = url of analytics", "env DB_PASSWORD = secret db PASSWORD", "env from db USER, PASSWORD",
          #"env EMPTY = """#, "env PATTERN = '^a$'", "env LEVEL = $level",
        ])
    case .volume:
      StatementDetails(
        """
        A PersistentVolumeClaim of this name, and where the container sees it. A component with a volume is recreated and \
        not rolled. Two components with one claim, several replicas, or two live versions on one claim are errors. A \
        version's volumes replace the component's.
        """,
        ["volume mysql-pv-claim 1Gi at /var/lib/mysql", "volume cache 500Mi at /cache"])
    case .resources:
      StatementDetails(
        "What the container asks for; after `to`, its limit. Amounts are Kubernetes quantities.",
        [
          "resources cpu 250m to 500m, memory 128Mi to 256Mi", "resources cpu 1", "resources memory 1Gi",
          "resources cpu 100m memory 64Mi",
        ])
    case .ready:
      StatementDetails(
        """
        When a pod may get traffic: a request that answers, a tcp connection, or grpc's health check. Without it, a tcp \
        connection to the first port. `within` is how long a rollout may take before it has failed. The number is that of \
        a port of the container; unless said it is that of the first http port, and for grpc of the first.

        Of methods only GET works here: Kubernetes asks with no other one. A check by a command comes by a \
        `patch deployment`.
        """,
        [
          "ready when GET /healthz on 8080 within 2m", "ready when GET /", "ready when tcp 6379", "ready when grpc",
          "ready when grpc 50051 within 1m",
        ])
    case .live:
      StatementDetails(
        """
        When a pod counts as alive; where it does not, Kubernetes restarts it. Without it, nothing is checked. `within` is \
        the time that a pod has before it is asked for the first time (`initialDelaySeconds`). Of methods only GET works \
        here, and ports are the container's.
        """,
        ["live when GET /alive", "live when tcp 3306 within 5m", "live when grpc", "live when GET / on 9090"])
    case .version:
      StatementDetails(
        """
        One or several versions of the component. A block holds what differs from the component; what it says wins. A \
        version is a word: `1.10` is not `1.1`. It is emitted quoted, as a label value.
        """,
        ["version 1.0, 1.1", "version 2.0 {\n  env STORE = mysql\n}", "version 3.0"])
    default: StatementDetails("", [])
    }
  }

  /// What the other blocks say.
  static func blockDetails(_ form: Form) -> StatementDetails {
    switch form {
    case .member:
      StatementDetails(
        """
        A component, its first version in this release, and the versions that take over from it there, in order. A line \
        that begins with a word that is a statement elsewhere needs quotes where a component has that name.
        """,
        ["analytics 1.0 -> 1.1", "web 1.0", "storage 1.0 -> 1.1 -> 1.2", #""release" 1.0"#])
    case .context:
      StatementDetails(
        "A run with `--env` is refused where the kubeconfig's context is another one.",
        ["context prod-cluster", #"context "arn:aws:eks:eu-west-1:1234:cluster/prod""#])
    case .require:
      StatementDetails(
        """
        Puts an approval before each statement of this kind that has none just before it, in this environment.
        """,
        ["require approve before retire", "require approve before shift", "require approve before route"])
    case .override:
      StatementDetails(
        "Gives a declared parameter another value in this environment. `--set` wins over it.",
        ["first-share = 10%", #"registry = "registry.internal/shop""#])
    case .stub:
      StatementDetails(
        """
        What answers in the rehearsal. The deepest hop on the request's path that has a stub for the probe answers it; a \
        `status` stub anywhere on the path fails the request. A metric has the value that its stub says. `approve` without \
        a stub is "yes", with a note.
        """,
        [
          #"stub web 1.0 answers results "Cats: 1 | Dogs: 2""#, "stub web 2.0 answers status 503", "stub ok is 99.9%",
          "stub approve yes", "stub approve no", "stub web 2.0 never ready",
        ])
    case .expect:
      StatementDetails(
        """
        What must come out. `serves` and `done` hold at the end; `never` holds all the time. An expectation that is not \
        met makes the command exit with 8.
        """,
        [
          "expect done", #"expect fails at "Canary 2.0""#, "expect web 2.0 serves all",
          "expect web 2.0 serves cookie flag", "expect web 2.0 serves header internal",
          "expect never web 2.0 calls storage 1.0",
        ])
    default: StatementDetails("", [])
    }
  }
}
