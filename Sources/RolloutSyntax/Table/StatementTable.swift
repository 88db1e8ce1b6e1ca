/// Where a statement may stand: the top level of a file, or inside a block of one kind.
package enum Context: UInt8, Hashable, Sendable, CaseIterable {
  case file, step, failure, component, version, release, environment, rehearsal

  /// As the notation writes it behind `{`.
  package var name: String {
    switch self {
    case .file: "file"
    case .step: "step"
    case .failure: "failure"
    case .component: "component"
    case .version: "version"
    case .release: "release"
    case .environment: "environment"
    case .rehearsal: "rehearsal"
    }
  }

  /// How a person calls the place: "in a step".
  package var place: String {
    switch self {
    case .file: "at the top level"
    case .step: "in a step"
    case .failure: "in an `on failure` block"
    case .component: "in a component"
    case .version: "in a version"
    case .release: "in a release"
    case .environment: "in an environment"
    case .rehearsal: "in a rehearsal"
    }
  }
}

/// One form of statement: one row of the table.
package enum Form: UInt8, Hashable, Sendable, CaseIterable {
  // Declarations.
  case plan, language, include, namespace, mesh, routing, expose, parameter, environment, secret, component, release
  case cookie, header, probe, pattern, metric, patch, manifest, step, onFailure, rehearsal
  // What a step says.
  case deploy, route, unroute, mirror, shift, verify, wait, pause, approve, retire, rollback, mtls
  // What a component or a version says.
  case image, pull, port, replicas, calls, args, env, volume, resources, ready, live, version
  // What the other blocks say.
  case member, context, require, override, stub, expect

  /// Statements that change the state.
  package var isChange: Bool {
    switch self {
    case .deploy, .route, .unroute, .mirror, .shift, .retire, .rollback, .mtls: true
    default: false
    }
  }

  /// Statements that belong in a step; at the top level each is, or belongs to, a step of its own.
  package var isStepStatement: Bool { rawValue >= Form.deploy.rawValue && rawValue <= Form.mtls.rawValue }
}

/// A row: what may be written, where, and what it means in one line. Everything else about the syntax is derived from
/// the rows: the parser, the "expected …" texts, the formatter, the EBNF, the editors' grammar, the reference page.
package struct Row: Sendable {
  package var form: Form
  package var contexts: [Context]
  /// The shape, in the notation that `docs/language.md` explains: words, `SLOT`, `@reference`, `( | )` a choice,
  /// `[ ]` optional, `*` a comma list, `...` repeated, `{kind` opens a block of that kind.
  package var notation: String
  package var summary: String

  init(_ form: Form, _ contexts: [Context], _ notation: String, _ summary: String) {
    self.form = form
    self.contexts = contexts
    self.notation = notation
    self.summary = summary
  }
}

extension StatementTable {
  private static let steps: [Context] = [.file, .step, .failure]
  private static let settings: [Context] = [.component, .version]

  /// The one list of statements.
  package static let rows: [Row] = [
    Row(.plan, [.file], "plan NAME", "Names the plan; required, once."),
    Row(.language, [.file], "language INT", "The edition of the language that the plan is written in: 1."),
    Row(.include, [.file], "include FILE", "Reads the declarations of another file, once, relative to this one."),
    Row(.namespace, [.file], "namespace NAME [existing]", "Where everything lives; the plan's name unless said."),
    Row(
      .mesh, [.file], "mesh istio [VERSION] [mtls (strict|permissive|off)]",
      "The mesh, its version, and whether traffic inside is encrypted."),
    Row(
      .routing, [.file], "routing (pinned|open)",
      "`pinned`: traffic moves only when a line says so. `open`: Kubernetes balances until the first route."),
    Row(
      .expose, [.file],
      "expose @component on port INT [hosts HOST*] [path PATH] [tls secret NAME] [through gateway WORD]",
      "Lets traffic in from outside, through the mesh's gateway."),
    Row(
      .parameter, [.file], "parameter NAME [number|percent|duration|text|version] = VALUE",
      "A value that an environment or `--set` may replace."),
    Row(.environment, [.file], "environment NAME {environment", "What differs in one environment, for `--env NAME`."),
    Row(.secret, [.file], "secret NAME has KEY*", "A Secret that somebody else keeps, and the keys it must have."),
    Row(
      .component, [.file], "component NAME [service NAME] {component",
      "A part of the application, with its versions; `service` is its name in Kubernetes."),
    Row(.release, [.file], "release VERSION {release", "A set of component versions that talk only to each other."),
    Row(.cookie, [.file], "cookie NAME is KEY [= VALUE]", "Visitors who have this cookie, with this value or any."),
    Row(.header, [.file], "header NAME is KEY (= VALUE|matches REGEX)", "Requests that have this header."),
    Row(
      .probe, [.file],
      "probe NAME is [text of SELECTOR in] METHOD PATH [on @component] [as (cookie|header) @visitor]",
      "A request to make, and what of its answer to look at."),
    Row(.pattern, [.file], "pattern NAME is REGEX", "A regular expression (RE2) with a name."),
    Row(
      .metric, [.file],
      "metric NAME is (promql TEXT|istio (success-rate|error-rate|p50-latency|p95-latency|p99-latency) [of @component]) (below|above|at least|at most) NUMBER",
      "A measurement and the bound that must hold."),
    Row(
      .patch, [.file],
      "patch ((deployment|service|route|rule) of @component (@version (with FILE|TEXT)|with FILE|TEXT)|KIND NAME (with FILE|TEXT))",
      "Merges YAML into an object that the plan generates."),
    Row(.manifest, [.file], "manifest FILE", "Extra objects, as they stand in a YAML file."),
    Row(.step, [.file], "step TEXT {step", "A named part of the release, reviewed and rolled back as one."),
    Row(
      .onFailure, [.file, .step], "on failure (rollback|{failure)",
      "What happens when a step fails; without it the run stops and holds."),
    Row(
      .rehearsal, [.file], "rehearsal TEXT {rehearsal", "A run without a cluster: what answers, and what must come out."
    ),

    Row(
      .deploy, steps, "deploy (release @release|@component @version [replicas INT])",
      "Makes workloads exist and be ready. Moves traffic only where nothing served before."),
    Row(
      .route, steps,
      "route @component (all|cookie (KEY=VALUE|@cookie)|header (KEY=VALUE|@header)|PERCENT) -> @version",
      "Sends visitors, or a share of them, to a version."),
    Row(
      .unroute, steps, "unroute @component (cookie (KEY=VALUE|@cookie)|header (KEY=VALUE|@header))",
      "Takes a cookie or header rule away."),
    Row(.mirror, steps, "mirror @component PERCENT -> @version", "Copies requests to a version and drops its answers."),
    Row(
      .shift, steps,
      "shift @component -> @version through PERCENT* every DURATION [while @metric*] [sticky for DURATION]",
      "Moves the share level by level, and holds at each while the metrics are good."),
    Row(
      .verify, steps,
      "verify @subject (for DURATION|(matches REGEX|contains TEXT|equals TEXT|status STATUS|@pattern) [INT times] [within DURATION] [as (cookie|header) @visitor])",
      "Goes on only if a probe's answers, or a metric, are as they should be."),
    Row(
      .wait, steps, "wait (until @component @version ready [within DURATION]|DURATION)",
      "Waits a while, or until a version is ready."),
    Row(.pause, steps, "pause [DURATION|TEXT]", "Stops until a person, or the time, lets it go on."),
    Row(.approve, steps, "approve [TEXT] [by WORD*] [within DURATION]", "Goes on only when somebody approves."),
    Row(
      .retire, steps, "retire @target [@version] [with volumes]",
      "Removes a release, a version of every component, or one component's version."),
    Row(
      .rollback, steps, "rollback [to (start|TEXT)]", "Undoes the step, or goes back to the state after another one."),
    Row(.mtls, steps, "mtls (strict|permissive|off)", "Changes whether traffic inside the mesh is encrypted."),

    Row(.image, settings, "image IMAGE", "The container image; without a tag, the version is the tag."),
    Row(.pull, settings, "pull (always|missing|never)", "When the image is pulled."),
    Row(
      .port, settings, "port INT [http|http2|https|grpc|grpc-web|tcp|tls|mysql|redis|mongo] [target INT]",
      "A port that callers dial, what it speaks, and where the container listens."),
    Row(.replicas, settings, "replicas INT", "How many pods."),
    Row(.calls, settings, "calls @component*", "The components that it sends requests to."),
    Row(.args, settings, "args VALUE*", "Arguments for the container's command."),
    Row(
      .env, settings,
      "env (from @secret KEY*|ENVNAME = (secret @secret KEY|(host|port|url) of @component|VALUE))",
      "An environment variable, or several out of a Secret."),
    Row(.volume, settings, "volume NAME SIZE at PATH", "A PersistentVolumeClaim and where it is mounted."),
    Row(
      .resources, settings, "resources (cpu CPU [to CPU] [[,] memory SIZE [to SIZE]]|memory SIZE [to SIZE])",
      "What it asks for, and its limit after `to`."),
    Row(
      .ready, settings, "ready when (tcp INT|grpc [INT]|METHOD PATH [on INT]) [within DURATION]",
      "When it may get traffic, and how long a rollout may take."),
    Row(
      .live, settings, "live when (tcp INT|grpc [INT]|METHOD PATH [on INT]) [within DURATION]",
      "When it counts as alive; else it is restarted."),
    Row(
      .version, [.component], "version VERSION* [{version]",
      "Versions of the component; what stands in the block wins over the component."),

    Row(.member, [.release], "@component VERSION [-> VERSION]...", "A member, and the versions that take over in it."),

    Row(.context, [.environment], "context WORD", "The kubeconfig context that a run in this environment must use."),
    Row(
      .require, [.environment], "require approve before (retire|shift|route)",
      "Puts an approval before each such statement."),
    Row(.override, [.environment], "NAME = VALUE", "The value of a parameter in this environment."),

    Row(
      .stub, [.rehearsal],
      "stub (approve (yes|no)|@component @version (never ready|answers (status STATUS|@probe TEXT))|@metric is NUMBER)",
      "What answers in the rehearsal."),
    Row(
      .expect, [.rehearsal],
      "expect (done|fails at TEXT|never @component @version calls @component @version|@component @version serves (all|cookie @cookie|header @header))",
      "What must come out of the rehearsal."),
  ]
}
