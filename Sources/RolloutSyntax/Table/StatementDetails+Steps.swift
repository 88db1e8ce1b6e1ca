extension StatementTable {
  /// What a step says. Changing statements describe the state after them; observing ones hold the run until they are met.
  static func stepDetails(_ form: Form) -> StatementDetails {
    switch form {
    case .deploy:
      StatementDetails(
        """
        Makes a workload exist and be ready. Traffic moves only where nothing served that component before, which is \
        meant within the release. `deploy release` deploys each member's first version there. `deploy` again with other \
        `replicas` scales; 0 is allowed.
        """,
        [
          "deploy analytics 1.1", "deploy release 2.0", "deploy web 2.0 replicas 5",
          "deploy web 2.0 replicas $pods",
        ])
    case .route:
      StatementDetails(
        """
        On an exposed component: who *enters* which release. On an inner one: which version serves *within* the release \
        that holds the target. Selectors stack by kind and not by order: cookie and header rules come before percentages, \
        and those before `all`. The same selector again replaces the old one.

        A percentage sets the share of that version. Shares of several versions add up to at most 100, apply to what \
        cookie and header rules left, and the rest goes to the default; 0% ends a share. At 100% the version becomes the \
        default, shares are cleared, and cookie or header rules that lead to the same version go. `all` clears every rule \
        of the component.

        Cookie and header rules keep the order in which they were first set, and the first match wins; two that can both \
        match and lead elsewhere are a lint. So is a cookie or header route on an inner component, because every caller \
        must forward it.
        """,
        [
          "route voting-app cookie flag -> 2.0", "route web all -> 2.0", "route web 10% -> 2.0",
          "route web cookie group=beta -> 2.0", "route web header internal -> 2.0",
          "route web header x-audience=staff -> 2.0",
        ])
    case .unroute:
      StatementDetails(
        """
        Takes one cookie or header rule away: the one with the same selector. Shares and the default stay.
        """,
        [
          "unroute web cookie flag", "unroute web cookie group=beta", "unroute web header internal",
          "unroute web header x-audience=staff",
        ])
    case .mirror:
      StatementDetails(
        """
        Copies a share of the requests to a version and drops its answers. `0%` ends a mirror. A component has one mirror: \
        one to another version ends it, which is a lint where no `0%` says so. So does a line that leads everybody to the \
        version that gets the copies: a later way back brings no mirror. A mirror counts as traffic for `retire`.
        """,
        ["mirror web 100% -> 2.0", "mirror web 0% -> 2.0"])
    case .shift:
      StatementDetails(
        """
        Moves the share of a version level by level. At every level it holds for `every`, checks each `while` metric, and \
        on a breach takes the plan's failure path. Levels strictly rise and `every` is above 0; ending below 100% with \
        nothing after it is a lint.

        `sticky` keeps a visitor on the side that answered first, by a cookie `rolloutc-PLAN-COMPONENT`; it is only for an \
        exposed component that speaks http, and a rollback ends it. It is part of the share: a later `shift` without it, or a \
        `route` with a percentage, keeps nobody any more, which is a lint.
        """,
        [
          "shift web -> 2.0 through 5%, 25%, 100% every 10m while ok, slow",
          "shift web -> 2.0 through 50%, 100% every 1h sticky for 1d", "shift web -> 2.0 through 100% every 30s",
        ])
    case .verify:
      StatementDetails(
        """
        Reads a probe through the gateway, 5 times unless `times` says otherwise; all answers must match, and it tries \
        again until `within` (1m unless said). The `as` of `verify` wins over the probe's. Behind a share it takes \
        whatever answers, and says which version did. `matches` and a pattern search in the text; `equals` takes the \
        whole. Without any `expose`, or for a component that is not exposed, it is an error.

        With a metric: the bound holds all the time for as long as `for` says.
        """,
        [
          "verify results-div percent", #"verify footer contains "store: mysql" as cookie flag"#,
          "verify health status 200 10 times within 5m", #"verify results equals "Cats: 0""#,
          #"verify results matches 'Cats: \d+' 3 times"#, "verify results counts as header internal",
          "verify slow for 10m",
        ])
    case .wait:
      StatementDetails(
        "Holds the run for a while, or until a version is ready.",
        ["wait 10m", "wait until storage 2.0 ready within 10m", "wait until web 2.0 ready"])
    case .pause:
      StatementDetails(
        """
        Stops `apply` until a person lets it go on, or until the time is over. In a build it is a boundary between folders. \
        What stands in quotes is a time if it reads like one, and else what is said to that person.
        """,
        ["pause", "pause 30m", #"pause "Look at the dashboards""#])
    case .approve:
      StatementDetails(
        """
        Goes on only when somebody approves: anybody, or one of those after `by`. One that is refused, or that nobody \
        gives `within` the time, takes the failure path.
        """,
        [
          #"approve "Does 2.0 work for the flagged users?" within 24h"#, "approve", "approve by alice, release-team",
          #"approve "Go on?" by ops within 2h"#,
        ])
    case .retire:
      StatementDetails(
        """
        Removes what a release alone used; or a version of every component; or one component's version. A release of that \
        name wins over a version. Routes go first, then rules, then workloads. Volumes stay unless `with volumes` says \
        otherwise; Secrets are never touched. Where one of them still gets traffic, the whole statement is refused, and \
        names each such component.
        """,
        ["retire 1.0", "retire analytics 1.0", "retire 1.0 with volumes", "retire storage 1.0 with volumes"])
    case .rollback:
      StatementDetails(
        """
        Undoes the step that it stands in, or goes back to the state after another step, or before the first one. It is \
        the last line of its step. A rollback is a transition like any other and is checked like one.
        """,
        ["rollback", "rollback to start", #"rollback to "Deploy 1.0""#])
    case .mtls:
      StatementDetails(
        "Changes whether traffic inside the mesh is encrypted. It is the last thing to tighten and the first to loosen.",
        ["mtls strict", "mtls permissive", "mtls off"])
    default: StatementDetails("", [])
    }
  }
}
