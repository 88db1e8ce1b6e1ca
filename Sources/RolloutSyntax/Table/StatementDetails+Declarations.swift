extension StatementTable {
  /// What the steps refer to. Declarations may come in any order.
  static func declarationDetails(_ form: Form) -> StatementDetails {
    switch form {
    case .parameter:
      StatementDetails(
        """
        A value with a name: `$name` as a whole word stands for it in any value slot, `${name}` inside a text in double \
        quotes; texts in single quotes and text blocks take nothing. It never stands for a keyword, and never for a declared name, neither where that \
        is declared nor where it is used; only versions, and the releases named like them, may be made of parameters, and so may what is a name in the \
        cluster alone: a namespace, a volume. A \
        parameter is not named like a word of the language, such as `replicas`. \
        The type (`text` unless said) is checked where the value is given: here, in an environment, or by `--set`. A value \
        may be made of other parameters, wherever they are declared, and follows what sets them.
        """,
        [
          "parameter size number = 3", #"parameter registry = "registry.example.com/shop""#,
          "parameter first-level percent = 10%", "parameter soak duration = 10m", "parameter team text = payments",
          "parameter candidate version = 2.0", #"parameter picture = "registry.example.com/${team}/web:${candidate}""#,
        ])
    case .environment:
      StatementDetails(
        """
        What is different in one environment: the values of parameters, the kubeconfig context that it must run in, \
        approvals that it requires. `--env NAME` chooses it. The steps are resolved per environment; without `--env` the \
        defaults hold and no `require` does.
        """,
        [
          "environment production {\n  context prod-cluster\n  require approve before retire\n  size = 5\n}",
          "environment test {\n}",
        ])
    case .secret:
      StatementDetails(
        """
        A Secret that somebody else keeps. The run checks before its first write that the Secret is there and has these \
        keys; it never reads a value into anything it emits. A key that is used and not listed is an error.
        """,
        ["secret db has USER, PASSWORD", "secret token has api-token"])
    case .component:
      StatementDetails(
        """
        A part of the application. The first name is its name in the plan; `service` says what it is called in \
        Kubernetes, where the names differ. `analytics service voting-analytics` gives a Deployment \
        `voting-analytics-1-1` per version, and one Service, DestinationRule and VirtualService `voting-analytics`, with \
        the labels `app` and `version` and a subset such as `v1-1`.

        The name in Kubernetes starts with a letter and is a DNS label; a version with `.` and `_` as `-` is a part of \
        one. Two that fall on one name, or a name of more than 63 characters, are errors. A component that stands in no \
        release is shared by all of them.
        """,
        [
          "component web {\n  image registry.example.com/web\n  port 8080 http\n  version 1.0, 1.1\n}",
          "component analytics service voting-analytics {\n  image registry.example.com/analytics\n  version 1.0\n}",
        ])
    case .release:
      StatementDetails(
        """
        A set of component versions that talk only to each other: a pod of a release reaches only versions of its own \
        release. `analytics 1.0 -> 1.1` says that 1.1 takes over from 1.0 inside that release.

        A plan without any `release` block has no boundaries: each component is routed on its own. With one, errors are: a \
        shared component, or a version in two releases, that calls a component whose version differs between those \
        releases; a route into a release whose called members are not deployed; a version in no release of a component \
        that stands in releases. Cycles of calls are fine.
        """,
        ["release 1.0 {\n  web 1.0\n  analytics 1.0 -> 1.1\n}", "release spring {\n  web 2.0\n}"])
    case .cookie:
      StatementDetails(
        """
        Visitors who have this cookie: with this value, or with any where none is given. What is emitted tolerates any \
        other cookies around it and cannot match inside another cookie's name or value (RFC 6265).

        A cookie that is used without a declaration means "a cookie of that name, any value", and a lint says so; a name \
        close to a declared one is an error: one that differs in at most a third of its signs.
        """,
        ["cookie flag is featureflag = on", "cookie tester is beta", #"cookie quoted is group = "a=b""#])
    case .header:
      StatementDetails(
        """
        Requests that have this header, with exactly this value or with one that matches as a whole. `as` a header that \
        only `matches` is an error: there is no value to send.
        """,
        ["header internal is x-audience = staff", "header chrome is user-agent matches '.*Chrome/.*'"])
    case .probe:
      StatementDetails(
        """
        A request through the gateway, and what of the answer is looked at: the whole body, or the text of the first \
        element that a CSS selector finds. Without `on` it goes to the only exposed component; it is an error if there are \
        several, or if the component of `on` is not exposed. `as` sends a cookie or header along; a cookie that has no \
        value is sent as `NAME=1`.
        """,
        [
          ##"probe results is text of "#results" in GET /"##, "probe health is GET /healthz on web",
          "probe beta is GET / as cookie flag", "probe staff is GET /admin on web as header internal",
          "probe vote is POST /vote", "probe options is OPTIONS /", "probe head is HEAD /", "probe put is PUT /cart",
          "probe patched is PATCH /cart", "probe gone is DELETE /cart",
        ])
    case .pattern:
      StatementDetails(
        """
        A regular expression with a name, in single quotes so that nothing in it needs an escape. The syntax is RE2's: no \
        back references, no look-around.
        """,
        [#"pattern counts is 'Cats: \d+ \| Dogs: \d+'"#, "pattern empty is '^$'"])
    case .metric:
      StatementDetails(
        """
        A measurement and the bound that must hold, read from Prometheus. `promql` gives the query itself; the `istio` \
        ones are made from the mesh's own metrics, of the version that is being shifted to in `shift … while`, else of the \
        component after `of`, else of the entry. Rates are bounded by a percentage, latencies by a duration, a query by a \
        plain number.
        """,
        [
          "metric ok is istio success-rate of web at least 99%", "metric errors is istio error-rate below 1%",
          "metric median is istio p50-latency of web at most 100ms", "metric slow is istio p95-latency below 300ms",
          "metric tail is istio p99-latency below 1s", #"metric queue is promql "sum(queue_length)" below 100"#,
          #"metric seen is promql "sum(rate(seen[1m]))" above 0.5"#,
        ])
    case .step:
      StatementDetails(
        """
        A named part of the release. A step describes states: what stands after each line is a full desired state. Its \
        changing lines that have no observing one between them (`verify`, `wait`, `pause`, `approve`, a level of `shift`) \
        are one transition, called a segment; a step with several is reviewed as `NN-slug/1`, `NN-slug/2` and so on.

        Steps run in the order of the text. At the top level each changing line is a step of its own, named by its text, \
        and observing lines belong to the step before.
        """,
        [
          "step \"Deploy 1.0\" {\n  deploy release 1.0\n  verify results matches 'Cats: .*'\n}",
          "step \"Look\" {\n  wait 10m\n  on failure rollback\n}",
        ])
    case .onFailure:
      StatementDetails(
        """
        What happens when something in a step fails. `on failure rollback` undoes the step. A block says what to do \
        instead; it starts from whatever segment was reached, is checked from each, and holds no `approve` and no other \
        `on failure`. A segment that broke off was not reached: the block then leads back to the state before it first. In a \
        step it wins over the plan's. Without any, the run stops and holds what it has.

        A rollback past `retire … with volumes` is refused when the plan is checked, not when it is too late.
        """,
        ["on failure rollback", "on failure {\n  route web all -> 1.0\n  rollback to start\n}"])
    case .rehearsal:
      StatementDetails(
        """
        Runs all the steps without a cluster, against the routes that would be emitted, with stubbed answers. An \
        expectation that is not met makes the command exit with 8. Without any, `expect done` is meant.
        """,
        [
          "rehearsal \"All is well\" {\n  stub web 1.0 answers results \"Cats: 1\"\n  expect done\n}",
          "rehearsal \"2.0 does not start\" {\n  stub web 2.0 never ready\n  expect fails at \"Canary\"\n}",
        ])
    default: StatementDetails("", [])
    }
  }
}
