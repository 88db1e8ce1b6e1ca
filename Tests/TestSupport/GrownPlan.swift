internal import Diagnostics
package import RolloutPlan
internal import RolloutSyntax

/// A plan that is written out of the table of statements: every row, every choice in it and every part that may be left
/// out stands in some of them, so that no statement is missing where plans are judged. Lines that are wrong are taken away
/// until none is.
package struct GrownPlan {
  package private(set) var random: SeededGenerator
  /// What somebody would have written.
  package private(set) var words = ""
  /// Nil where no lines were left that mean something together.
  package private(set) var plan: Plan?
  /// What of the table stands in it, as ``allParts`` names it.
  package private(set) var parts: Set<String> = []

  private struct Line {
    var text: String
    var parts: [String] = []
  }
  private var lines: [Line] = []
  private var current = Line(text: "")
  private var block: Context?
  private var form = Form.plan
  private var lastKeyword: Keyword?
  /// The next name of each kind.
  private var count: [Form: Int] = [:]
  private var components = 0
  private var versions: [Int] = []
  /// What a step is mostly about.
  private var focus = (component: 0, version: 1)
  /// What the next step begins with.
  private var agenda: [Form] = []
  /// The components that stand in a release.
  private var members: Set<Int> = []

  package init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    write()
    prune()
    words = lines.map { $0.text + "\n" }.joined()
    parts = Set(lines.flatMap(\.parts))
  }

  /// The files that it may name.
  package static let files = FileLoader { path in
    switch path {
    case "more.rollout": .success(Array("pattern more is 'x+'\n".utf8))
    case "patch.yaml": .success(Array("metadata: {annotations: {team: a}}\n".utf8))
    case "extra.yaml":
      .success(Array("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n".utf8))
    default: .failure(FileError("no such file"))
    }
  }

  /// Everything in the table that may be left out or chosen, `ROW.PLACE` each.
  package static let allParts: Set<String> = {
    var all: Set<String> = []
    func add(_ shape: Shape, _ place: String) {
      switch shape {
      case .sequence(let items): for (i, item) in items.enumerated() { add(item, "\(place).\(i)") }
      case .choice(let items):
        for (i, item) in items.enumerated() {
          all.insert("\(place)|\(i)")
          add(item, "\(place)|\(i)")
        }
      case .optional(let inner), .list(let inner), .repeated(let inner):
        all.insert("\(place)+")
        add(inner, "\(place)+")
      default: break
      }
    }
    for compiled in StatementTable.shared.compiled {
      all.insert("\(compiled.row.form)")
      add(StatementTable.shared.shape(of: compiled), "\(compiled.row.form)")
    }
    return all
  }()

  // MARK: the file

  private mutating func write() {
    components = 2 + random.below(3)
    add(.plan)
    add(.language)
    if random.chance(0.05) { add(.include) }
    if random.chance(0.3) { add(.onFailure) }
    if random.chance(0.7) { add(.mesh) }
    if random.chance(0.3) { add(.routing) }
    if random.chance(0.2) { add(.namespace) }
    for form in [Form.cookie, .cookie, .header, .header, .secret, .pattern] { add(form) }
    for form in [Form.parameter, .parameter, .probe, .metric, .metric] where random.chance(0.85) { add(form) }
    if random.chance(0.15) { add(.environment) }
    for c in 0..<components {
      versions.append(0)
      focus.component = c
      add(.component)
    }
    focus.component = 0
    add(.expose)
    for _ in 0..<random.below(3) {
      focus.component = random.below(components)
      add(.expose)
    }
    if random.chance(0.5) { for _ in 0..<(2 + random.below(2)) { add(.release) } }
    for form in [Form.patch, .patch, .manifest] where random.chance(0.2) { add(form) }
    begin()
    for _ in 0..<(1 + random.below(2)) {
      focus = (random.below(components), 2)
      // Brought in, tried out, and seen through; or whatever comes to mind.
      for forms in random.chance(0.7) ? Self.release : [[], [], []] {
        agenda = forms.isEmpty ? [] : [random.pick(forms)]
        add(.step)
      }
    }
    if random.chance(0.2) { add(.rehearsal) }
  }

  private static let release: [[Form]] = [
    [.deploy], [.route, .route, .shift, .shift, .mirror, .unroute, .verify], [.route, .retire, .retire, .rollback],
  ]

  /// The first step: something of everything.
  private mutating func begin() {
    lines.append(Line(text: "step \"first\" {"))
    if count[.release, default: 0] > 0 { lines.append(Line(text: "  deploy release r1")) }
    for c in 0..<components where !members.contains(c) {
      lines.append(Line(text: "  deploy c\(c) 1"))
    }
    lines.append(Line(text: "}"))
  }

  private mutating func add(_ form: Form, indent: String = "") {
    let row = StatementTable.shared[form]
    self.form = form
    lastKeyword = nil
    block = nil
    current = Line(text: indent, parts: ["\(form)"])
    write(StatementTable.shared.shape(of: row), "\(form)")
    count[form, default: 0] += 1
    lines.append(current)
    guard let block else { return }
    lines[lines.count - 1].text += " {"
    fill(block, indent: indent + "  ")
    lines.append(Line(text: indent + "}"))
  }

  private mutating func fill(_ context: Context, indent: String) {
    func some(_ forms: [Form], _ number: Int) -> [Form] { (0..<number).map { _ in random.pick(forms) } }
    let settings: [Form] = [.pull, .args, .env, .env, .volume, .resources, .ready, .live, .replicas]
    var forms: [Form]
    switch context {
    case .component:
      forms = [.image]
      if focus.component == 0 || random.chance(0.85) { forms.append(.port) }
      if random.chance(0.2) { forms.append(.port) }
      if random.chance(0.8) { forms.append(.calls) }
      forms += some(settings, random.below(3)) + some([.version], 1 + random.below(3))
    case .version: forms = some(settings + [.image, .port, .port, .calls], 1 + random.below(2))
    case .release: forms = some([.member], components)
    case .environment: forms = some([.context, .require, .override], 1 + random.below(3))
    case .rehearsal: forms = some([.stub, .expect], 1 + random.below(6))
    case .file, .step, .failure:
      let usual: [Form] = [
        .deploy, .deploy, .route, .route, .route, .retire, .retire, .shift, .mirror, .mtls, .verify, .verify,
      ]
      forms = agenda + some(usual + [.unroute, .wait, .pause, .approve], random.below(context == .step ? 7 : 3))
      agenda = []
      if forms.isEmpty { forms = [.deploy] }
      if context == .step, random.chance(0.1) { forms.append(.rollback) }
      if context == .step, random.chance(0.15) { forms.append(.onFailure) }
    }
    // A component's versions and a release's members are told by where they stand.
    for (i, form) in forms.enumerated() {
      if context == .release { focus.component = i }
      add(form, indent: indent)
    }
  }

  // MARK: a line

  private mutating func write(_ shape: Shape, _ place: String) {
    switch shape {
    case .keyword(let keyword):
      append(keyword.text)
      lastKeyword = keyword
    case .slot(let slot): append(value(slot))
    case .arrow: append("->")
    case .comma: current.text += ","
    case .equals(tight: true): current.text += "="
    case .equals(tight: false): append("=")
    case .sequence(let items): for (i, item) in items.enumerated() { write(item, "\(place).\(i)") }
    case .choice(let items):
      // Most ports speak http, where there is the most to say.
      let i = form == .port && random.chance(0.6) ? 0 : random.below(items.count)
      current.parts.append("\(place)|\(i)")
      write(items[i], "\(place)|\(i)")
    case .optional(let inner):
      // A probe says whom it asks, or it can do so only where one is exposed.
      guard random.chance(form == .probe || form == .metric ? 0.7 : 0.4) else { return }
      current.parts.append("\(place)+")
      write(inner, "\(place)+")
    case .list(let inner):
      write(inner, "\(place)+")
      guard random.chance(0.4) else { return }
      let before = current
      current.text += ","
      write(inner, "\(place)+")
      let words = current.text.split { $0 == " " || $0 == "," }
      if words.suffix(2).first == words.last { current = before } else { current.parts.append("\(place)+") }
    case .repeated(let inner):
      guard random.chance(0.2) else { return }
      current.parts.append("\(place)+")
      write(inner, "\(place)+")
    case .block(let context): block = context
    }
  }

  private mutating func append(_ word: String) {
    let isTight = current.text.hasSuffix("=") && !current.text.hasSuffix(" =")
    if !isTight, !current.text.isEmpty, !current.text.hasSuffix(" ") { current.text += " " }
    current.text += word
  }

  /// Something that may stand in a slot: mostly what has been declared.
  private mutating func value(_ slot: Slot) -> String {
    let number = count[form, default: 0]
    switch slot {
    case .component:
      if form == .calls || form == .env {
        // Mostly downwards; now and then a ring.
        let others = (0..<components).filter { $0 > focus.component || random.chance(0.15) }
        return "c\(others.isEmpty ? components - 1 : random.pick(others))"
      }
      return "c\(form == .member || random.chance(0.8) ? focus.component : random.below(components))"
    case .release: return "r\(1 + random.below(2))"
    case .version: return random.chance(0.7) ? "\(focus.version)" : "\(1 + random.below(2))"
    case .newVersion:
      switch form {
      case .mesh: return "1.24"
      case .release: return "r\(number + 1)"
      case .version:
        versions[focus.component] += 1
        return "\(versions[focus.component])"
      default:
        members.insert(focus.component)
        return "\(min(max(1, versions[focus.component]), count[.release, default: 0]))"
      }
    case .cookie: return random.pick(["flag", "any"])
    case .header: return random.pick(["who", "team"])
    case .visitor: return lastKeyword == .cookie ? random.pick(["flag", "any"]) : random.pick(["who", "team"])
    case .probe: return "home"
    case .pattern: return "fine"
    case .metric: return random.pick(["m1", "m2"])
    case .secret: return "passwords"
    case .target:
      return random.chance(0.6) ? "c\(focus.component)" : random.pick(["r1", "r2", "1", "2"])
    case .subject: return random.pick(["home", "m1"])
    case .name: return name(number)
    case .int: return int()
    case .percent where form == .shift: return random.pick(["10%", "50%", "100%"])
    case .percent: return "\(5 * random.below(21))%"
    case .duration: return random.pick(["30s", "1m", "10m", "1h"])
    case .size: return random.pick(["1Gi", "512Mi"])
    case .cpu: return random.pick(["100m", "1"])
    case .path:
      if form == .volume { return random.pick(["/data", "/var/lib/x"]) }
      return random.pick(form == .expose ? ["/", "/shop", "/shop/cart", "/one"] : ["/healthz", "/"])
    case .image: return random.pick(["example.com/c", "example.com/c:1.2"])
    case .host: return random.pick(["shop.example.com", "a.example.com", "*.example.com", "other.example.org"])
    case .file: return form == .include ? "more.rollout" : form == .manifest ? "extra.yaml" : "patch.yaml"
    case .envName: return random.pick(["A", "B", "PGHOST"])
    case .kind: return random.pick(["Deployment", "Service", "Gateway", "VirtualService", "Namespace"])
    case .key:
      switch form {
      case .secret, .env: return random.pick(["user", "password"])
      default: return lastKeyword == .header || form == .header ? random.pick(["x-who", "x-team"]) : "flag"
      }
    case .value: return value()
    case .text: return "\"\(text())\""
    case .regex: return random.pick(["'(red|blue)'", "'x+'"])
    case .number:
      if current.text.contains("-rate") { return random.pick(["99%", "0.5%"]) }
      return current.text.contains("-latency") ? "300ms" : "0.5"
    case .word:
      switch form {
      case .expose: return random.pick(["shared", "istio-system/shared"])
      case .context: return "prod"
      default: return random.pick(["alice", "ops"])
      }
    case .method: return "GET"
    case .status: return random.pick(["200", "404"])
    case .selector: return "\"#results\""
    }
  }

  private mutating func name(_ number: Int) -> String {
    switch form {
    case .plan: "p"
    case .namespace: "other"
    case .parameter: ["pods", "label"][number % 2]
    case .override: random.pick(["pods", "label"])
    case .environment: "production"
    case .secret: "passwords"
    case .component: lastKeyword == .service ? "svc-c\(focus.component)" : "c\(focus.component)"
    case .cookie: ["flag", "any"][number % 2]
    case .header: ["who", "team"][number % 2]
    case .probe: "home"
    case .pattern: "fine"
    case .metric: "m\(number + 1)"
    case .expose: "web-cert"
    case .patch: random.pick(["c\(focus.component)", "c\(focus.component)-1", "p"])
    default: "data"
    }
  }

  private mutating func int() -> String {
    switch (form, lastKeyword) {
    case (.language, _): "1"
    case (.expose, _): random.pick(["80", "80", "443", "8080"])
    case (.port, .port): random.pick(["8080", "8080", "8080", "8080", "80", "9090", "6379", "443"])
    case (.port, _): random.pick(["7000", "8080", "9090"])
    case (.ready, _), (.live, _): random.pick(["8080", "7000"])
    default: random.pick(["1", "2", "2", "3", "0", "$pods"])
    }
  }

  private mutating func value() -> String {
    switch (form, lastKeyword) {
    case (.parameter, .percent): "10%"
    case (.parameter, .duration): "5m"
    case (.parameter, .text): "\"words\""
    case (.parameter, .version): "2"
    case (.parameter, _), (.override, _): "2"
    case (.cookie, _), (.header, _), (.route, _), (.unroute, _): random.pick(["on", "ann"])
    default: random.pick(["plain", "\"some words\"", "\"on ${label}\""])
    }
  }

  private mutating func text() -> String {
    switch form {
    case .step: "step \(count[.step, default: 0] + 1)"
    case .rollback, .expect: random.pick(["first", "step 1"])
    case .rehearsal: "goes well"
    case .metric: "sum(rate(errors[1m]))"
    case .patch:
      random.pick([
        "{metadata: {labels: {team: a}}}", "{spec: {http: [{timeout: 5s}]}}",
        "{spec: {trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}}}",
        "{spec: {template: {metadata: {labels: {sidecar.istio.io/inject: 'false'}}}}}",
        "{spec: {template: {spec: {terminationGracePeriodSeconds: 60}}}}",
      ])
    default: "Is it well?"
    }
  }

  // MARK: what is wrong

  private mutating func prune() {
    for _ in 0..<25 {
      let text = lines.map { $0.text + "\n" }.joined()
      let resolution = resolve(path: "p.rollout", bytes: Array(text.utf8), loader: Self.files)
      let errors = resolution.diagnostics.filter { $0.severity == .error }
      if errors.isEmpty {
        plan = resolution.plan
        return
      }
      var ends: [Int] = []
      for line in lines { ends.append((ends.last ?? 0) + line.text.utf8.count + 1) }
      var wrong: Set<Int> = []
      for error in errors {
        let line = ends.firstIndex { $0 > Int(error.primary.range.start) } ?? 0
        wrong.formUnion(extent(of: line))
      }
      lines = lines.indices.filter { !wrong.contains($0) }.map { lines[$0] }
      if lines.isEmpty { return }
    }
  }

  /// A line, with the block that it opens.
  private func extent(of line: Int) -> ClosedRange<Int> {
    guard lines[line].text.hasSuffix("{") else { return line...line }
    var depth = 0
    for next in line..<lines.count {
      if lines[next].text.hasSuffix("{") { depth += 1 }
      if lines[next].text.hasSuffix("}"), lines[next].text.drop(while: { $0 == " " }) == "}" { depth -= 1 }
      if depth == 0 { return line...next }
    }
    return line...line
  }
}
