import Foundation
import TestSupport
import Testing

/// A plan during whose run some request may fail is refused wherever it would be used.
@Suite(.enabled(if: Tool.isBuilt)) struct ProofTests {
  /// The first pod is there only after the route that leads to it: somebody has patched the replicas away.
  private static let faulty = """
    plan p
    language 1
    mesh istio
    expose web on port 80
    patch deployment of web 2 "spec: {replicas: 0}"
    component web {
      image web
      port 8080 http
      version 1, 2
    }
    step "Start" {
      deploy web 1
    }
    step "Move" {
      deploy web 2
      route web all -> 2
    }

    """

  @Test(arguments: [["build"], ["build", "-o", "json"], ["build", "--out", "x"], ["check"], ["plan"], ["rehearse"]])
  func itIsRefused(_ arguments: [String]) throws {
    let scratch = try Scratch()
    try scratch.write(Self.faulty, to: "p.rollout")
    let outcome = try scratch.run([#require(Tool.path)] + arguments + ["p.rollout"])
    #expect(outcome.code == 2)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains("error[R0502]"), "\(outcome.errors)")
    #expect(outcome.errors.contains("503 UH"))
    #expect(outcome.errors.contains("`--unproved`") == (arguments != ["check"]))
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/x"))
  }

  @Test func unprovedGoesOnAndSaysSo() throws {
    let scratch = try Scratch()
    try scratch.write(Self.faulty, to: "p.rollout")
    let stream = try scratch.rolloutc("p.rollout", "--unproved", "--strict")
    #expect(stream.code == 0, "\(stream.errors)")
    #expect(stream.errors.contains("warning[R0502]"))
    #expect(stream.output.contains("\n# NOT PROVED: "))
    #expect(try scratch.rolloutc("p.rollout", "--unproved", "-o", "json").output.contains("\"proved\": false"))
    let folders = try scratch.rolloutc("p.rollout", "--unproved", "--out", "x")
    #expect(folders.errors.contains("which are not proved"))
    let note = try #require(scratch.text("x/02-move/apply/kustomization.yaml"))
    #expect(note.hasPrefix("# NOT PROVED: "))
  }

  /// A rehearsal shows what comes of it.
  @Test func unprovedIsRehearsed() throws {
    let scratch = try Scratch()
    try scratch.write(Self.faulty, to: "p.rollout")
    let rehearsal = try scratch.rolloutc("rehearse", "p.rollout", "--unproved")
    #expect(rehearsal.code == 8, "\(rehearsal.errors)")
    #expect(rehearsal.errors.contains("warning[R0502]") && rehearsal.errors.contains("error[R0803]"))
  }

  /// A planned downtime is allowed where it is, and its requests at the step.
  @Test func plannedDowntime() throws {
    let scratch = try Scratch()
    let plan = """
      plan shop
      language 1
      mesh istio mtls strict
      expose web on port 80
      component web {
        image web
        port 80 http
        calls db
        version 1.0
      }
      component db {
        image mysql
        port 3306 mysql
        volume data 10Gi at /var/lib/mysql
        version 8.0.36, 8.4.0
      }
      on failure rollback
      step "base" {
        deploy db 8.0.36
        deploy web 1.0
      }
      step "upgrade" {
        deploy db 8.0.36 replicas 0 # rolloutc: allow downtime -- maintenance window
        deploy db 8.4.0
        route db all -> 8.4.0
        retire db 8.0.36
      }

      """
    try scratch.write(plan, to: "p.rollout")
    let check = try scratch.rolloutc("check", "p.rollout", "--strict")
    #expect(
      check.code == 0 && check.errors.contains("proved but for 1 fault that the plan allows: "), "\(check.errors)")
    let rehearsal = try scratch.rolloutc("rehearse", "p.rollout")
    #expect(rehearsal.code == 8 && rehearsal.errors.contains("error[R0803]"), "\(rehearsal.errors)")
    try scratch.write(
      plan.replacing(
        "step \"upgrade\"", with: "# rolloutc: allow failed-requests -- maintenance window\nstep \"upgrade\""),
      to: "p.rollout")
    let allowed = try scratch.rolloutc("rehearse", "p.rollout")
    #expect(allowed.code == 0 && allowed.errors.isEmpty, "\(allowed.errors)")
    #expect(!allowed.output.contains(" 0 failed"), "\(allowed.output)")
  }

  /// What the plan itself allows is no fault.
  @Test func whatIsAllowedIsProved() throws {
    let scratch = try Scratch(withPlans: true)
    let plan = try scratch.rolloutc("plans/aks-voting.rollout", "--unproved")
    #expect(plan.code == 0)
    #expect(!plan.output.contains("NOT PROVED"))
    #expect(plan.errors.isEmpty)
  }
}
