/// Plans as a team would write them: a few components that call each other, deployed, led over to another version or
/// release in one of the usual ways, and cleaned up. Wider than `RandomText` in what stands in them, narrower in what goes
/// wrong: most of them check.
package struct RandomScenario {
  package var random: SeededGenerator
  private var lines: [String] = []
  private var count = 0
  private var hasReleases = false
  /// Components that nobody can tell visitors of apart: connections.
  private var speaksTCP: Set<Int> = []
  /// Components from this one on stand in no release, and those from the other one on have one version in both. Whoever is
  /// called by them must, too.
  private var firstShared = 0
  private var firstKept = 0
  private var stepNumber = 0
  private var moved: Set<Int> = []

  package init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  package mutating func plan() -> String {
    count = 2 + random.below(3)
    hasReleases = random.chance(0.5)
    firstShared = hasReleases && random.chance(0.4) ? 1 + random.below(count - 1) : count
    firstKept = hasReleases && random.chance(0.4) ? 1 + random.below(count - 1) : count
    lines = ["plan p", "language 1"]
    if random.chance(0.5) { lines.append("on failure rollback") }
    lines.append("mesh istio" + random.pick(["", "", " mtls strict", " mtls permissive", " mtls off"]))
    if random.chance(0.3) { lines.append("routing open") }
    let host = random.pick(["", "", " hosts shop.example.com", " hosts a.example.com, b.example.com"])
    let tls = random.chance(0.2)
    lines.append("expose c0 on port \(tls ? "443" : "80")\(host)" + (tls ? " tls secret web-cert" : ""))
    lines.append("cookie flag is flag = on")
    lines.append("cookie any is tester")
    lines.append("header who is x-who = ann")
    lines.append("header team is x-team matches '(red|blue)'")
    for c in 0..<count { addComponent(c) }
    // A second entry: beside the first one, below it, by the same certificate, or at a port of its own.
    if !speaksTCP.contains(1), random.chance(0.4) {
      lines.append(
        "expose c1 on port "
          + random.pick(
            ["80 hosts other.example.com path /one", "8080", "80 hosts other.example.com"]
              + (tls ? ["443 hosts other.example.com tls secret web-cert"] : [])))
    }
    // And one more of the first component: the same, for other hosts, or for less.
    if random.chance(0.25) {
      lines.append(
        "expose c0 on port \(tls ? "80" : "8081")"
          + random.pick([host, " hosts shop.example.com, www.example.com", "\(host) path /shop"]))
    }
    if hasReleases { addReleases() }
    for c in 0..<count where random.chance(0.12) { lines.append(patch(c)) }
    lines.append("step \"first\" {")
    if hasReleases {
      lines.append("  deploy release r1")
      for c in firstShared..<count { lines.append("  deploy c\(c) 1") }
    } else {
      for c in 0..<count { lines.append("  deploy c\(c) 1") }
    }
    lines.append("}")
    if hasReleases { moveRelease() } else { for _ in 0..<(1 + random.below(2)) { moveComponent() } }
    return lines.joined(separator: "\n") + "\n"
  }

  private mutating func addComponent(_ c: Int) {
    let isLeaf = c == count - 1
    lines.append("component c\(c) {")
    lines.append("  image c\(c)")
    let isTCP = c > 0 && random.chance(0.3)
    if isTCP { speaksTCP.insert(c) }
    let port = isTCP ? random.pick(["6379 redis", "3306 mysql", "5000 tcp"]) : "8080 http"
    let second = random.chance(0.25) ? ["port 9090 grpc"] : []
    // The container listens on the Service's port, or elsewhere; the second version may change that.
    let target = random.pick(["", "", " target 7000", " target 9090"])
    lines += (["port \(port)" + target] + (target.hasSuffix("9090") ? second.map { $0 + " target 8080" } : second))
      .map { "  " + $0 }
    let hasVolume = isLeaf && isTCP && random.chance(0.3)
    lines.append("  replicas \(hasVolume ? 1 : 1 + random.below(3))")
    let callees = isLeaf ? [] : ((c + 1)..<count).filter { $0 == c + 1 || random.chance(0.4) }
    if !callees.isEmpty { lines.append("  calls " + callees.map { "c\($0)" }.joined(separator: ", ")) }
    if !isTCP, random.chance(0.3) { lines.append("  ready when GET /healthz") }
    if hasVolume { lines.append("  volume data-c\(c) 1Gi at /data") }
    if hasReleases, c >= min(firstShared, firstKept) {
      lines.append("  version 1")
    } else if random.chance(0.3) {
      lines.append("  version 1")
      let own = random.pick(["", " target 7001"])
      lines.append("  version 2 {")
      lines += (["port \(port)" + own] + second).map { "    " + $0 }
      lines.append("  }")
    } else {
      lines.append("  version 1, 2")
    }
    lines.append("}")
  }

  private mutating func addReleases() {
    for r in 1...2 {
      lines.append("release r\(r) {")
      for c in 0..<firstShared { lines.append("  c\(c) \(c >= firstKept ? 1 : r)") }
      lines.append("}")
    }
  }

  private mutating func patch(_ c: Int) -> String {
    switch random.below(3) {
    case 0: "patch route of c\(c) \"{spec: {http: [{timeout: 5s}]}}\""
    case 1:
      "patch deployment of c\(c) \"{spec: {template: {metadata: {labels: {sidecar.istio.io/inject: 'false'}}}}}\""
    default: "patch rule of c\(c) \"{spec: {trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}}}\""
    }
  }

  private mutating func step(_ name: String, _ statements: [String]) {
    stepNumber += 1
    lines.append("step \"\(name) \(stepNumber)\" {")
    lines += statements.map { "  " + $0 }
    lines.append("}")
  }

  private mutating func canary(_ c: Int, _ target: String) {
    if speaksTCP.contains(c) {
      if random.chance(0.5) { step("some", ["route c\(c) \(10 + random.below(80))% -> \(target)"]) }
      return
    }
    let selectors = ["cookie flag", "cookie any", "header who", "header team", "cookie beta=1"]
    for _ in 0..<random.below(3) {
      step("some", ["route c\(c) \(random.pick(selectors)) -> \(target)"])
    }
    switch random.below(4) {
    case 0: step("share", ["route c\(c) \(10 + random.below(80))% -> \(target)"])
    case 1:
      let sticky = random.chance(0.4) ? " sticky for 1h" : ""
      step("shift", ["shift c\(c) -> \(target) through 10%, 50%, 100% every 1m\(sticky)"])
    default: break
    }
  }

  private mutating func moveComponent() {
    guard let c = (0..<count).filter({ !moved.contains($0) }).randomElement(using: &random) else { return }
    moved.insert(c)
    step("up c\(c)", ["deploy c\(c) 2" + (random.chance(0.2) ? " replicas 1" : "")])
    if !speaksTCP.contains(c), random.chance(0.3) { step("mirror", ["mirror c\(c) 20% -> 2"]) }
    canary(c, "2")
    if random.chance(0.2) { step("locked", ["mtls " + random.pick(["strict", "permissive", "off"])]) }
    if random.chance(0.2) { return }
    step("all", ["route c\(c) all -> 2"])
    if random.chance(0.7) { step("away", ["retire c\(c) 1"]) }
  }

  private mutating func moveRelease() {
    step("second", ["deploy release r2"])
    canary(0, "2")
    if random.chance(0.2) { step("locked", ["mtls " + random.pick(["strict", "permissive", "off"])]) }
    switch random.below(3) {
    case 0: step("all", ["route c0 all -> 2", "retire r1"])
    case 1:
      step("all", ["route c0 all -> 2"])
      step("away", ["retire r1"])
    default: if random.chance(0.5) { step("back", ["route c0 all -> 1", "retire r2"]) }
    }
  }
}
