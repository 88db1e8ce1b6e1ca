import ApplyEngine
import ArgumentParser
import CSSSelectors
import ClusterAPI
import CurlTransport
import Diagnostics
import HTMLText
import Lowering
import RolloutPlan

/// How a run asks the outside: where visitors come in, and where metrics are read.
struct ObservationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Where visitors come in: HOST, HOST:PORT or a URL. $ROLLOUTC_GATEWAY unless given, else found from the ingress \
      gateway's Service.
      """,
      valueName: "address"))
  var gateway: String?

  @Option(
    help: ArgumentHelp("The certificates that may sign the gateway's.", valueName: "file"), completion: .file())
  var gatewayCA: String?

  @Flag(help: "Do not check the gateway's certificate.")
  var gatewayInsecure = false

  @Option(
    help: ArgumentHelp(
      "The Prometheus that metrics are read from; $ROLLOUTC_PROMETHEUS unless given.", valueName: "url"))
  var prometheus: String?

  @Option(
    help: ArgumentHelp("The certificates that may sign Prometheus's.", valueName: "file"), completion: .file())
  var prometheusCA: String?

  @Option(
    help: ArgumentHelp("A file with the bearer token for Prometheus.", valueName: "file"), completion: .file())
  var prometheusTokenFile: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Over which time Istio's rates are taken: four scrapes or more.", valueName: "time"))
  var metricsWindow: TimeSpan = TimeSpan(PrometheusMetrics.Options().window)

  func validate() throws {
    try metricsWindow.check("--metrics-window")
    if let (option, text) = givenGateway, GatewayAddress(text) == nil {
      let hasUser = text.contains("@") ? "it holds a user name; " : ""
      throw ValidationError(
        "`\(option)`: \(withoutSecrets(text)) is no address of a gateway: \(hasUser)write HOST, HOST:PORT or a URL without a path"
      )
    }
    if let (option, text) = Self.prometheus(prometheus), let problem = addressProblem(text) {
      throw ValidationError(
        "`\(option)`: \(withoutSecrets(text)) is no address of Prometheus: \(problem); write an http or https URL, and let --prometheus-token-file name a file with its token"
      )
    }
  }

  /// What says where visitors come in, and its name.
  private var givenGateway: (option: String, text: String)? {
    gateway.map { ("--gateway", $0) } ?? Self.gatewayOfEnvironment
  }

  private static var gatewayOfEnvironment: (option: String, text: String)? {
    IO.environment("ROLLOUTC_GATEWAY").flatMap { $0.isEmpty ? nil : ("$ROLLOUTC_GATEWAY", $0) }
  }

  /// Whether the cluster need not be asked where visitors come in.
  var isGatewayGiven: Bool { givenGateway != nil }
  /// The same of a command that only looks, and has no option for it.
  static var isGatewayGivenByEnvironment: Bool { gatewayOfEnvironment != nil }

  /// Visitors come by TLS, and the run is told to ask without it: the gateway answers so at another port, if at all. Nil
  /// where that is not so.
  func plainGateway(for plan: Plan) -> Diagnostic? {
    guard let given = givenGateway, GatewayAddress(given.text)?.isTLS == false,
      let exposure = plan.exposures.first(where: { $0.tlsSecret != nil })
    else { return nil }
    var found = Diagnostic(
      .cannotAsk, "`\(given.option)` says http, and these visitors come by https",
      at: Label(exposure.range, "has a certificate"),
      notes: ["routes of port \(exposure.port) do not answer there, and the run would wait for them in vain"],
      help: given.option == "--gateway"
        ? "write https://HOST:PORT"
        : "name an https address with `--gateway`; the gateway of a sandbox has no TLS, and a plan for it no `tls secret`"
    )
    found.severity = .warning
    return found
  }

  /// What says where metrics are read, and its name.
  private static func prometheus(_ given: String?) -> (option: String, text: String)? {
    if let given { return ("--prometheus", given) }
    return IO.environment("ROLLOUTC_PROMETHEUS").flatMap { $0.isEmpty ? nil : ("$ROLLOUTC_PROMETHEUS", $0) }
  }

  /// Whether a run will have metrics to read.
  var hasPrometheus: Bool { Self.prometheus(prometheus) != nil }
  /// The same of a command that only looks, and has no option for it.
  static var hasPrometheusByEnvironment: Bool { prometheus(nil) != nil }

  /// Gives a run its way to the gateway and to the metrics. Nothing is sent yet.
  func connect(_ environment: inout RunEnvironment, to cluster: any Cluster, _ renderer: Renderer) throws {
    let transport = CurlTransport()
    var probing = HTTPProber.Options()
    if let given = givenGateway {
      probing.gateway = GatewayAddress(given.text)
      probing.gatewaySource = given.option
      environment.gatewayAdvice =
        plainGateway(for: renderer.plan)?.help
        ?? "does `\(given.option)` lead to the ingress of this cluster? If so: is istiod healthy?"
    }
    probing.certificateAuthority = try gatewayCA.map(Self.bytes)
    probing.verification = gatewayInsecure ? .none : .full
    environment.prober = HTTPProber(renderer, cluster: cluster, transport: transport, options: probing)
    environment.elementText = { (page, selector) throws(ProbeError) in
      do {
        return try elementText(
          in: page.body, contentType: page.headers["Content-Type"], selector: ElementSelector(selector))
      } catch let error as HTMLError {
        throw ProbeError(error.message, isFinal: true)
      } catch {
        throw ProbeError("\(error)", isFinal: true)
      }
    }
    guard let prometheus = Self.prometheus(prometheus)?.text else { return }
    var reading = PrometheusMetrics.Options()
    reading.window = metricsWindow.duration
    reading.certificateAuthority = try prometheusCA.map(Self.bytes)
    if let file = prometheusTokenFile {
      let token = String(decoding: try Self.bytes(file), as: UTF8.self).split(whereSeparator: \.isWhitespace).first
      reading.authorization = token.map { Secret("Bearer \($0)") }
    }
    guard
      let source = PrometheusMetrics(renderer.plan, url: prometheus, transport: transport, options: reading)
    else {
      throw Failure("\(withoutSecrets(prometheus)) is no address of Prometheus", code: Exit.usage)
    }
    environment.metrics = source
  }

  private static func bytes(_ path: String) throws -> [UInt8] {
    switch IO.read(path) {
    case .success(let bytes): return bytes
    case .failure(let error): throw Failure("\(path): \(error.message)", code: Exit.usage)
    }
  }
}
