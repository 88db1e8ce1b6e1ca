import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import SafetyChecks
import TestSupport
import Testing

/// Failure blocks, from the middle of a phase.
struct FailureBlockTests {
  /// What is perhaps there already, and is to be there, is not taken away first.
  @Test(arguments: ["wait 1m", "wait 1m\n  rollback", "rollback"])
  func ofTheFirstStep(_ lines: String) throws {
    let report = try Case(
      """
      plan shop
      language 1
      mesh istio
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0
      }
      on failure {
        \(lines)
      }
      step "a" {
        deploy web 1.0
      }
      """
    ).report()
    #expect(report.coverage.failureBlocks > 3)
    #expect(report.diagnostics.isEmpty, "\(text(report))")
  }

  /// A block that only waits, or waits and goes back, breaks nothing that the step itself and its way back do not break.
  @Test func ofRandomPlans() {
    var blocks = 0
    for seed in SeededGenerator.seed..<(SeededGenerator.seed &+ 400) {
      var source = RandomText(seed: seed &* 2)
      let block = seed % 2 == 0 ? "\non failure {\n  wait 1m\n}\n" : "\non failure {\n  wait 1m\n  rollback\n}\n"
      let words = source.plan() + block
      guard let plan = resolve(path: "p.rollout", bytes: Array(words.utf8)).checked else { continue }
      let compiled = compile(plan)
      guard compiled.problems.isEmpty else { continue }
      let report = check(compiled, plan: plan)
      blocks += report.coverage.failureBlocks
      let others = Set(
        report.findings.filter { if case .failureBlock = $0.moment.course { false } else { true } }
          .map(\.violation.invariant))
      for finding in report.findings {
        guard case .failureBlock = finding.moment.course, !others.contains(finding.violation.invariant) else {
          continue
        }
        Issue.record("seed \(seed): \(finding.violation) in \(finding.moment)\n\(words)")
        break
      }
    }
    #expect(blocks > 800)
  }

  /// Silencing an error takes a reason.
  @Test func downtimeIsAllowedWithAReasonOnly() throws {
    func errors(_ comment: String) throws -> [String] {
      let one = try Case(
        """
        plan shop
        language 1
        expose web on port 80
        component web {
          image registry.example.com/web
          port 8080 http
          volume data 1Gi at /data
          version 1.0, 2.0
        }
        step "start" {
          deploy web 1.0
        }
        step "replace" {
          deploy web 1.0 replicas 0 \(comment)
          deploy web 2.0
          route web all -> 2.0
        }
        """)
      return one.resolution.allowances.filter(one.report().diagnostics).filter { $0.severity == .error }.map(\.code.id)
    }
    #expect(try errors("") == ["R0511"])
    #expect(try errors("# rolloutc: allow downtime") == ["R0511"])
    #expect(try errors("# rolloutc: allow downtime -- the volume has one owner") == [])
  }

  /// mTLS that is off stays off while the first step is undone: nothing is to be loosened for who speaks plaintext, and
  /// a server that speaks first would hang.
  @Test func backToNothingFromPlaintext() throws {
    let report = try Case(
      """
      plan shop
      language 1
      mesh istio mtls off
      expose web on port 80
      component web {
        image registry.example.com/web
        port 8080 http
        calls db
        version 1.0
      }
      component db {
        image registry.example.com/db
        port 3306 mysql
        version 1.0
      }
      step "one" {
        deploy web 1.0
        deploy db 1.0
      }
      """
    ).report()
    #expect(report.diagnostics.isEmpty, "\(text(report))")
  }

  /// Whatever a plan does, and wherever it breaks off: a claim goes by `with volumes` alone.
  @Test func noWayOutOfARandomPlanTakesVolumes() throws {
    var plans = 0
    for seed in UInt64(1)...1000 {
      var source = RandomText(seed: seed)
      var text = source.plan().replacing("  image c0\n", with: "  image c0\n  volume data 1Gi at /data\n")
      let block = ["rollback", "rollback to start", "wait 1m", "mtls permissive"][Int(seed % 4)]
      text = text.replacing(
        "cookie flag is flag = on\n", with: "cookie flag is flag = on\non failure {\n  \(block)\n}\n")
      guard let plan = resolve(path: "plan.rollout", bytes: Array(text.utf8)).checked else { continue }
      let compiled = compile(plan)
      guard compiled.problems.isEmpty else { continue }
      plans += 1
      let found = check(compiled, plan: plan).findings.filter { $0.violation.object?.kind == "PersistentVolumeClaim" }
      #expect(found.isEmpty, "seed \(seed): \(found.map(\.moment))\n\(text)")
    }
    #expect(plans > 20, "\(plans) of 1000 plans check")
  }
}
