import ArgumentParser

struct SandboxCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sandbox",
    abstract: "Run a Kubernetes API server with a mesh, in this process, for kubectl, curl and a browser.",
    discussion: """
      Both listen on 127.0.0.1 only, without any protection: the cluster holds nothing real. Deployments roll out, \
      Services get endpoints, and each visitor's request goes from hop to hop by what the objects say. The pods are \
      stand-ins: they answer without their images. It runs until Ctrl-C; with a command behind `--` it runs as long as \
      that, with KUBECONFIG and ROLLOUTC_GATEWAY set, and ends with its exit code.
      """)

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The port of the API server; 0 takes a free one.", valueName: "port"))
  var port = 0

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("The port that visitors come to; 0 takes a free one.", valueName: "port"))
  var gatewayPort = 0

  @Option(
    help: ArgumentHelp("Where to write the kubeconfig, to stay; else a temporary file.", valueName: "file"),
    completion: .file())
  var kubeconfig: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How fast time passes in the cluster: 10 makes a minute of six seconds.", valueName: "factor"))
  var speed = 1.0

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp("CustomResourceDefinitions to begin with; Istio's are there already.", valueName: "file"),
    completion: .file())
  var crds: [String] = []

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How long the news of a change takes to each proxy: `200ms`, or a range such as `0-2s`.", valueName: "delay"))
  var propagation = PropagationRange(milliseconds: 0...500)

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("What all choices and delays follow from.", valueName: "number"))
  var seed: UInt64 = 1

  @Argument(
    parsing: .postTerminator,
    help: ArgumentHelp("What to run in it, behind `--`.", valueName: "command"))
  var command: [String] = []

  func validate() throws {
    for number in [port, gatewayPort] where !(0...65_535).contains(number) {
      throw ValidationError("\(number) is no port")
    }
    guard speed.isFinite, speed > 0, speed <= 10_000 else {
      throw ValidationError("--speed is more than 0 and at most 10000")
    }
    if let kubeconfig, kubeconfig.isEmpty { throw ValidationError("--kubeconfig names no file") }
  }

  func run() throws {
    try SandboxRun(
      port: port, gatewayPort: gatewayPort, kubeconfig: kubeconfig, speed: speed, definitions: crds,
      propagation: propagation.milliseconds, seed: seed, command: command
    ).run()
  }
}

/// `2s`, `500ms`, `0-2s`, `100ms-2s`: one delay for all, or the range in which each proxy has its own.
struct PropagationRange: ExpressibleByArgument {
  var milliseconds: ClosedRange<Int>

  init(milliseconds: ClosedRange<Int>) { self.milliseconds = milliseconds }

  init?(argument: String) {
    let sides = argument.split(separator: "-", omittingEmptySubsequences: false)
    guard (1...2).contains(sides.count), let last = sides.last, let high = PropagationRange.milliseconds(last) else {
      return nil
    }
    // In `0-2s` the first number needs no unit, since 0 is 0 in all of them.
    let low = sides.count == 1 ? high : PropagationRange.milliseconds(sides[0])
    guard let low, low <= high, high <= 3_600_000 else { return nil }
    milliseconds = low...high
  }

  private static func milliseconds(_ text: Substring) -> Int? {
    if text == "0" { return 0 }
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let number = Int(digits), number <= 3_600_000 else { return nil }
    switch text.dropFirst(digits.count) {
    case "ms": return number
    case "s": return number * 1_000
    case "m": return number * 60_000
    default: return nil
    }
  }

  var defaultValueDescription: String { "0-500ms" }
}
