/// Small plans as somebody might write them: components, releases, routes and steps. Some do not check; those are left
/// out where they are used.
package struct RandomText {
  package var random: SeededGenerator
  private var lines: [String] = []
  /// Components whose requests nobody can tell apart.
  private var speaksTCP: Set<Int> = []

  package init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  package mutating func plan() -> String {
    let count = 1 + random.below(3)
    let hasReleases = random.chance(0.5)
    let versions = (0..<count).map { _ in 1 + random.below(hasReleases ? 2 : 3) }
    let isShared = (0..<count).map { _ in hasReleases && random.chance(0.2) }
    lines = ["plan p", "language 1"]
    lines.append("mesh istio" + random.pick(["", "", " mtls strict", " mtls permissive", " mtls off"]))
    if random.chance(0.25) { lines.append("routing open") }
    if random.chance(0.1) { lines.append("namespace other existing") }
    let isExposed = random.chance(0.85)
    if isExposed {
      lines.append("expose c0 on port 80" + random.pick(["", "", " path /shop", " hosts shop.example.com"]))
    }
    // The second line takes no number, so that a seed makes the plan that it made without.
    if count > 1, random.chance(0.15) {
      lines.append("expose c1 on port 80 path /one")
      if random.seed % 3 == 0 { lines.append("expose c1 on port 80 path /two") }
    }
    lines.append("cookie flag is flag = on")
    lines.append("header who is x-who = ann")
    for c in 0..<count {
      lines.append("component c\(c) {")
      lines.append("  image c\(c)")
      let ports = random.chance(0.25) && c > 0 ? ["6379 redis", "3306 mysql"] : ["8080 http", "8080 http"]
      if ports[0] == ports[1] { lines.append("  port \(ports[0])") } else { speaksTCP.insert(c) }
      if random.chance(0.4) { lines.append("  replicas \(1 + random.below(2))") }
      let callees = (0..<count).filter { $0 != c && ($0 > c || random.chance(0.1)) && random.chance(0.7) }
      if !callees.isEmpty { lines.append("  calls " + callees.map { "c\($0)" }.joined(separator: ", ")) }
      for v in 0..<versions[c] {
        if ports[0] == ports[1] {
          lines.append("  version \(v + 1)")
        } else {
          lines.append("  version \(v + 1) {")
          lines.append("    port \(ports[v % 2])")
          lines.append("  }")
        }
      }
      lines.append("}")
    }
    if hasReleases {
      for r in 0..<2 {
        let members = (0..<count).filter { !isShared[$0] && versions[$0] > r }
        if members.isEmpty { continue }
        lines.append("release r\(r + 1) {")
        for c in members { lines.append("  c\(c) \(r + 1)") }
        lines.append("}")
      }
    }
    lines.append("step \"first\" {")
    if hasReleases {
      lines.append("  deploy release r1")
      for c in 0..<count where isShared[c] { lines.append("  deploy c\(c) 1") }
    } else {
      for c in 0..<count { lines.append("  deploy c\(c) 1") }
    }
    lines.append("}")
    for s in 0..<(1 + random.below(3)) {
      lines.append("step \"step \(s)\" {")
      for _ in 0..<(1 + random.below(3)) { lines.append("  " + statement(count, versions, hasReleases)) }
      lines.append("}")
    }
    if hasReleases, random.chance(0.5) {
      lines += ["step \"canary\" {", "  deploy release r2", "  route c0 cookie flag -> 2", "}"]
    }
    if random.chance(0.5) {
      // Somebody who sees it through.
      let c = random.below(count)
      lines.append("step \"finish\" {")
      if hasReleases {
        lines.append("  deploy release r2")
        lines.append("  route c0 all -> 2")
        if random.chance(0.5) { lines.append("}\nstep \"away\" {") }
        lines.append("  retire r1")
      } else {
        lines.append("  deploy c\(c) \(versions[c])")
        lines.append("  route c\(c) all -> \(versions[c])")
        if random.chance(0.5) { lines.append("}\nstep \"away\" {") }
        if versions[c] > 1 { lines.append("  retire c\(c) 1") } else { lines.append("  mtls permissive") }
      }
      lines.append("}")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private mutating func statement(_ count: Int, _ versions: [Int], _ hasReleases: Bool) -> String {
    let c = random.below(count)
    let v = 1 + random.below(versions[c])
    switch random.below(13) {
    case 0, 1: return hasReleases ? "deploy release r2" : "deploy c\(c) \(v)"
    case 2: return "deploy c\(c) \(v)"
    case 3, 4: return "route c\(c) all -> \(v)"
    case 5: return "route c\(c) \(speaksTCP.contains(c) ? "40%" : "cookie flag") -> \(v)"
    case 6: return "route c\(c) \(speaksTCP.contains(c) ? "all" : "header who") -> \(v)"
    case 7: return "route c\(c) \(1 + random.below(98))% -> \(v)"
    case 8: return "retire c\(c) \(v)"
    case 9: return "deploy c\(c) \(v) replicas \(1 + random.below(2))"
    case 11: return "mirror c\(c) \(10 * random.below(11))% -> \(v)"
    case 10: return "mtls " + random.pick(["strict", "permissive", "off"])
    default: return hasReleases ? "retire r1" : "retire c\(c) \(v)"
    }
  }
}
