package import Diagnostics
import KubernetesModel

/// R06 and R07: what Kubernetes or Istio cannot take, or would take badly; secrets.
extension Diagnostic {
  static func nameTooLong(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .nameTooLong, "the object would be named `\(name)`, which has \(name.utf8.count) characters",
      at: Label(range, "63 is the limit"), help: "shorten the component's name, or give it a shorter `service`")
  }

  static func nameCollision(_ message: String, at range: SourceRange, earlier: SourceRange, help: String)
    -> Diagnostic
  {
    Diagnostic(
      .nameCollision, message, at: Label(range, "the same name"), secondary: [Label(earlier, "first here")],
      help: help)
  }

  static func mutableImageTag(_ tag: String, image: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .mutableImageTag, "the tag `\(tag)` can point at another image tomorrow", at: Label(range, "`\(image)`"),
      notes: ["a rollback would not bring the old image back"], help: "use a tag that is never moved, or a digest")
  }

  /// What a port speaks by its number.
  private static let usualProtocols: [Int: (word: String, name: String)] = [
    80: ("http", "http"), 8080: ("http", "http"), 443: ("https", "https"), 8443: ("https", "https"),
    50051: ("grpc", "gRPC"), 3306: ("mysql", "MySQL"), 6379: ("redis", "Redis"), 27017: ("mongo", "MongoDB"),
    5432: ("tcp", "PostgreSQL"), 5672: ("tcp", "AMQP"), 9092: ("tcp", "Kafka"), 11211: ("tcp", "memcached"),
  ]

  static func portWithoutProtocol(_ number: Int, target: Int, at range: SourceRange) -> Diagnostic {
    let tail = target == number ? "" : " target \(target)"
    return Diagnostic(
      .portWithoutProtocol, "port \(number) does not say what it speaks: it is taken for tcp",
      at: Label(range, "no protocol"),
      notes: ["Istio routes http by request and everything else by connection"],
      help: (usualProtocols[number] ?? usualProtocols[target]).map {
        "by its number it speaks \($0.name): write `port \(number) \($0.word)\(tail)`, or what it speaks instead"
      }
        ?? "write `port \(number) http\(tail)` where it speaks http, and `port \(number) tcp\(tail)` where it speaks what has no word here",
      fixIts: [])
  }

  /// - Parameters:
  ///   - version: the version that has not the port, where others with the same line have it.
  ///   - known: where its container listens.
  ///   - isService: it is a port of the Service.
  ///   - target: where the container listens for that port, in every version with this line.
  ///   - isWritten: the number stands there, and no parameter.
  ///   - isOptional: without it, each version is asked where it listens.
  static func unknownServicePort(
    _ number: Int, of component: String, only version: String?, known: [Int], service isService: Bool,
    target: Int?, isWritten: Bool, isOptional: Bool, at range: SourceRange
  ) -> Diagnostic {
    let name = version.map { "version \($0) of `\(component)`" } ?? "`\(component)`"
    let list = known.map(String.init).joined(separator: ", ")
    let inEach = "write the check in each version\(isOptional ? ", or leave `on \(number)` out" : "")"
    if isService {
      return Diagnostic(
        .unknownServicePort, "\(name) does not listen on \(number), which is its Service's port",
        at: Label(range, "the Service's port"), notes: ["a health check asks the container itself"],
        help: target.map { "write `\($0)`" }
          ?? "its container listens on \(list): \(inEach)",
        fixIts: isWritten ? target.map { [FixIt("write `\($0)`", [Edit(range, String($0))])] } ?? [] : [])
    }
    return Diagnostic(
      .unknownServicePort, "\(name) has no port \(number)", at: Label(range, "not declared"),
      help: version == nil
        ? "its ports are \(list); declare it with `port \(number) PROTOCOL`" : "its ports are \(list): \(inEach)")
  }

  /// A check that a patch brings asks a port that is not declared.
  static func unknownPatchedPort(
    _ port: String, of component: String, probe: String, known: [Int], at range: SourceRange
  )
    -> Diagnostic
  {
    let list = known.map(String.init).joined(separator: ", ")
    return Diagnostic(
      .unknownServicePort, "`\(component)` has no port \(port), which `\(probe)` asks",
      at: Label(range, "asks it here"),
      help: "its container listens on \(list): ask there, or declare the port")
  }

  static func missingImage(
    _ version: String, of component: String, at range: SourceRange, component declared: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .missingImage, "version \(version) of `\(component)` has no image", at: Label(range, "what should run?"),
      secondary: [Label(declared, "nor has the component")],
      help: "write `image IMAGE` in the component or in the version")
  }

  static func sameImageForVersions(_ image: String, component: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .sameImageForVersions, "several versions of `\(component)` would run the same image `\(image)`",
      at: Label(range, "a tag above several versions"),
      help: "leave the tag out, and each version is its own tag; or write an image in each version")
  }

  static func missingPort(
    _ component: String, _ version: String, isExposed: Bool, at range: SourceRange, because: SourceRange?
  ) -> Diagnostic {
    Diagnostic(
      .missingPort, "version \(version) of `\(component)` has no port", at: Label(range, "nothing to send requests to"),
      secondary: because.map { [Label($0, isExposed ? "exposed here" : "called here")] } ?? [],
      help: "write `port NUMBER PROTOCOL` in the component or in the version")
  }

  /// A health check that names no port, where the version has none, or none that could answer.
  ///
  /// - Parameter port: the first one of those that the version has.
  static func noPortToAsk(
    _ component: String, _ port: Port?, isLive: Bool, at range: SourceRange, more: [SourceRange]
  ) -> Diagnostic {
    let help = "write `on PORT` behind what is asked: where the container listens for it"
    let head = isLive ? "live when" : "ready when"
    return Diagnostic(
      .missingPort,
      port == nil
        ? "`\(component)` has no port that this check could ask"
        : "`\(component)` has no http port that this check could ask", at: Label(range, "at which port?"),
      secondary: (port.map { [Label($0.range, "speaks \($0.proto.rawValue)")] } ?? [])
        + more.map { Label($0, "nor this one") },
      help: port.map { port in
        "\(port.proto == .grpc ? "ask it as gRPC is asked, by `\(head) grpc`" : "ask whether it listens, by `\(head) tcp \(port.target)`"); if the container answers http elsewhere, \(help)"
      } ?? help)
  }

  static func protocolClash(_ number: Int, at range: SourceRange, earlier: SourceRange, isSameVersion: Bool)
    -> Diagnostic
  {
    Diagnostic(
      .protocolClash, isSameVersion ? "port \(number) stands twice" : "port \(number) has two protocols",
      at: Label(range, "again here"), secondary: [Label(earlier, "first here")],
      notes: isSameVersion ? [] : ["one Service serves all versions, and one port of it can speak one protocol"],
      help: isSameVersion ? "keep one of the two" : "give the new protocol another port")
  }

  /// - Parameter place: where the protocol is missing; nil where the line is made of parameters.
  static func unsaidProtocol(_ port: Port, as other: Port, at place: SourceRange?) -> Diagnostic {
    let tail = port.target == port.number ? "" : " target \(port.target)"
    let help = "write `port \(port.number) \(other.proto.rawValue)\(tail)`"
    return Diagnostic(
      .protocolClash, "port \(port.number) does not say what it speaks, and speaks \(other.proto.rawValue) elsewhere",
      at: Label(port.range, "no protocol"), secondary: [Label(other.range, "the same port of the Service")],
      notes: ["one Service serves all versions, and one port of it can speak one protocol"], help: help,
      fixIts: place.map { [FixIt("insert `\(other.proto.rawValue)`", [Edit($0, " " + other.proto.rawValue)])] } ?? [])
  }

  /// Whether a port that does not say what it speaks may well speak this.
  static func maySpeak(_ proto: PortProtocol, _ port: Port) -> Bool {
    (usualProtocols[port.number] ?? usualProtocols[port.target]).map { $0.word == proto.rawValue } ?? true
  }

  static func sameTarget(_ target: Int, at range: SourceRange, earlier: SourceRange) -> Diagnostic {
    Diagnostic(
      .protocolClash, "two ports are the container's port \(target)", at: Label(range, "again here"),
      secondary: [Label(earlier, "first here")],
      notes: ["the Service finds the container's port by its name, and it has one"],
      help:
        "keep one of the two; for another number, `patch service of COMPONENT` adds a port (docs/recipes.md, \"Another port for callers\")"
    )
  }

  static func sharedVolume(_ claim: String, _ message: String, at range: SourceRange, declared: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      .sharedVolume, "the volume `\(claim)` is for one pod: \(message)", at: Label(range, "second user"),
      secondary: declared == range ? [] : [Label(declared, "the volume")],
      notes: ["it is ReadWriteOnce: two pods that write it lose data, or one of them never starts"],
      help:
        "give each version and component a volume of its own, and one replica; or stop the one that has it first, with `replicas 0` and `\(Code.downtime.allowance)`"
    )
  }

  /// - Parameter path: the file; nil: it stands in the plan.
  static func secretInManifest(_ name: String, path: String?, at range: SourceRange) -> Diagnostic {
    var diagnostic = Diagnostic(
      .secretInManifest,
      "\(path.map { "the Secret `\(name)` in `\($0)`" } ?? "this patch of the Secret `\(name)`") holds data",
      at: Label(range, "read here"),
      notes: ["a plan is reviewed, stored and printed: it never holds a secret"],
      help: "keep the Secret where secrets are kept, and declare it: `secret \(name) has KEY`")
    if path == nil { diagnostic.hidden = range }
    return diagnostic
  }

  static func unquotedText(_ texts: [UnquotedText], in origin: String, at range: SourceRange) -> Diagnostic {
    let first = texts[0]
    var others: [String] = []
    for text in texts.dropFirst() where text.key != first.key && !others.contains(text.key) { others.append(text.key) }
    return Diagnostic(
      .unquotedText, "`\(first.key)` in the `\(first.holder)` of \(origin) is \(first.what) and has to be text",
      at: Label(range, "YAML without quotes"),
      notes: ["the API server refuses the object"]
        + (others.isEmpty ? [] : ["so are \(others.map { "`\($0)`" }.joined(separator: ", "))"]),
      help: "write it in quotes: YAML reads `no` as a truth value and `1.10` as the number 1.1")
  }

  static func badManifest(_ message: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(.badManifest, message, at: Label(range, "read here"), help: "mend the file")
  }

  /// - Parameter serverFirst: a port behind it whose server speaks first, so that no certificate helps.
  static func exposeNeedsTLS(_ serverFirst: Port?, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .exposeNeedsTLS,
      serverFirst.map { "port 443 speaks TLS, and \($0.proto.rawValue) lets the server speak first" }
        ?? "port 443 needs a certificate",
      at: Label(range, serverFirst == nil ? "no `tls secret`" : "no port for \(serverFirst?.proto.rawValue ?? "it")"),
      secondary: serverFirst.map { [Label($0.range, "speaks \($0.proto.rawValue)")] } ?? [],
      help: serverFirst.map { "expose it on another port, as `port \($0.number)`, and without `tls secret`" }
        ?? "write `tls secret NAME` behind the port, with a Secret beside the gateway")
  }

  static func tlsEndsEarly(_ component: String, _ port: Port, exposed: Int, at range: SourceRange) -> Diagnostic {
    let proto = port.proto
    // Port 443 without a certificate is for those that speak TLS themselves.
    let needsOther = exposed == 443 && proto.isServerFirst
    return Diagnostic(
      .tlsEndsEarly,
      proto.isServerFirst
        ? "\(proto.rawValue) lets the server speak first, and the gateway waits for a TLS handshake"
        : "the TLS ends at the gateway, and `\(component)` waits for it itself",
      at: Label(range, "`tls secret` here"), secondary: [Label(port.range, "speaks \(proto.rawValue)")],
      help: needsOther
        ? "leave `tls secret` out, and expose it on another port, as `port \(port.number)`"
        : "leave `tls secret` out: the gateway then passes the connection on")
  }

  package static func notFollowed(_ what: String, _ why: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .notFollowed, "the proof does not follow \(what)", at: Label(range, "taken as if it stopped nobody"),
      notes: [why], help: "see that it stops no request that counts, and say so: `\(Code.notFollowed.allowance)`")
  }

  static func exposeConflict(_ message: String, at range: SourceRange, earlier: SourceRange, help: String)
    -> Diagnostic
  {
    Diagnostic(
      .exposeConflict, message, at: Label(range, "again here"), secondary: [Label(earlier, "first here")],
      help: help)
  }

  static func unknownField(_ field: String, of kind: String, similar: String?, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unknownField, "`\(field)` is no field of a \(kind) that is known here", at: Label(range, "says it"),
      notes: ["a server refuses it, or drops it without a word"],
      help: similar.map { "a similar one is `\($0)`" }
        ?? "compare it with `kubectl explain`; if it is right, `\(Code.unknownField.allowance)`")
  }

  /// - Parameter isFirst: the component has another port that visitors could be led to.
  static func guessedPort(_ exposed: Int, of component: String, led: Port, isFirst: Bool, at range: SourceRange)
    -> Diagnostic
  {
    let allowed = "`\(Code.guessedPort.allowance)`"
    let line = "port \(exposed) \(led.proto.rawValue) target \(led.target)"
    return Diagnostic(
      .guessedPort,
      "visitors at port \(exposed) are led to port \(led.number): no port of `\(component)` has the number \(exposed)",
      at: Label(range, "led to port \(led.number)"), secondary: [Label(led.range, "this one")],
      help: exposed == 443
        ? (isFirst ? "visitors get the first that fits: write the one that is meant first; " : "")
          + "if port \(led.number) is meant: \(allowed)"
        : "give the port that is meant the number that visitors use, as `\(line)` for this one (callers dial it then, too); or leave it so: \(allowed)"
    )
  }

  static func hostTwice(_ host: String, other: String, at range: SourceRange) -> Diagnostic {
    let (narrow, wide) = host.hasPrefix("*") ? (other, host) : (host, other)
    return Diagnostic(
      .exposeConflict, "`\(narrow)` lies in `\(wide)`", at: Label(range, "the same host again"),
      notes: ["Istio refuses a VirtualService whose hosts overlap"], help: "leave out one of the two")
  }

  static func protectedFields(_ fields: [String], at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .protectedField, "a patch may not change \(fields.map { "`\($0)`" }.joined(separator: ", "))",
      at: Label(range, fields.count == 1 ? "changes it" : "changes them"),
      notes: ["names, namespaces, selectors and ownership are how rolloutc finds its objects again"],
      help: "remove the field\(fields.count == 1 ? "" : "s") from the patch")
  }

  /// - Parameter blank: what stands before the version on its line, and goes with it.
  static func patchVersion(_ word: String, at range: SourceRange, blank: SourceRange) -> Diagnostic {
    Diagnostic(
      .patchWithoutTarget, "a \(word) belongs to all versions of its component", at: Label(range, "no version here"),
      help: "only `deployment of COMPONENT VERSION` names a version; leave it out",
      fixIts: [
        FixIt("remove the version", [Edit(SourceRange(file: range.file, start: blank.start, end: range.end), "")])
      ])
  }

  static func reservedPort(_ number: Int, label: String, help: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .reservedPort, "port \(number) is used by the mesh's own proxy", at: Label(range, label),
      notes: ["Istio: application requirements, ports used by Istio"], help: help)
  }

  static func noVersions(_ component: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .noVersions, "`\(component)` has no version", at: Label(range, "nothing to deploy"),
      help: "write `version 1.0` in the component")
  }

  /// - Parameter isSaid: the plan says `permissive`; else it says nothing, which is the same to Istio.
  static func serverFirstPlaintext(_ proto: String, at range: SourceRange, mesh: SourceRange, isSaid: Bool)
    -> Diagnostic
  {
    Diagnostic(
      .serverFirstPlaintext,
      "\(proto) lets the server speak first, which fails for plaintext clients of a permissive server",
      at: Label(range, "server-first"),
      secondary: [Label(mesh, isSaid ? "permissive here" : "no `mtls`: permissive, unless the mesh says otherwise")],
      notes: ["the proxy waits for the client's first bytes to tell TLS from plaintext (istio/istio#35232)"],
      help: "use `mtls strict`")
  }

  static func secretInPlan(_ what: String, variable: String, at range: SourceRange) -> Diagnostic {
    var diagnostic = Diagnostic(
      .secretInPlan, "\(what), and its value stands in the plan", at: Label(range, "everybody can read it"),
      help: "write `env \(variable) = secret NAME KEY`")
    // More people read the log of a pipeline than the plan.
    diagnostic.hidden = range
    return diagnostic
  }
}
