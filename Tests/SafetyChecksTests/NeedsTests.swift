import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks
import TestSupport
import Testing

/// Nothing is used before it is there: what the check finds, against the rule as it reads, in random plans whose phases
/// are put into orders that nobody should write.
struct NeedsTests {
  private struct Early: Hashable {
    var step: Int
    var segment: Int
    var phase: Int
    var object: ObjectID
    var needed: ObjectID
  }

  @Test func theSameIsEarly() throws {
    var plans = 0
    var kinds: [String: Int] = [:]
    for seed in SeededGenerator.seed..<(SeededGenerator.seed &+ 1500) {
      var random = SeededGenerator(seed: seed)
      let words = plan(&random)
      let resolution = resolve(path: "p.rollout", bytes: Array(words.utf8))
      guard let plan = resolution.checked else { continue }
      var compiled = compile(plan)
      guard compiled.problems.isEmpty else { continue }
      if random.chance(0.9) {
        for s in compiled.steps.indices {
          for m in compiled.steps[s].segments.indices {
            compiled.steps[s].segments[m].phases = disturbed(compiled.steps[s].segments[m].phases, &random)
          }
        }
      }
      let report = check(compiled, plan: plan)
      let found = Set(
        report.findings.compactMap { finding -> Early? in
          guard case .forward = finding.moment.course, let object = finding.violation.object,
            let needed = finding.violation.needed
          else { return nil }
          return Early(
            step: finding.moment.step, segment: finding.moment.segment, phase: finding.moment.phase, object: object,
            needed: needed)
        })
      let expected = early(compiled, plan)
      #expect(
        found == expected,
        "seed \(seed): missed \(expected.subtracting(found)), false \(found.subtracting(expected))\n\(words)")
      plans += 1
      for early in expected { kinds[early.needed.kind, default: 0] += 1 }
    }
    #expect(plans > 100)
    for kind in ["Deployment", "Namespace", "PersistentVolumeClaim"] {
      #expect(kinds[kind, default: 0] > 10, "no case for \(kind): \(kinds)")
    }
  }

  /// A database whose versions may mount one volume, and somebody who calls it.
  private func plan(_ random: inout SeededGenerator) -> String {
    var lines = ["plan p", "language 1", "mesh istio"]
    if random.chance(0.3) { lines.append("routing open") }
    if random.chance(0.2) { lines.append("namespace other existing") }
    lines += ["component web {", "  image web", "  port 8080 http", "  calls db", "  version 1", "}"]
    lines += ["component db {", "  image db", "  port 8080 http"]
    let versions = 2 + random.below(2)
    for v in 1...versions {
      let volume = random.pick(["data", "data", "other", ""])
      lines += ["  version \(v) {"] + (volume.isEmpty ? [] : ["    volume \(volume) 1Gi at /data"]) + ["  }"]
    }
    lines += ["}", "step \"first\" {", "  deploy web 1", "  deploy db 1", "}"]
    for s in 0..<(1 + random.below(3)) {
      lines.append("step \"step \(s)\" {")
      let (a, b) = (1 + random.below(versions), 1 + random.below(versions))
      if random.chance(0.6) { lines.append("  deploy db \(a) replicas 0") }
      lines += ["  deploy db \(b) replicas 1", "  route db all -> \(b)"]
      if random.chance(0.4) { lines.append("  retire db \(a)" + random.pick(["", " with volumes"])) }
      lines.append("}")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A phase's writes may be made in any order, so each rests on what stood before the phase.
  private func early(_ compiled: Compiled, _ plan: Plan) -> Set<Early> {
    var all: Set<Early> = []
    let managed = Set(
      compiled.steps.flatMap(\.segments).flatMap(\.phases).flatMap(\.writes).map(\.id)
        .filter { ["Namespace", "PersistentVolumeClaim"].contains($0.kind) })
    var standing: [ObjectID: Value] = [:]
    /// The most pods that a Deployment may have, until somebody has waited for what was written.
    var pods: [ObjectID: Int] = [:]
    func wanted(_ value: Value?) -> Int { value?.at("spec", "replicas")?.int ?? 0 }
    for step in compiled.steps {
      for (m, segment) in step.segments.enumerated() {
        for (p, phase) in segment.phases.enumerated() {
          func add(_ write: Write, _ needed: ObjectID) {
            all.insert(Early(step: step.index, segment: m, phase: p, object: write.id, needed: needed))
          }
          for namespace in managed where namespace.kind == "Namespace" && standing[namespace] == nil {
            if let write = phase.writes.first(where: { $0.object != nil && $0.id.namespace == namespace.name }) {
              add(write, namespace)
            }
          }
          for write in phase.writes where write.id.kind == "Deployment" && wanted(write.object) > 0 {
            let claims = claims(of: write.object)
            for claim in managed where claims.contains(claim.name) && standing[claim] == nil { add(write, claim) }
            // Who starts, while one that leaves may still have a pod on the volume.
            if pods[write.id] ?? wanted(standing[write.id]) > 0 { continue }
            for (c, component) in plan.components.enumerated() {
              let own = component.versions.indices.map {
                compiled.renderer.deploymentID(of: VersionID(ComponentID(c), $0))
              }
              guard own.contains(write.id) else { continue }
              for (v, other) in own.enumerated() where other != write.id {
                let state = segment.after.state
                let kept = c < state.components.count ? state.components[c].deployment(of: v)?.replicas ?? 0 : 0
                let shares = component.versions[v].volumes.contains { claims.contains($0.claim) }
                if kept == 0, shares, pods[other] ?? wanted(standing[other]) > 0 { add(write, other) }
              }
            }
          }
          for write in phase.writes {
            if write.id.kind == "Deployment" {
              pods[write.id] = max(pods[write.id] ?? wanted(standing[write.id]), wanted(write.object))
            }
            standing[write.id] = write.object
          }
          for gate in phase.gates {
            switch gate {
            case .ready(let targets): for target in targets { pods[target.deployment] = nil }
            case .stopped(let ids): for id in ids { pods[id] = nil }
            case .settled, .drained, .established: break
            }
          }
        }
      }
    }
    return all
  }

  private func claims(of deployment: Value?) -> Set<String> {
    let volumes = deployment?.at("spec", "template", "spec", "volumes")?.array ?? []
    return Set(volumes.compactMap { $0.at("persistentVolumeClaim", "claimName")?.string })
  }
}
