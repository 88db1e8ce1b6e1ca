import Diagnostics
import RolloutSyntax

/// The second pass: what the declarations say.
extension Resolver {
  func resolveDeclarations() {
    plan.clusterDomain = options.clusterDomain
    resolveVisitors()
    for tree in trees {
      for index in tree.roots where tree.statements[index].form == .secret && !tree.statements[index].isBroken {
        resolveSecret(tree[index])
      }
    }
    for (id, statement) in componentStatements { resolveComponent(id, statement) }
    for (id, statement) in releaseStatements { resolveRelease(id, statement) }
    resolveEnvironmentVariables()
    reportUnsaidCalls()
    var seen: [Form: SourceRange] = [:]
    for tree in trees {
      for index in tree.roots {
        let statement = tree[index]
        guard let form = statement.form, !statement.node.isBroken else {
          resolveGoodPrefix(statement)
          continue
        }
        switch form {
        case .namespace, .mesh, .routing:
          if let earlier = seen[form] {
            report(.duplicateSetting("`\(text(of: form))` stands twice", at: statement.range, earlier: earlier))
            continue
          }
          seen[form] = statement.range
          resolveSetting(form, statement)
        case .expose: resolveExposure(statement)
        case .pattern: resolvePattern(statement)
        default: break
        }
      }
    }
    // Probes need to know what is exposed.
    for tree in trees {
      for index in tree.roots where !tree.statements[index].isBroken {
        let statement = tree[index]
        switch statement.form {
        case .probe: resolveProbe(statement)
        case .metric: resolveMetric(statement)
        case .patch: resolvePatch(statement)
        case .manifest: resolveManifest(statement)
        default: break
        }
      }
    }
  }

  func text(of form: Form) -> String { StatementTable.shared[form].head?.text ?? "" }

  /// In a broken line, names are resolved too, but reported only where a close one exists.
  func resolveGoodPrefix(_ statement: StatementView) {
    var component: ComponentID?
    for capture in statement.captures {
      guard let slot = capture.slot else { continue }
      switch slot {
      case .component: component = self.component(capture.token, in: statement.tree, onlyIfClose: true)
      case .version: _ = version(capture.token, of: component, in: statement.tree, onlyIfClose: true)
      case .release: _ = lookUp(.release, capture.token, in: statement.tree, onlyIfClose: true)
      case .probe: _ = lookUp(.probe, capture.token, in: statement.tree, onlyIfClose: true)
      case .pattern: _ = lookUp(.pattern, capture.token, in: statement.tree, onlyIfClose: true)
      case .metric: _ = lookUp(.metric, capture.token, in: statement.tree, onlyIfClose: true)
      case .secret: _ = lookUp(.secret, capture.token, in: statement.tree, onlyIfClose: true)
      default: break
      }
    }
  }

  private func resolveSetting(_ form: Form, _ statement: StatementView) {
    switch form {
    case .namespace:
      if let name = text(.name, of: statement), let label = dnsLabel(name, what: "name of a namespace") {
        plan.namespace = label
        namespaceRange = name.range
      }
      plan.namespaceExists = statement.has(.existing)
    case .mesh:
      plan.meshRange = statement.range
      if let version = text(.newVersion, of: statement) { plan.meshVersion = istioVersion(version) }
      plan.mtls = mtlsMode(statement)
    case .routing:
      plan.routing = statement.has(.open) ? .open : .pinned
    default: break
    }
  }

  /// `1.24`, `1.24.2`: what decides in which versions of Istio's API objects are written.
  private func istioVersion(_ text: SpannedText) -> String? {
    let parts = text.value.split(separator: ".", omittingEmptySubsequences: false)
    let known = parts.compactMap { UInt16($0) }
    if (2...3).contains(parts.count), known.count == parts.count {
      if known[0] > 1 || known[0] == 1 && known[1] >= 5 { return text.value }
      report(.tooOldMesh(text.value, at: text.range))
      return nil
    }
    let numbers = text.value.split { !($0.isASCII && $0.isNumber) }
    let fixed = (2...3).contains(numbers.count) ? numbers.joined(separator: ".") : nil
    report(.badMeshVersion(text.value, at: text.range, repaired: fixed))
    return nil
  }

  func mtlsMode(_ statement: StatementView) -> MTLSMode? {
    switch statement.first(of: .strict, .permissive, .off) {
    case .strict?: .strict
    case .permissive?: .permissive
    case .off?: .off
    default: nil
    }
  }

  // MARK: - Visitors

  private func resolveVisitors() {
    for tree in trees {
      for index in tree.roots where !tree.statements[index].isBroken {
        let statement = tree[index]
        guard let token = statement.first(.name), let name = text(token, in: tree) else { continue }
        switch statement.form {
        case .cookie:
          guard case .known(let i)? = names.cookies[name.value]?.binding, names.cookies[name.value]?.range == name.range
          else { continue }
          let key = fieldName(statement.first(.key), in: tree, what: "name of a cookie")?.value ?? name.value
          let value = statement.first(.value).flatMap { cookieValue($0, in: tree) }
          fill(
            &plan.cookies, to: i, CookieDeclaration(name: "", selector: .cookie(key: "", value: nil), range: name.range)
          )
          plan.cookies[i] = CookieDeclaration(
            name: name.value, selector: .cookie(key: key, value: value), range: name.range)
        case .header:
          guard case .known(let i)? = names.headers[name.value]?.binding, names.headers[name.value]?.range == name.range
          else { continue }
          let key = (headerName(statement.first(.key), in: tree)?.value ?? name.value).lowercased()
          let selector: Selector =
            if statement.has(.matches) {
              .headerMatches(key: key, pattern: regex(statement.first(.regex), in: tree) ?? ".*")
            } else {
              .header(key: key, value: statement.first(.value).flatMap { headerValue($0, of: key, in: tree) } ?? "")
            }
          fill(&plan.headers, to: i, HeaderDeclaration(name: "", selector: selector, range: name.range))
          plan.headers[i] = HeaderDeclaration(name: name.value, selector: selector, range: name.range)
        default: break
        }
      }
    }
  }

  func fill<T>(_ array: inout [T], to index: Int, _ filler: @autoclosure () -> T) {
    while array.count <= index { array.append(filler()) }
  }

  /// `cookie flag`, `cookie KEY=VALUE`, `header NAME`, `header KEY=VALUE`: the selector of a statement.
  func selector(_ statement: StatementView, isCookie: Bool) -> Selector? {
    let tree = statement.tree
    let word: Keyword = isCookie ? .cookie : .header
    if let key = statement.first(.key, after: word), let valueToken = statement.first(.value, after: word) {
      if isCookie {
        guard let name = fieldName(key, in: tree, what: "name of a cookie"),
          let value = cookieValue(valueToken, in: tree)
        else { return nil }
        return .cookie(key: name.value, value: value)
      }
      guard let name = headerName(key, in: tree),
        let value = headerValue(valueToken, of: name.value, in: tree)
      else { return nil }
      return .header(key: name.value.lowercased(), value: value)
    }
    let token = statement.first(isCookie ? .cookie : .header, after: word) ?? statement.first(.visitor, after: word)
    guard let token else { return nil }
    return visitor(token, isCookie: isCookie, in: tree)
  }

  /// A declared cookie or header by name. A cookie that is not declared is one of that name with any value, and a lint,
  /// unless its name is close to a declared one.
  func visitor(_ token: Int, isCookie: Bool, in tree: SyntaxTree) -> Selector? {
    guard let name = reference(isCookie ? .cookie : .header, token, in: tree) else { return nil }
    if !isCookie {
      guard let index = lookUp(.header, name), plan.headers.indices.contains(index) else { return nil }
      return plan.headers[index].selector
    }
    switch binding(of: name, in: \.cookies) {
    case .known(let index):
      return plan.cookies.indices.contains(index) ? plan.cookies[index].selector : nil
    case .poisoned: return nil
    case nil:
      if !closest(to: name.value, in: names.cookies.order, allowsOne: false).isEmpty
        || names.cookies.hasNamelessDeclaration
      {
        _ = lookUp(.cookie, name)
        return nil
      }
      guard fieldName(token, in: tree, what: "name of a cookie") != nil else { return nil }
      reportOnce(name.value, in: \.cookies, at: name.range) { .cookieNotDeclared(name.value, at: name.range) }
      return .cookie(key: name.value, value: nil)
    }
  }

  /// `as cookie NAME` or `as header NAME`: who asks; a header that only `matches` has no value to send.
  func askingVisitor(_ statement: StatementView) -> Selector? {
    guard statement.has(.as), let token = statement.first(.visitor, after: .as) else { return nil }
    let isCookie = statement.first(of: .cookie, .header) == .cookie
    guard let selector = visitor(token, isCookie: isCookie, in: statement.tree) else { return nil }
    if case .headerMatches = selector {
      report(.visitorNeedsValue(statement.tree.word(token), at: statement.tree.range(ofToken: token)))
      return nil
    }
    return selector
  }

  // MARK: - Releases

  private func resolveRelease(_ id: ReleaseID, _ statement: StatementView) {
    var lines: [ComponentID: SourceRange] = [:]
    for child in statement.node.children {
      let line = statement.tree[child]
      guard line.form == .member, !line.node.isBroken else {
        hasBrokenRelease = hasBrokenRelease || line.node.isBroken
        if line.node.isBroken { resolveGoodPrefix(line) }
        continue
      }
      guard let component = component(line.first(.component), in: line.tree) else {
        hasBrokenRelease = true
        continue
      }
      if isFaulty(line) { taint.components.insert(component) }
      let tokens = line.all(.newVersion)
      let versions = tokens.compactMap { version($0, of: component, in: line.tree) }
      if versions.count < tokens.count { taint.components.insert(component) }
      if let earlier = lines[component] {
        taint.components.insert(component)
        report(.duplicateMember(plan[component].name, release: plan[id].name, at: line.range, earlier: earlier))
        continue
      }
      guard !versions.isEmpty else { continue }
      lines[component] = line.range
      plan.releases[id.index].members.append(
        Release.Member(component: component, versions: versions, range: line.range))
      for version in versions where !plan[version].releases.contains(id) {
        plan.components[component.index].versions[version.index].releases.append(id)
      }
    }
  }

  // MARK: - The rest

  private func entryPort(_ token: Int?, in tree: SyntaxTree) -> Int? {
    if let token, let text = text(token, in: tree) {
      let parts = text.value.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      if parts.count == 2, parts.allSatisfy({ Int($0) != nil }) {
        report(
          .exposedMapping(
            parts[0], container: parts[1], at: text.range, isWritten: tree.word(token) == text.value))
        return nil
      }
    }
    return integer(token, in: tree, 1...65535, what: "port", code: .badPort)
  }

  private func resolveExposure(_ statement: StatementView) {
    let tree = statement.tree
    let component = component(statement.first(.component), in: tree)
    let port = entryPort(statement.first(.int), in: tree)
    var isBroken = false
    let hosts = hosts(statement.all(.host), in: tree, isBroken: &isBroken)
    let pathToken = statement.first(.path)
    let path = pathToken.flatMap { self.path($0, in: tree, allowsQuery: false) }
    let secretToken = statement.first(.name, after: .secret)
    let secret = secretToken.flatMap { text($0, in: tree) }.flatMap { dnsSubdomain($0, what: "name of a Secret") }
    let gatewayToken = statement.first(.word, after: .gateway)
    let gateway = gatewayToken.flatMap { text($0, in: tree) }
    for (token, isRead) in [(pathToken, path != nil), (secretToken, secret != nil), (gatewayToken, gateway != nil)] {
      if token != nil, !isRead { isBroken = true }
    }
    if let gateway {
      let parts = gateway.value.split(separator: "/", omittingEmptySubsequences: false)
      if parts.count > 2 || parts.contains(where: { dnsLabelProblem(String($0), startsWithLetter: false) != nil }) {
        isBroken = true
        report(
          .badName(
            gateway.value, what: "name of a gateway", problem: "write NAME or NAMESPACE/NAME", at: gateway.range,
            repaired: nil))
      }
    }
    guard let component, let port else { return }
    if reservedPorts.contains(port) {
      report(
        .reservedPort(
          port, label: "taken in the gateway", help: "let visitors come in by another port", at: statement.range))
    }
    let exposure = Exposure(
      component: component, port: port, hosts: hosts.isEmpty ? ["*"] : hosts, path: path ?? "/", tlsSecret: secret,
      gateway: gateway?.value, range: statement.range)
    if isBroken {
      brokenExposures.insert(statement.range)
      plan.exposures.append(exposure)
      return
    }
    let ways = exposure.hosts.map { WayIn(port: port, gateway: exposure.gateway, host: $0, path: exposure.path) }
    let rivals = plan.exposures.indices(of: component) + ways.flatMap { waysIn[$0] ?? [] }
    for other in Set(rivals).sorted().map({ plan.exposures[$0] }) where !brokenExposures.contains(other.range) {
      if other.component == component, other.port == port {
        let isAlike =
          other.gateway == exposure.gateway && other.tlsSecret == exposure.tlsSecret
          && Set(other.hosts) == Set(exposure.hosts)
        // Two of its paths are two lines.
        if isAlike, !other.covers(exposure.path), !exposure.covers(other.path) { continue }
        report(
          .exposeConflict(
            isAlike && other.path != exposure.path
              ? "one of the paths `\(other.path)` and `\(exposure.path)` of `\(plan[component].name)` lies in the other"
              : "`\(plan[component].name)` is exposed twice at port \(port)", at: statement.range, earlier: other.range,
            help: "keep one of the two; one line may list several hosts, and lines for other paths have the same hosts")
        )
        return
      }
      if other.port == port, other.gateway == exposure.gateway, other.sharesHost(exposure),
        other.path == exposure.path
      {
        report(
          .exposeConflict(
            "two components are exposed at the same port, host and path", at: statement.range, earlier: other.range,
            help: "give one of them another port, host or path"))
      }
    }
    for way in ways { waysIn[way, default: []].append(plan.exposures.count) }
    plan.exposures.append(exposure)
  }

  /// The hosts of one line, none of which lies within another.
  /// - Parameter isBroken: becomes true where one is no host.
  private func hosts(_ tokens: [Int], in tree: SyntaxTree, isBroken: inout Bool) -> [String] {
    var hosts: [String] = []
    var wildcards: [String] = []
    return members(tokens, in: tree) { token in
      guard let host = host(token, in: tree) else {
        isBroken = true
        return nil
      }
      // Of two names without a wildcard neither lies in the other.
      let isWildcard = host.hasPrefix("*")
      if let other = (isWildcard ? hosts : wildcards).first(where: { $0 != host && hostsMeet($0, host) }) {
        report(.hostTwice(host, other: other, at: tree.range(ofToken: token)))
        return nil
      }
      hosts.append(host)
      if isWildcard { wildcards.append(host) }
      return host
    }
  }

  /// One Gateway has one name, with and without the plan's own namespace, which may be given behind it.
  func nameGatewaysAlike() {
    let own = plan.namespace + "/"
    for e in plan.exposures.indices {
      guard let gateway = plan.exposures[e].gateway, gateway.hasPrefix(own) else { continue }
      plan.exposures[e].gateway = String(gateway.dropFirst(own.count))
    }
  }

  private func resolveSecret(_ statement: StatementView) {
    guard let token = statement.first(.name), let name = text(token, in: statement.tree),
      case .known(let index)? = names.secrets[name.value]?.binding, names.secrets[name.value]?.range == name.range
    else { return }
    if isFaulty(statement) { brokenSecrets.insert(name.value) }
    let keys = members(statement.all(.key), in: statement.tree) { secretKey($0, in: statement.tree)?.value }
    fill(&plan.secrets, to: index, SecretDeclaration(name: "", keys: [], range: name.range))
    plan.secrets[index] = SecretDeclaration(name: name.value, keys: keys, range: name.range)
  }

  private func resolvePattern(_ statement: StatementView) {
    guard let token = statement.first(.name), let name = text(token, in: statement.tree),
      case .known(let index)? = names.patterns[name.value]?.binding, names.patterns[name.value]?.range == name.range
    else { return }
    let pattern = regex(statement.first(.regex), in: statement.tree) ?? ".*"
    fill(&plan.patterns, to: index, PatternDeclaration(name: "", pattern: "", range: name.range))
    plan.patterns[index] = PatternDeclaration(name: name.value, pattern: pattern, range: name.range)
  }

  private func resolveProbe(_ statement: StatementView) {
    let tree = statement.tree
    guard let token = statement.first(.name), let name = text(token, in: tree),
      case .known(let index)? = names.probes[name.value]?.binding, names.probes[name.value]?.range == name.range
    else { return }
    let method = method(statement.first(.method), in: tree)
    let path = method.flatMap { _ in self.path(statement.first(.path), in: tree, allowsQuery: true) } ?? "/"
    let element = statement.first(.selector).flatMap { elementSelector($0, in: tree) }
    var target: ComponentID?
    if let token = statement.first(.component) {
      target = component(token, in: tree)
      if let target, plan.exposure(of: target) == nil, !taint.covers(target), !hasBrokenExposure {
        report(.notExposed(plan[target].name, at: tree.range(ofToken: token), declared: plan[target].nameRange))
      }
    } else if let only = plan.exposures.first?.component {
      if plan.exposures.allSatisfy({ $0.component == only }) {
        target = only
      } else {
        let exposed = plan.components.indices.map { ComponentID($0) }.filter { plan.exposure(of: $0) != nil }
        report(.probeNeedsComponent(name.value, exposed: exposed.map { plan[$0].name }, at: statement.range))
      }
    }
    if let target, let exposure = plan.exposure(of: target), !speaksHTTP(exposure), !taint.covers(target) {
      report(
        .needsHTTP(
          plan[target].name, what: "a probe asks over http", help: "ask a component that speaks http",
          at: statement.range, ports: plan[target].versions.flatMap(\.ports)))
    }
    let visitor = askingVisitor(statement)
    fill(
      &plan.probes, to: index,
      Probe(
        name: "", element: nil, method: "GET", path: "/", component: ComponentID(-1), visitor: nil, range: name.range))
    plan.probes[index] = Probe(
      name: name.value, element: element, method: method ?? "GET", path: path, component: target ?? ComponentID(-1),
      visitor: visitor, range: name.range)
  }

  /// An `expose` line that broke: what is exposed is not known.
  var hasBrokenExposure: Bool {
    // It may stand in a file that could not be read.
    if hasMissingFile { return true }
    let lines = trees.reduce(0) { sum, tree in sum + tree.roots.count { tree.statements[$0].form == .expose } }
    // A line that did not become an exposure was wrong, and was reported.
    if lines > plan.exposures.count { return true }
    return trees.contains { tree in
      tree.roots.contains {
        tree.statements[$0].form == .expose && tree.statements[$0].isBroken || tree.statements[$0].form == nil
      }
    }
  }

  private func resolveMetric(_ statement: StatementView) {
    let tree = statement.tree
    guard let token = statement.first(.name), let name = text(token, in: tree),
      case .known(let index)? = names.metrics[name.value]?.binding, names.metrics[name.value]?.range == name.range
    else { return }
    let comparison: Metric.Comparison =
      statement.has(.below) ? .below : statement.has(.above) ? .above : statement.has(.least) ? .atLeast : .atMost
    var source = Metric.Source.promql("")
    var istio: Metric.IstioMetric?
    if statement.has(.promql) {
      source = .promql(text(.text, of: statement)?.value ?? "")
    } else if let kind = Metric.IstioMetric.allCases.first(where: { kind in
      Keyword(kind.rawValue).map { statement.has($0) } ?? false
    }) {
      istio = kind
      source = .istio(kind, of: statement.first(.component).flatMap { component($0, in: tree) })
    }
    var threshold = 0.0
    if let token = statement.first(.number), let number = text(token, in: tree) {
      threshold = metricThreshold(number, istio) ?? 0
    }
    fill(
      &plan.metrics, to: index, Metric(name: "", source: source, comparison: .below, threshold: 0, range: name.range))
    plan.metrics[index] = Metric(
      name: name.value, source: source, comparison: comparison, threshold: threshold, range: name.range)
  }

  /// Rates take `%`, latencies durations, PromQL a bare number.
  private func metricThreshold(_ number: SpannedText, _ istio: Metric.IstioMetric?) -> Double? {
    let value: Double?
    let wanted: String
    switch istio {
    case nil:
      value = Double(number.value)
      wanted = "a plain number"
    case let kind? where kind.isRate:
      value =
        number.value.hasSuffix("%")
        ? Double(number.value.dropLast()).flatMap { (0...100).contains($0) ? $0 : nil } : nil
      wanted = "a percentage such as `99.5%`"
    default:
      value = parseDuration(number.value).map(Double.init)
      wanted = "a duration such as `250ms`"
    }
    if let value, value.isInfinite, number.value.utf8.contains(where: { (0x30...0x39).contains($0) }) {
      report(.numberTooLarge(number.value, at: number.range))
      return nil
    }
    guard let value, value.isFinite else {
      report(.metricUnit(number.value, wanted: wanted, at: number.range))
      return nil
    }
    return value
  }
}
