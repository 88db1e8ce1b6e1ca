import Diagnostics
import RolloutSyntax

/// Components and their versions: what a version says wins over the component, `env` is merged by name.
extension Resolver {
  /// The settings of one block, before they are put together.
  private struct Settings {
    var image: SpannedText?
    var pull: PullPolicy?
    var ports: [Port] = []
    var replicas: Int?
    var calls: [ComponentID] = []
    var callsRange: SourceRange?
    /// One of them is not known.
    var hasUnknownCall = false
    var args: [String] = []
    var env: [PendingEnv] = []
    var volumes: [Volume] = []
    var resources: Resources?
    var readiness: PendingCheck?
    var liveness: PendingCheck?
    var hasBrokenLine = false
    /// A line that the order of the steps depends on is broken.
    var isDoubtful = false
    /// Settings that may stand once, with where they stand: few, so that a list is the fastest table.
    var seen: [(form: Form, range: SourceRange)] = []
  }

  /// A health check whose port may be the version's first one.
  private struct PendingCheck {
    enum Action {
      case http(method: String, path: String, port: Int?)
      case tcp(Int)
      case grpc(Int?)
    }

    var action: Action
    var within: Int?
    var range: SourceRange
    /// The port, where it is said.
    var port: AskedPort?
    /// The path, where it stands in the plan.
    var path: SourceRange?
  }

  /// A port that a health check names.
  private struct AskedPort {
    var number: Int
    var range: SourceRange
    /// It stands there as a number, and not as a parameter.
    var isWritten: Bool
    /// The line can do without it.
    var isOptional = true
  }

  func resolveComponent(_ id: ComponentID, _ statement: StatementView) {
    let shared = settings(of: statement.node.children, in: statement.tree)
    var asked: [(port: AskedPort, versions: [VersionID])] = []
    if shared.isDoubtful { taint.components.insert(id) }
    var anyVersion = false
    // How many versions have no image of their own.
    var inheriting = 0
    for child in statement.node.children where statement.tree[child].form == .version {
      let line = statement.tree[child]
      if line.node.children.contains(where: { line.tree[$0].form == .image }) { continue }
      inheriting += line.all(.newVersion).count
    }
    for child in statement.node.children {
      let line = statement.tree[child]
      guard line.form == .version else { continue }
      anyVersion = true
      let own = settings(of: line.node.children, in: line.tree)
      if own.isDoubtful { taint.components.insert(id) }
      let tokens = line.all(.newVersion)
      if let image = own.image ?? shared.image {
        let several = own.image != nil ? tokens.count > 1 : inheriting > 1
        if several, imageTag(image.value).tag != nil { reportSameImage(image, id) }
      }
      for token in tokens {
        guard let name = text(token, in: line.tree),
          case .known(let index)? = names.versions[id.index][name.value]?.binding,
          plan[id].versions.indices.contains(index), plan[id].versions[index].range == name.range
        else { continue }
        let version = VersionID(id, index)
        complete(version, own, shared)
        for check in [own.readiness ?? shared.readiness, own.liveness ?? shared.liveness] {
          guard let port = check?.port else { continue }
          if let line = asked.firstIndex(where: { $0.port.range == port.range }) {
            asked[line].versions.append(version)
          } else {
            asked.append((port, [version]))
          }
        }
      }
    }
    for (port, versions) in asked { checkAskedPort(port, of: versions) }
    if !anyVersion, !shared.hasBrokenLine, !statement.node.isBroken {
      report(.noVersions(plan[id].name, at: plan[id].nameRange))
    }
  }

  private func reportSameImage(_ image: SpannedText, _ id: ComponentID) {
    let diagnostic = Diagnostic.sameImageForVersions(image.value, component: plan[id].name, at: image.range)
    if !diagnostics.contains(diagnostic) { report(diagnostic) }
  }

  private func settings(of lines: [Int], in tree: SyntaxTree) -> Settings {
    var settings = Settings()
    for index in lines {
      let line = tree[index]
      guard let form = line.form, !line.node.isBroken else {
        settings.hasBrokenLine = true
        settings.isDoubtful = true
        resolveGoodPrefix(line)
        continue
      }
      if isFaulty(line) {
        settings.hasBrokenLine = true
        if [.calls, .port, .version, .volume].contains(form) { settings.isDoubtful = true }
      }
      switch form {
      case .image, .pull, .replicas, .calls, .args, .resources, .ready, .live:
        if let earlier = settings.seen.first(where: { $0.form == form }) {
          report(.duplicateSetting("`\(text(of: form))` stands twice", at: line.range, earlier: earlier.range))
          if form == .calls { settings.isDoubtful = true }
          continue
        }
        settings.seen.append((form, line.range))
      default: break
      }
      read(form, line, into: &settings)
    }
    return settings
  }

  private func read(_ form: Form, _ line: StatementView, into settings: inout Settings) {
    let tree = line.tree
    switch form {
    case .image:
      settings.image = image(line.first(.image), in: tree)
      if settings.image == nil { settings.hasBrokenLine = true }
    case .pull:
      settings.pull = line.has(.always) ? .always : line.has(.never) ? .never : .missing
    case .port: readPort(line, into: &settings)
    case .replicas:
      settings.replicas = integer(line.first(.int), in: tree, 0...10_000, what: "number of replicas")
    case .calls:
      settings.callsRange = line.range
      settings.calls = members(line.all(.component), in: tree) { token in
        let callee = component(token, in: tree)
        if callee == nil { settings.hasUnknownCall = true }
        return callee
      }
    case .args:
      for token in line.all(.value) {
        guard let value = text(token, in: tree) else { continue }
        settings.args.append(value.value)
        if holdsPassword(value.value) {
          report(.secretInPlan("this address has a password in it", variable: "NAME", at: value.range))
        }
      }
    case .env: readEnv(line, into: &settings)
    case .volume: readVolume(line, into: &settings)
    case .resources: readResources(line, into: &settings)
    case .ready: settings.readiness = healthCheck(line)
    case .live: settings.liveness = healthCheck(line)
    default: break
    }
  }

  private func readPort(_ line: StatementView, into settings: inout Settings) {
    if let token = line.first(.int), let text = text(token, in: line.tree) {
      // `80:8080`, as Compose and `kubectl port-forward` map ports.
      let parts = text.value.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      if parts.count == 2, parts.allSatisfy({ Int($0) != nil }) {
        let proto = line.captures.compactMap(\.keyword).dropFirst().first
        let isMapping = line.tree.word(token) == text.value && !line.has(.target)
        report(
          .portMapping(
            .badPort, service: parts[0], container: parts[1], speaks: proto == .target ? nil : proto?.text,
            at: text.range,
            replaced: isMapping ? SourceRange(file: text.range.file, start: text.range.start, end: line.range.end) : nil
          ))
        settings.hasBrokenLine = true
        return
      }
      // `80/tcp`, as Compose and `docker run` name protocols.
      let halves = text.value.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      if halves.count == 2, let number = Int(halves[0]), (1...65535).contains(number), !halves[1].isEmpty {
        let isWhole = line.tree.word(token) == text.value && line.captures.compactMap(\.keyword).count == 1
        report(.portWithSlash(halves[0], halves[1].lowercased(), at: text.range, isWhole: isWhole))
        settings.hasBrokenLine = true
        return
      }
    }
    guard let number = integer(line.first(.int), in: line.tree, 1...65535, what: "port", code: .badPort) else {
      settings.hasBrokenLine = true
      return
    }
    var proto = PortProtocol.tcp
    var isNamed = true
    if let word = line.captures.compactMap(\.keyword).dropFirst().first, let named = PortProtocol(rawValue: word.text) {
      proto = named
    } else {
      isNamed = false
    }
    var target = number
    if let token = line.first(.int, after: .target) {
      guard let said = integer(token, in: line.tree, 1...65535, what: "port", code: .badPort) else {
        settings.hasBrokenLine = true
        return
      }
      target = said
    }
    if !isNamed {
      portsWithoutProtocol.insert(line.range)
      report(.portWithoutProtocol(number, target: target, at: line.range))
    }
    // The proxy of each caller listens on the Service's port, too.
    if let taken = [target, number].first(where: reservedPorts.contains) {
      report(
        .reservedPort(
          taken, label: "taken in each pod",
          help: taken == target ? "let the container listen on another port" : "give the Service another port",
          at: line.range))
    }
    if let other = settings.ports.first(where: { $0.number == number }) {
      report(.protocolClash(number, at: line.range, earlier: other.range, isSameVersion: true))
      return
    }
    if let other = settings.ports.first(where: { $0.target == target }) {
      report(.sameTarget(target, at: line.range, earlier: other.range))
      return
    }
    settings.ports.append(Port(number: number, proto: proto, target: target, range: line.range))
  }

  private func readEnv(_ line: StatementView, into settings: inout Settings) {
    let tree = line.tree
    if line.has(.from) {
      guard let token = line.first(.secret) else { return }
      if Habits.isConfigMap(tree.word(token)), names.secrets[tree.word(token)] == nil {
        report(.configMap(.unknownSecret, at: tree.range(ofToken: token)))
        return
      }
      guard let secret = lookUp(.secret, token, in: tree) else { return }
      let name = text(token, in: tree)?.value ?? ""
      for token in line.all(.key) {
        guard let key = secretKey(token, in: tree) else { continue }
        checkKey(key, of: secret, named: name)
        guard isEnvName(key.value) else {
          report(.badEnvName(key.value, secret: name, at: key.range))
          continue
        }
        add(
          PendingEnv(name: key.value, source: .ready(.secret(name: name, key: key.value)), range: key.range),
          to: &settings)
      }
      return
    }
    guard let name = envName(line.first(.envName), in: tree) else { return }
    let source: PendingEnv.Source
    var place: SourceRange?
    if line.has(.secret), let token = line.first(.secret) {
      guard let secret = lookUp(.secret, token, in: tree), let keyToken = line.first(.key),
        let key = secretKey(keyToken, in: tree)
      else { return }
      let secretName = text(token, in: tree)?.value ?? ""
      checkKey(key, of: secret, named: secretName)
      source = .ready(.secret(name: secretName, key: key.value))
    } else if line.has(.of) {
      guard let callee = component(line.first(.component), in: tree) else { return }
      switch line.first(of: .host, .port, .url) {
      case .host?: source = .host(callee)
      case .port?: source = .port(callee, line.range)
      default: source = .url(callee, line.range)
      }
    } else {
      guard let token = line.first(.value), let value = text(token, in: tree) else { return }
      if namesSecret(name.value), !value.value.isEmpty, !isSwitch(value.value) {
        report(.secretInPlan("the variable `\(name.value)` looks like a secret", variable: name.value, at: value.range))
      } else if holdsPassword(value.value) {
        report(
          .secretInPlan("the address in `\(name.value)` has a password in it", variable: name.value, at: value.range))
      }
      source = .ready(.literal(value.value))
      place = value.range
    }
    add(PendingEnv(name: name.value, source: source, range: line.range, value: place), to: &settings)
  }

  private func add(_ env: PendingEnv, to settings: inout Settings) {
    if let i = settings.env.firstIndex(where: { $0.name == env.name }) {
      report(
        .duplicateSetting("the variable `\(env.name)` is set twice", at: env.range, earlier: settings.env[i].range))
      return
    }
    settings.env.append(env)
  }

  private func checkKey(_ key: SpannedText, of secret: Int, named name: String) {
    guard plan.secrets.indices.contains(secret), !plan.secrets[secret].keys.contains(key.value) else { return }
    guard !doubtfulWords.contains(key.value), !brokenSecrets.contains(name) else { return }
    if let index = reportedKeys[[name, key.value]] {
      mend(key.range, with: index)
      return
    }
    let count = diagnostics.count
    let keys = plan.secrets[secret].keys
    let declared = names.secrets[name]?.range
    report(.unknownSecretKey(key.value, secret: name, keys: keys, at: key.range, declared: declared))
    reportedKeys[[name, key.value]] = diagnostics.count > count ? count : -1
  }

  private func readVolume(_ line: StatementView, into settings: inout Settings) {
    let claim = line.first(.name).flatMap { text($0, in: line.tree) }
      .flatMap { dnsSubdomain($0, what: "name of a volume") }
    let size = quantity(line.first(.size), in: line.tree, isCPU: false)
    let path = path(line.first(.path), in: line.tree, allowsQuery: true)
    guard let claim, let size, let path else { return }
    // Kubernetes: "must not contain ':'", `mountPath` of VolumeMount.
    if path.contains(":") {
      let at = line.first(.path).map { line.tree.range(ofToken: $0) } ?? line.range
      report(.badPath(path, problem: "Kubernetes mounts nothing at a path with `:`", repaired: nil, at: at))
      return
    }
    if let other = settings.volumes.first(where: { $0.claim == claim || $0.path == path }) {
      report(.duplicateSetting("the volume or its path stands twice", at: line.range, earlier: other.range))
      return
    }
    let volume = Volume(claim: claim, size: size, path: path, range: line.range)
    if let other = settings.volumes.first(where: { $0.podName == volume.podName }) {
      report(
        .duplicateSetting(
          "a pod would call two volumes `\(volume.podName)`, which is `\(claim)` with dashes, and its first 63 characters",
          at: line.range, earlier: other.range))
      return
    }
    settings.volumes.append(volume)
  }

  private func readResources(_ line: StatementView, into settings: inout Settings) {
    var resources = Resources()
    let cpu = line.all(.cpu)
    let memory = line.all(.size)
    resources.cpu = quantity(cpu.first, in: line.tree, isCPU: true)
    if cpu.count > 1 { resources.cpuLimit = quantity(cpu[1], in: line.tree, isCPU: true) }
    resources.memory = quantity(memory.first, in: line.tree, isCPU: false)
    if memory.count > 1 { resources.memoryLimit = quantity(memory[1], in: line.tree, isCPU: false) }
    checkLimit(resources.cpuLimit, resources.cpu, isCPU: true, at: cpu.last, in: line.tree)
    checkLimit(resources.memoryLimit, resources.memory, isCPU: false, at: memory.last, in: line.tree)
    if cpu.isEmpty, memory.isEmpty { report(.emptyResources(at: line.range)) }
    settings.resources = resources
  }

  private func checkLimit(_ limit: String?, _ request: String?, isCPU: Bool, at token: Int?, in tree: SyntaxTree) {
    guard let limit, let request, let token, let most = quantityValue(limit, isCPU: isCPU),
      let least = quantityValue(request, isCPU: isCPU), most < least
    else { return }
    report(.limitBelowRequest(limit, request, isCPU: isCPU, at: tree.range(ofToken: token)))
  }

  private func healthCheck(_ line: StatementView) -> PendingCheck? {
    let tree = line.tree
    let within = duration(.duration, after: .within, of: line, allowsZero: false)
    let portToken = line.first(.int)
    let port = portToken.flatMap { integer($0, in: tree, 1...65535, what: "port", code: .badPort) }
    // What is wrong with the port was said.
    if portToken != nil, port == nil { return nil }
    let asked = portToken.flatMap { token in
      port.map {
        AskedPort(
          number: $0, range: tree.range(ofToken: token), isWritten: tree.word(token) == String($0),
          isOptional: !line.has(.tcp))
      }
    }
    if line.has(.tcp) {
      guard let port else { return nil }
      return PendingCheck(action: .tcp(port), within: within, range: line.range, port: asked)
    }
    if line.has(.grpc) {
      return PendingCheck(action: .grpc(port), within: within, range: line.range, port: asked)
    }
    if let token = line.first(.method), Habits.isCommand(tree.word(token)) {
      report(.checkByCommand(.badMethod, isLive: line.form == .live, at: tree.range(ofToken: token)))
      return nil
    }
    guard let method = method(line.first(.method), in: tree),
      let path = path(line.first(.path), in: tree, allowsQuery: true)
    else { return nil }
    if method != "GET" {
      // Kubernetes: an httpGet probe knows no other method.
      report(
        .badMethod(
          method, known: ["GET"], similar: "GET", at: line.first(.method).map { tree.range(ofToken: $0) } ?? line.range)
      )
      return nil
    }
    return PendingCheck(
      action: .http(method: method, path: path, port: port), within: within, range: line.range, port: asked,
      path: line.first(.path).map { tree.range(ofToken: $0) })
  }

  // MARK: - Putting together

  private func complete(_ id: VersionID, _ own: Settings, _ shared: Settings) {
    let component = plan[id.component]
    var version = plan[id]
    let isBroken = own.hasBrokenLine || shared.hasBrokenLine
    if let image = own.image ?? shared.image {
      let (tag, digest) = imageTag(image.value)
      version.image = tag == nil && digest == nil ? image.value + ":" + version.name : image.value
      version.imageRange = image.range
      let effective = tag ?? (digest == nil ? version.name : "")
      if digest == nil,
        ["latest", "stable", "edge", "main", "master", "dev", "nightly", "canary"].contains(effective.lowercased())
      {
        let diagnostic = Diagnostic.mutableImageTag(effective, image: version.image, at: image.range)
        if !diagnostics.contains(diagnostic) { report(diagnostic) }
      }
    } else if !isBroken {
      report(.missingImage(version.name, of: component.name, at: version.range, component: component.nameRange))
    }
    version.pull = own.pull ?? shared.pull
    version.ports = own.ports.isEmpty ? shared.ports : own.ports
    version.replicas = own.replicas ?? shared.replicas ?? 1
    version.replicasRange = [own, shared].first { $0.replicas != nil }?.seen.first { $0.form == .replicas }?.range
    version.calls = own.callsRange != nil ? own.calls : shared.calls
    version.callsRange = own.callsRange ?? shared.callsRange
    version.args = own.seen.contains { $0.form == .args } ? own.args : shared.args
    version.volumes = own.volumes.isEmpty ? shared.volumes : own.volumes
    version.resources = own.resources ?? shared.resources
    for (check, keyPath) in [
      (own.readiness ?? shared.readiness, \ComponentVersion.readiness),
      (own.liveness ?? shared.liveness, \ComponentVersion.liveness),
    ] {
      guard let check else { continue }
      version[keyPath: keyPath] = self.check(check, of: version)
      if version[keyPath: keyPath] == nil, !isBroken {
        checksWithoutPort[id, default: []].append((check.range, isLive: keyPath == \.liveness))
      }
    }
    var env = shared.env
    for line in own.env {
      if let i = env.firstIndex(where: { $0.name == line.name }) { env[i] = line } else { env.append(line) }
    }
    plan.components[id.component.index].versions[id.index] = version
    if isBroken { brokenVersions.insert(id) } else { noteUnsaidCalls(of: version, id, own, shared) }
    pendingEnv.append((id, env))
  }

  /// Addresses of components that `calls` does not name: where such a line belongs, and what it would say.
  private func noteUnsaidCalls(of version: ComponentVersion, _ id: VersionID, _ own: Settings, _ shared: Settings) {
    // The name that is not known may be the one that is missing.
    if (own.callsRange == nil ? shared : own).hasUnknownCall { return }
    let inherited = shared.env.filter { line in !own.env.contains { $0.name == line.name } }
    for (lines, isOwn) in [(inherited, false), (own.env, true)] {
      for line in lines {
        guard let callee = line.callee, callee != id.component, !version.calls.contains(callee) else { continue }
        // What only one version asks for is no call of the others.
        let list = isOwn ? own.callsRange : own.callsRange ?? shared.callsRange
        let place = list ?? line.range
        let key = list ?? (isOwn ? own : shared).env[0].range
        let found = unsaidCalls.firstIndex { $0.key == key } ?? unsaidCalls.endIndex
        if found == unsaidCalls.endIndex {
          let others = isOwn && list == nil ? shared.calls : []
          unsaidCalls.append(
            UnsaidCalls(key: key, caller: id.component, place: place, isList: list != nil, others: others))
        }
        if unsaidCalls[found].lines.contains(where: { $0.range == line.range }) { continue }
        unsaidCalls[found].lines.append((callee, line.range))
      }
    }
  }

  /// - Returns: nil where there is no port to ask.
  private func check(_ pending: PendingCheck, of version: ComponentVersion) -> HealthCheck? {
    let first = version.ports.first?.target
    let action: HealthCheck.Action
    switch pending.action {
    case .http(let method, let path, let chosen):
      if chosen == nil { checkPortInPath(path, at: pending.path, of: version) }
      let answering = version.ports.first(where: \.answersGET) ?? version.ports.first(where: mayAnswer)
      guard let port = chosen ?? answering?.target else { return nil }
      action = .http(method: method, path: path, port: port)
    case .tcp(let number): action = .tcp(port: number)
    case .grpc(let chosen):
      guard let port = chosen ?? first else { return nil }
      action = .grpc(port: port)
    }
    return HealthCheck(action: action, withinMilliseconds: pending.within, range: pending.range)
  }

  /// Whether GET could be answered there: by TLS, too, and where it is not said what the port speaks, which is another
  /// fault. What gRPC has for that is `ready when grpc`.
  private func mayAnswer(_ port: Port) -> Bool {
    port.answersGET || port.proto == .https || portsWithoutProtocol.contains(port.range)
  }

  /// `ready when GET /healthz:8080`, where 8080 is a port of the version: no path that is meant ends so.
  private func checkPortInPath(_ path: String, at range: SourceRange?, of version: ComponentVersion) {
    guard let range, let colon = path.lastIndex(of: ":"), let number = Int(path[path.index(after: colon)...]),
      let port = version.ports.first(where: { $0.target == number || $0.number == number })
    else { return }
    let isWritten = sources[range.file]?.text(range) == path
    let diagnostic = Diagnostic.portInPath(
      path, String(path[..<colon]), on: port.target, at: range, isWritten: isWritten)
    if !diagnostics.contains(diagnostic) { report(diagnostic) }
  }

  /// The kubelet asks the container itself, at a port that one of the versions with this line does not have.
  private func checkAskedPort(_ asked: AskedPort, of versions: [VersionID]) {
    let deaf = versions.filter { id in
      !plan[id].ports.isEmpty && !brokenVersions.contains(id)
        && !plan[id].ports.contains { $0.target == asked.number }
    }
    guard let first = deaf.first else { return }
    let targets = Set(deaf.map { plan[$0].ports.first { $0.number == asked.number }?.target })
    let isOne = deaf.count == versions.count && targets.count == 1
    report(
      .unknownServicePort(
        asked.number, of: plan[first.component].name, only: deaf.count < versions.count ? plan[first].name : nil,
        known: plan[first].ports.map(\.target), service: targets.contains { $0 != nil },
        target: isOne ? targets.first ?? nil : nil, isWritten: asked.isWritten, isOptional: asked.isOptional,
        at: asked.range))
  }

  /// `host of`, `port of` and `url of`, once every version knows its ports.
  func resolveEnvironmentVariables() {
    for (id, lines) in pendingEnv {
      var env: [EnvVar] = []
      for line in lines {
        let source: EnvVar.Source
        switch line.source {
        case .ready(let ready): source = ready
        case .host(let callee): source = .literal(plan[callee].service)
        case .port(let callee, let range):
          guard let port = port(of: callee, seenFrom: id, at: range) else { continue }
          source = .literal(String(port.number))
        case .url(let callee, let range):
          guard let port = port(of: callee, seenFrom: id, at: range) else { continue }
          source = .literal("\(scheme(port.proto))://\(plan[callee].service):\(port.number)")
        }
        env.append(EnvVar(name: line.name, source: source, range: line.range))
      }
      plan.components[id.component.index].versions[id.index].env = env
    }
  }

  private func scheme(_ proto: PortProtocol) -> String {
    switch proto {
    case .http, .http2, .grpcWeb: "http"
    case .https: "https"
    case .grpc: "grpc"
    case .tcp: "tcp"
    case .tls: "tls"
    case .mysql: "mysql"
    case .redis: "redis"
    case .mongo: "mongodb"
    }
  }

  /// The one port of `callee` that `caller` sees: of the versions in its releases; an error where it is not one port.
  private func port(of callee: ComponentID, seenFrom caller: VersionID, at range: SourceRange) -> Port? {
    if taint.covers(callee) { return nil }
    let releases = plan[caller].releases
    let versions = plan[callee].versions.indices.filter { index in
      let others = plan[callee].versions[index].releases
      return releases.isEmpty || others.isEmpty || !Set(releases).isDisjoint(with: others)
    }
    if versions.contains(where: { brokenVersions.contains(VersionID(callee, $0)) }) { return nil }
    let ports = versions.flatMap { plan[callee].versions[$0].ports }
    let distinct = Set(ports.map { "\($0.number)/\($0.proto.rawValue)" })
    if distinct.count == 1 { return ports.first }
    // Two protocols of one port are a fault of their own.
    if Set(ports.map(\.number)).count == 1 { return nil }
    let diagnostic = Diagnostic.portOfIsAmbiguous(
      plan[callee].name, ports: ports, isOneEach: versions.allSatisfy { plan[callee].versions[$0].ports.count == 1 },
      release: versions.isEmpty && !plan[callee].versions.isEmpty ? releases.first.map { plan[$0].name } : nil,
      at: range, declared: plan[callee].nameRange)
    if !diagnostics.contains(diagnostic) { report(diagnostic) }
    return nil
  }
}

/// An environment variable as read, before the ports of other components are known.
struct PendingEnv {
  enum Source {
    case ready(EnvVar.Source)
    case host(ComponentID)
    case port(ComponentID, SourceRange)
    case url(ComponentID, SourceRange)
  }

  var name: String
  var source: Source
  var range: SourceRange
  /// Where a literal stands.
  var value: SourceRange?

  /// The component whose address it holds.
  var callee: ComponentID? {
    switch source {
    case .ready: nil
    case .host(let callee), .port(let callee, _), .url(let callee, _): callee
    }
  }
}

/// Addresses that a block hands out without a `calls` that says so.
struct UnsaidCalls {
  /// The list that lacks them, or the block that has none.
  var key: SourceRange
  var caller: ComponentID
  /// The list, or the line before which one belongs.
  var place: SourceRange
  var isList: Bool
  /// What a new list must repeat of the one that it replaces.
  var others: [ComponentID]
  var lines: [(callee: ComponentID, range: SourceRange)] = []
}

/// What the mesh's proxy listens on itself, in pods and in gateways (Istio: application requirements, ports used by Istio).
let reservedPorts: Set = [15000, 15001, 15002, 15004, 15006, 15008, 15020, 15021, 15053, 15090]

extension Port {
  /// Without TLS. gRPC is http, and answers no GET.
  fileprivate var answersGET: Bool { proto.isHTTP && proto != .grpc }
}
