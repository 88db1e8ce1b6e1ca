import Foundation
import Sandbox
import Synchronization
import TestSupport
import Testing

/// The command line of running, against a sandbox over HTTP.
@Suite(.enabled(if: Tool.isBuilt), .serialized, .timeLimit(.minutes(20))) struct RunEndToEndTests {
  private func lines(_ outcome: Outcome) throws -> [[String: Any]] {
    try outcome.output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test func applyStatusRollback() async throws {
    try await SandboxSession.run { session in
      let never = try await session.rolloutc("status", "hello.rollout")
      #expect(never.code == 0)
      #expect(never.output.contains("it never ran here"), "\(never.output)\(never.errors)")

      let first = try await session.rolloutc(
        "apply", "hello.rollout", "--to", "1", "--yes", "--settle", "0", "--output", "ndjson")
      #expect(first.code == 0, "\(first.output)\(first.errors)")
      let events = try lines(first)
      #expect(events.contains { $0["type"] as? String == "started" })
      #expect(events.last?["type"] as? String == "summary")
      #expect(events.last?["outcome"] as? String == "done")
      #expect(events.last?["writes"] as? Int == 7, "the namespace among them")
      #expect(await session.deployments == ["web-1-0"])
      let files = session.scratch.files(below: "hello.rollout.journal")
      #expect(files.count == 1)
      let attributes = try FileManager.default.attributesOfItem(atPath: session.scratch.path + "/hello.rollout.journal")
      #expect(attributes[.posixPermissions] as? Int == 0o700)
      #expect(await session.story == ["RunStarted", "StepStarted", "StepDone", "RunEnded"])

      let second = try await session.rolloutc("apply", "hello.rollout", "--to", "Deploy 1.0", "--yes", "--settle", "0")
      #expect(second.code == 0, "\(second.output)\(second.errors)")
      #expect(second.output.contains("nothing to do: step 1 of 3 stands; nothing was written"), "\(second.output)")

      let status = try await session.rolloutc("status", "hello")
      #expect(status.output.contains("1 of 3 steps done"), "\(status.output)")
      #expect(status.output.contains("lock    free"), "\(status.output)")

      let back = try await session.rolloutc("rollback", "hello.rollout", "--to", "start", "--yes", "--settle", "0")
      #expect(back.code == 0, "\(back.output)\(back.errors)")
      #expect(await session.deployments == [])
    }
  }

  @Test func approvedFromElsewhere() async throws {
    try await SandboxSession.run { session in
      async let run = session.rolloutc("apply", "hello.rollout", "--yes", "--settle", "0")
      try await session.status { $0["state"] as? String == "waiting" }
      let wrong = try await session.rolloutc("approve", "hello", "--step", "3")
      #expect(wrong.code == 1)
      #expect(wrong.errors.contains("nothing was answered"), "\(wrong.errors)")
      let answer = try await session.rolloutc("approve", "hello", "--step", "02-one-in-ten-gets-2-0")
      #expect(answer.code == 0, "\(answer.errors)")
      #expect(answer.errors.contains("Is 2.0 good?"), "\(answer.errors)")
      let outcome = try await run
      #expect(outcome.code == 0, "\(outcome.output)\(outcome.errors)")
      #expect(outcome.output.contains("Is 2.0 good? yes, by "), "\(outcome.output)")
      #expect(await session.deployments == ["web-2-0"])
      let none = try await session.rolloutc("approve", "hello")
      #expect(none.code == 1)
      #expect(none.errors.contains("asks nothing"), "\(none.errors)")
    }
  }

  /// A run that is not to wait ends at the question; what is answered meanwhile counts for the run that goes on.
  @Test func leftAtAQuestion() async throws {
    try await SandboxSession.run { session in
      let leaving = "hello.rollout --yes --settle 0 --leave-at-questions"
      for command in ["apply", "resume"] {
        let outcome = try await session.shell("rolloutc \(command) \(leaving)")
        #expect(outcome.code == 130, "\(command): \(outcome.output)\(outcome.errors)")
        #expect(outcome.output.contains("waits for an answer"), "\(outcome.output)")
        #expect(await session.deployments == ["web-1-0", "web-2-0"])
        try await session.status { $0["state"] as? String == "waiting" && $0["lock"] == nil }
      }
      #expect(try await session.rolloutc("approve", "hello").code == 0)
      let end = try await session.shell("rolloutc resume \(leaving)")
      #expect(end.code == 0, "\(end.output)\(end.errors)")
      #expect(await session.deployments == ["web-2-0"])
    }
  }

  /// Who goes on meets the same objects of others.
  @Test func whatWasDecidedIsInTheNextCommand() async throws {
    try await SandboxSession.run { session in
      let left = try await session.rolloutc(
        "apply", "hello.rollout", "--yes", "--settle", "0", "--leave-at-questions", "--take", "Service/web:.spec.ports")
      #expect(left.code == 130, "\(left.output)\(left.errors)")
      #expect(
        left.output.contains("rolloutc resume hello.rollout --take Service/web:.spec.ports"), "\(left.output)")
    }
  }

  /// A name alone may be another's, or stand for another namespace: a script is not told that all is well.
  @Test func aNameThatNobodyKnows() async throws {
    try await SandboxSession.run { session in
      let unknown = try await session.rolloutc("status", "nobody")
      #expect(unknown.code == 1)
      #expect(unknown.output.contains("it never ran here, in the namespace nobody"), "\(unknown.output)")
      #expect(unknown.errors.contains("its namespace with -n"), "\(unknown.errors)")
    }
  }

  /// Every stream ends with a summary, also one of a plan that is refused.
  @Test func aStreamOfARefusedPlan() async throws {
    try await SandboxSession.run { session in
      for arguments in ["apply hello.rollout --env nope", "resume hello.rollout --env nope", "apply nosuch.rollout"] {
        let outcome = try await session.shell("rolloutc \(arguments) --yes --output ndjson")
        #expect(outcome.code == 2, "\(outcome.errors)")
        #expect(try lines(outcome).last?["type"] as? String == "summary", "\(arguments): \(outcome.output)")
        #expect(try lines(outcome).last?["exitCode"] as? Int == 2)
      }
    }
  }

  /// Why, as a diagnostic where there is one; and at no place, as it never began.
  @Test func theCauseOfARefusedPlan() async throws {
    let misspelt = helloPlan.replacing("route web 10% -> 2.0", with: "route web cookie flagg -> 2.0")
      .replacing("component web {", with: "cookie flag is flag = on\ncomponent web {")
    let pinned = helloPlan + "environment prod {\n  context prod-cluster\n}\n"
    let files = ["hello.rollout": helloPlan, "misspelt.rollout": misspelt, "pinned.rollout": pinned]
    try await SandboxSession.run(files) { session in
      for (arguments, code, outcome, cause) in [
        ("apply misspelt.rollout", Int32(2), "failed", "R0202"), ("resume hello.rollout", 7, "refused", "R8540"),
        ("apply pinned.rollout --env prod", 7, "refused", nil),
      ] {
        let run = try await session.shell("rolloutc \(arguments) --yes --output ndjson")
        #expect(run.code == code, "\(arguments): \(run.errors)")
        let last = try #require(try lines(run).last)
        #expect(last["outcome"] as? String == outcome, "\(last)")
        #expect((last["diagnostic"] as? [String: Any])?["code"] as? String == cause, "\(last)")
        #expect(last["stepName"] == nil && last["step"] == nil, "\(last)")
        #expect(last["diagnostic"] != nil || last["message"] != nil)
      }
    }
  }

  /// A deleted object is a difference, and nothing is saved of a plan that would not come through.
  @Test func aPlanWhereSomethingIsGone() async throws {
    try await SandboxSession.run { session in
      let first = try await session.rolloutc("apply", "hello.rollout", "--to", "1", "--yes", "--settle", "0")
      #expect(first.code == 0, "\(first.errors)")
      _ = await session.cluster.respond(
        to: APIRequest("DELETE", "/apis/apps/v1/namespaces/hello/deployments/web-1-0"))
      let plan = try await session.rolloutc("plan", "hello.rollout", "--to", "1", "-o", "saved")
      #expect(plan.code == 1 && plan.errors.contains("R8505"), "\(plan.errors)")
      #expect(!plan.output.contains("No changes"), "\(plan.output)")
      #expect(plan.output.contains("- Deployment/web-1-0  (deleted by somebody else)"), "\(plan.output)")
      #expect(plan.errors.contains("nothing was saved to saved"), "\(plan.errors)")
      #expect(session.scratch.text("saved") == nil)
    }
  }

  /// Nobody else has the lock then, and nobody's end is to be waited for.
  @Test func unlockedWhileItLives() async throws {
    try await SandboxSession.run { session in
      async let run = session.rolloutc("apply", "hello.rollout", "--yes", "--settle", "0", "--output", "ndjson")
      try await session.status { $0["state"] as? String == "waiting" }
      let status = try await session.rolloutc("status", "hello", "-o", "json")
      let object = try JSONSerialization.jsonObject(with: Data(status.outputBytes)) as? [String: Any]
      let holder = try #require((object?["lock"] as? [String: Any])?["run"] as? String)
      // The run may renew its lock between the look and the write.
      var unlocked = 1 as Int32
      for _ in 0..<3 where unlocked != 0 {
        unlocked = try await session.rolloutc("unlock", "hello", "--run", holder, "--yes").code
      }
      #expect(unlocked == 0)
      let outcome = try await run
      #expect(outcome.code == 6, "\(outcome.output)\(outcome.errors)")
      let last = try #require(try lines(outcome).last)
      #expect(last["outcome"] as? String == "locked")
      #expect((last["message"] as? String)?.contains("taken away by `rolloutc unlock`") == true, "\(last)")
      let end = try await session.rolloutc("rollback", "hello.rollout", "--to", "start", "--yes", "--settle", "0")
      #expect(end.code == 0, "\(end.output)\(end.errors)")
      let again = try await session.rolloutc("rollback", "hello.rollout", "--yes", "--settle", "0")
      #expect(again.code == 0 && !again.output.contains("next:"), "\(again.output)")
    }
  }

  /// What was answered is done, though nothing had to be written.
  @Test func answersThatEndAStep() async throws {
    try await SandboxSession.run { session in
      let leaving = "hello.rollout --yes --settle 0 --leave-at-questions"
      #expect(try await session.shell("rolloutc apply --to 2 \(leaving)").code == 130)
      #expect(try await session.rolloutc("approve", "hello").code == 0)
      let ended = try await session.shell("rolloutc resume \(leaving)")
      #expect(ended.code == 0, "\(ended.output)\(ended.errors)")
      #expect(ended.output.contains("done: steps 1 to 2 of 3 stand; nothing had to be written"), "\(ended.output)")
      let again = try await session.shell("rolloutc resume \(leaving)")
      #expect(again.output.contains("nothing to do: no run was left unfinished"), "\(again.output)")
      // A failure before the first write is one of what stands, not of the step that comes next.
      #expect(try await session.shell("kubectl -n hello delete deployment web-2-0").code == 0)
      let failed = try await session.shell("rolloutc apply --to 2 \(leaving)")
      #expect(failed.code == 1, "\(failed.output)\(failed.errors)")
      let status = try await session.rolloutc("status", "hello")
      #expect(!status.output.contains("in Everybody gets 2.0"), "\(status.output)")
    }
  }

  /// A plan that reads metrics is refused before the first write where nothing says where.
  @Test func metricsWithoutPrometheus() async throws {
    let text = helloPlan.replacing("on failure", with: "metric errors is istio error-rate below 1%\non failure")
      .replacing("approve \"Is 2.0 good?\"", with: "verify errors for 1s")
    try await SandboxSession.run(["hello.rollout": text]) { session in
      let plan = try await session.rolloutc("plan", "hello.rollout")
      #expect(plan.code == 0 && plan.errors.contains("warning[R8513]"), "\(plan.errors)")
      let refused = try await session.rolloutc("apply", "hello.rollout", "--yes")
      #expect(refused.code == 2, "\(refused.errors)")
      #expect(refused.errors.contains("nothing says where `errors` is read"), "\(refused.errors)")
      #expect(await session.deployments == [])
      let first = try await session.rolloutc("apply", "hello.rollout", "--to", "1", "--yes", "--settle", "0")
      #expect(first.code == 0, "\(first.output)\(first.errors)")
      let known = try await session.rolloutc(
        "plan", "hello.rollout", environment: ["ROLLOUTC_PROMETHEUS": "http://127.0.0.1:9"])
      #expect(!known.errors.contains("R8513"), "\(known.errors)")
    }
  }

  /// `-o` of `plan` is a file, and never somebody else's.
  @Test func whatASavedPlanReplaces() async throws {
    try await SandboxSession.run { session in
      try session.scratch.write("mine\n", to: "notes.txt")
      let foreign = try await session.rolloutc("plan", "hello.rollout", "-o", "notes.txt")
      #expect(foreign.code == 2 && foreign.errors.contains("no plan that was saved"), "\(foreign.errors)")
      #expect(session.scratch.text("notes.txt") == "mine\n")
      for _ in 0..<2 { #expect(try await session.rolloutc("plan", "hello.rollout", "-o", "hello.plan").code == 0) }
      let form = try await session.rolloutc("plan", "hello.rollout", "-o", "json")
      #expect(form.code == 2 && form.errors.contains("names the file"), "\(form.errors)")
    }
  }

  /// Visitors with a certificate cannot be played over http: said before the first write.
  @Test func aPlainGatewayForVisitorsWithTLS() async throws {
    let text = helloPlan.replacing(
      "expose web on port 80", with: "expose web on port 443 hosts shop.example.com tls secret cert")
    try await SandboxSession.run(["hello.rollout": text]) { session in
      let outcome = try await session.shell(
        "ROLLOUTC_GATEWAY=http://127.0.0.1:9 timeout -s INT 10 rolloutc apply hello.rollout --to 1 --yes --settle 0")
      #expect(outcome.errors.contains("`$ROLLOUTC_GATEWAY` says http"), "\(outcome.errors)")
    }
  }

  @Test func rejectedFromElsewhere() async throws {
    try await SandboxSession.run { session in
      async let run = session.rolloutc("apply", "hello.rollout", "--yes", "--settle", "0")
      try await session.status { $0["state"] as? String == "waiting" }
      #expect(try await session.rolloutc("approve", "hello.rollout", "--reject").code == 0)
      let outcome = try await run
      #expect(outcome.code == 4, "\(outcome.output)\(outcome.errors)")
      #expect(await session.deployments == ["web-1-0"])
      // The first cause first, and again at the end.
      #expect(outcome.output.ranges(of: "error[R8507]").count == 2, "\(outcome.output)")
      #expect(outcome.output.contains("next: remove the cause, then rolloutc apply hello.rollout"), "\(outcome.output)")
    }
  }

  @Test func abortedFromElsewhereAndResumed() async throws {
    try await SandboxSession.run { session in
      async let run = session.rolloutc("apply", "hello.rollout", "--yes", "--settle", "0", "--output", "ndjson")
      try await session.status { $0["state"] as? String == "waiting" }
      let told = try await session.rolloutc("apply", "hello.rollout", "--yes", "--output", "ndjson")
      let toldWhy = try lines(told).last?["message"] as? String ?? ""
      #expect(toldWhy.contains("another run of the plan has the lock, by "), "\(told.output)")
      let busy = try await session.rolloutc("apply", "hello.rollout", "--yes")
      #expect(busy.code == 6, "\(busy.output)\(busy.errors)")
      #expect(busy.errors.contains("another run of the plan has the lock, by "), "\(busy.output)")
      #expect(try await session.rolloutc("abort", "hello").code == 0)
      let outcome = try await run
      #expect(outcome.code == 130, "\(outcome.output)\(outcome.errors)")
      #expect(try lines(outcome).last?["outcome"] as? String == "interrupted")
      let idle = try await session.rolloutc("abort", "hello")
      #expect(idle.code == 1)

      async let resumed = session.rolloutc("resume", "hello.rollout", "--yes", "--settle", "0")
      try await session.status { $0["state"] as? String == "waiting" && $0["lock"] != nil }
      #expect(try await session.rolloutc("approve", "hello").code == 0)
      let end = try await resumed
      #expect(end.code == 0, "\(end.output)\(end.errors)")
      #expect(await session.deployments == ["web-2-0"])
    }
  }

  /// What was approved, or nothing.
  @Test func aSavedPlan() async throws {
    try await SandboxSession.run { session in
      let saved = try await session.rolloutc("plan", "hello.rollout", "--to", "1", "-o", "approved")
      #expect(saved.code == 0, "\(saved.errors)")
      let other = try await session.rolloutc("apply", "approved", "--yes", "--to", "2")
      #expect(other.code == 2, "\(other.errors)")
      let first = try await session.rolloutc("apply", "approved", "--yes", "--settle", "0")
      #expect(first.code == 0, "\(first.output)\(first.errors)")
      #expect(await session.deployments == ["web-1-0"])
      // What comes behind it nobody has approved yet.
      #expect(first.output.contains("next: rolloutc apply hello.rollout"), "\(first.output)")
      let status = try await session.rolloutc("status", "approved")
      #expect(status.output.contains("rolloutc apply hello.rollout"), "\(status.output)")
      // A pipeline that is run once more finds it done.
      let again = try await session.rolloutc("apply", "approved", "--yes", "--settle", "0")
      #expect(again.code == 0, "\(again.output)\(again.errors)")
      #expect(!again.output.contains("created"), "\(again.output)")
      async let further = session.rolloutc("apply", "hello.rollout", "--to", "2", "--yes", "--settle", "0")
      try await session.status { $0["state"] as? String == "waiting" && $0["lock"] != nil }
      #expect(try await session.rolloutc("approve", "hello").code == 0)
      let end = try await further
      #expect(end.code == 0, "\(end.output)\(end.errors)")
      let late = try await session.rolloutc("apply", "approved", "--yes", "--settle", "0")
      #expect(late.code == 7, "\(late.output)\(late.errors)")
      try session.scratch.write("{}", to: "approved")
      let damaged = try await session.rolloutc("apply", "approved", "--yes")
      #expect(damaged.code == 2, "\(damaged.errors)")
    }
  }

  /// A file may not grow beyond a block: the journal ends in the middle. Nothing is sent that was not written down, so it
  /// can be resumed when there is room again.
  @Test func fullDisk() async throws {
    try await SandboxSession.run { session in
      let full = try await session.shell(
        "trap '' XFSZ; ulimit -f 2; rolloutc apply hello.rollout --to 1 --yes --settle 0 | cat")
      let said = full.output + full.errors
      #expect(said.contains("the journal cannot be written"), "\(said)")
      #expect(said.contains("make room for it"), "\(said)")
      #expect(!said.contains("step 1 of 3 stands"), "\(said)")
      let next = try await session.rolloutc("resume", "hello.rollout", "--yes", "--settle", "0")
      let again = try await session.rolloutc("apply", "hello.rollout", "--to", "1", "--yes", "--settle", "0")
      #expect(again.code == 0, "\(next.output)\(next.errors)\(again.output)\(again.errors)")
      #expect(await session.deployments == ["web-1-0"])
    }
  }

  /// Killed, so that it cannot give the lock back.
  @Test func unlocked() async throws {
    try await SandboxSession.run { session in
      async let run = session.shell("rolloutc apply hello.rollout --yes --settle 0 & echo $! >pid; wait $!")
      try await session.status { $0["state"] as? String == "waiting" }
      let pid = try #require(session.scratch.text("pid").flatMap { Int32($0.trimmingCharacters(in: .newlines)) })
      kill(pid, SIGKILL)
      _ = try await run
      let status = try await session.rolloutc("status", "hello", "-o", "json")
      let object = try JSONSerialization.jsonObject(with: Data(status.outputBytes)) as? [String: Any]
      let holder = try #require((object?["lock"] as? [String: Any])?["run"] as? String)
      let wrong = try await session.rolloutc("unlock", "hello", "--run", "other", "--yes")
      #expect(wrong.code == 6)
      let unasked = try await session.rolloutc("unlock", "hello", "--run", holder)
      #expect(unasked.code == 2)
      #expect(try await session.rolloutc("unlock", "hello", "--run", holder, "--yes").code == 0)
      #expect(try await session.rolloutc("unlock", "hello", "--run", holder, "--yes").code == 1)
      let back = try await session.rolloutc("rollback", "hello.rollout", "--to", "1", "--yes", "--settle", "0")
      #expect(back.code == 0, "\(back.output)\(back.errors)")
      #expect(await session.deployments == ["web-1-0"])
    }
  }

  /// Who reads along may leave; the run does not care.
  @Test(arguments: ["human", "ndjson"]) func aClosedPipeEndsTheOutputAndNotTheRun(_ output: String) async throws {
    try await SandboxSession.run { session in
      let outcome = try await session.shell(
        "{ rolloutc apply hello.rollout --to 1 --yes --settle 0 --output \(output); echo $? >code; } | head -1")
      #expect(outcome.output.split(separator: "\n").count == 1)
      #expect(session.scratch.text("code") == "0\n")
      // Nobody comes in here: that is all there is to say.
      #expect(
        outcome.errors.hasPrefix("warning[R8530]") && outcome.errors.hasSuffix("\n1 warning\n"), "\(outcome.errors)")
      #expect(await session.deployments == ["web-1-0"])
    }
  }

  // MARK: - What is refused before anything is written

  @Test func refusals() async throws {
    let pinned = helloPlan + "environment prod {\n  context prod-cluster\n}\n"
    try await SandboxSession.run(["hello.rollout": helloPlan, "pinned.rollout": pinned]) { session in
      try session.scratch.write("", to: "file")
      let cases: [([String], Int32, String)] = [
        (["apply", "hello.rollout"], 2, "say --yes"), (["resume", "hello.rollout"], 2, "say --yes"),
        (["apply", "hello.rollout", "--to", "9", "--yes"], 2, "no step `9`"),
        (["rollback", "hello.rollout", "--to", "nowhere", "--yes"], 2, "no step `nowhere`"),
        (["apply", "hello.rollout", "-n", "other", "--yes"], 2, "namespace `hello`"),
        (["apply", "pinned.rollout", "--env", "prod", "--yes"], 7, "context `prod-cluster` alone"),
        (["status", "pinned.rollout", "--env", "prod"], 7, "context `prod-cluster` alone"),
        (["apply", "hello.rollout", "--yes", "--context", "none"], 1, "no context \"none\""),
        (["apply", "hello.rollout", "--yes", "--kubeconfig", "none"], 1, "none"),
        (["apply", "hello.rollout", "--yes", "--server", "http://127.0.0.1:1"], 1, "cannot reach the cluster"),
        (["apply", "hello.rollout", "--yes", "--settle", "soon"], 2, "soon"),
        (["apply", "hello.rollout", "--yes", "--journal", "file"], 1, "journal"),
        (["apply", "hello.rollout", "--yes", "--journal", "/proc/none"], 1, "/proc/none"),
        (["approve", "hello"], 1, "no plan `hello` ran"), (["abort", "hello"], 1, "no plan `hello` ran"),
        (["unlock", "hello", "--run", "x", "--yes"], 1, "nobody holds the lock"),
        (["unlock", "hello"], 2, "--run"),
        (["plan", "hello.rollout", "-n", "other"], 2, "namespace `hello`"),
        (["status", "hello.rollout", "-nother"], 2, "namespace `hello`"),
        (["approve", "hello.rollout", "-n", "other"], 2, "namespace `hello`"),
        (["approve", "hello.rollout"], 1, "no plan `hello` ran"),
        (["status", "hello", "-n", "../../x"], 2, "`--namespace ../../x` is no namespace"),
        (["status", "hello", "-n", "A B"], 2, "is no namespace"), (["status", "hello", "-n", ""], 2, "it is empty"),
        (["status", "hello", "-n", "a.b"], 2, "is no namespace"),
        (["resume", "hello.rollout", "--yes"], 7, "there is nothing to resume"),
        (["rollback", "hello.rollout", "--yes"], 7, "there is nothing to go back from"),
        (["apply", "hello.rollout", "--yes", "--assume", "1"], 7, "what stands is not what stands after step 1"),
      ]
      for (arguments, code, text) in cases {
        let outcome = try await session.run([#require(Tool.path)] + arguments)
        #expect(outcome.code == code, "\(arguments): \(outcome.errors)")
        #expect(outcome.errors.contains(text), "\(arguments): \(outcome.errors)")
        #expect(outcome.output.isEmpty, "\(arguments)")
      }
      #expect(await session.names("/api/v1/namespaces").contains("hello") == false)
      let machine = try await session.rolloutc(
        "apply", "hello.rollout", "--yes", "--context", "none", "--output", "ndjson")
      #expect(machine.code == 1)
      let last = try #require(try lines(machine).last)
      #expect(last["type"] as? String == "summary")
      #expect(last["exitCode"] as? Int == 1)
    }
  }
}

/// The same on a terminal.
@Suite(.enabled(if: Tool.isBuilt && Tool.installed("python3") != nil), .serialized, .timeLimit(.minutes(20)))
struct RunTerminalTests {
  @Test func askedShownAndApprovedHere() async throws {
    try await SandboxSession.run { session in
      let outcome = try await session.terminal(
        [
          ["expect", "only `yes` goes on: "], ["type", "yes\n"], ["expect", "[y/n]"], ["resize", 12, 40],
          ["type", "maybe\n"], ["expect", "only yes or no"], ["type", "ye\u{7F}es\n"],
        ], "apply", "hello.rollout", "--settle", "0")
      #expect(outcome.code == 0, "\(outcome.text)")
      #expect(outcome.isRestored)
      #expect(outcome.text.contains("context sandbox, http://127.0.0.1:"), "the target is shown: \(outcome.text)")
      #expect(outcome.text.contains("apply 3 steps?"))
      #expect(outcome.text.contains("\u{1B}[?2026h"), "a tree is drawn")
      #expect(outcome.text.contains("done: all 3 steps stand"))
      #expect(await session.deployments == ["web-2-0"])
    }
  }

  @Test(arguments: ["no", "y", "YES", ""]) func onlyYesGoesOn(_ answer: String) async throws {
    try await SandboxSession.run { session in
      let outcome = try await session.terminal(
        [["expect", "goes on: "], ["type", "\(answer)\n"]], "apply", "hello.rollout")
      #expect(outcome.code == 1)
      #expect(outcome.text.contains("nothing was changed"))
      #expect(await session.names("/api/v1/namespaces").contains("hello") == false)
    }
  }

  @Test func noAnswerAtTheQuestion() async throws {
    try await SandboxSession.run { session in
      let outcome = try await session.terminal(
        [["expect", "goes on: "], ["type", "\u{4}"]], "apply", "hello.rollout")
      #expect(outcome.code == 1)
      let lines = outcome.text.replacing("\r\n", with: "\n").split(separator: "\n")
      #expect(lines.contains { $0.contains("error") && !$0.contains("goes on") }, "\(outcome.text)")
      #expect(!lines.contains { $0.contains("goes on: ") && $0.contains("error") }, "\(outcome.text)")
    }
  }

  @Test func interruptedAtTheQuestion() async throws {
    try await SandboxSession.run { session in
      let outcome = try await session.terminal(
        [["expect", "goes on: "], ["type", "\u{3}"]], "apply", "hello.rollout")
      #expect(outcome.code == 130, "\(outcome.text)")
      #expect(outcome.text.contains("nothing was changed"))
    }
  }

  @Test(arguments: ["\u{3}", "TERM", "HUP"]) func interruptedOnceItFinishes(_ how: String) async throws {
    try await SandboxSession.run { session in
      let stop: [Any] = how == "\u{3}" ? ["type", how] : ["signal", how]
      let outcome = try await session.terminal(
        [["expect", "Is 2.0 good?"], stop], "apply", "hello.rollout", "--settle", "0", "--yes")
      #expect(outcome.code == 130, "\(outcome.text)")
      #expect(outcome.isRestored)
      #expect(outcome.text.contains("once more stops at once"))
      #expect(outcome.text.contains("rolloutc resume hello.rollout"), "\(outcome.text)")
      let status = try await session.rolloutc("status", "hello")
      #expect(status.output.contains("lock    free"), "the lock was given back: \(status.output)")
    }
  }

  @Test(
    "a server that hangs holds up nobody who wants to stop, and what was begun can be gone on with", arguments: [1, 2])
  func interruptedWhileRequestsHang(_ signals: Int) async throws {
    try await SandboxSession.run { session in
      let isOver = Mutex(false)
      let hang = Task {
        while await !session.names("/api/v1/namespaces/hello/services").contains("web") {
          try await Task.sleep(for: .milliseconds(5))
        }
        // Whoever asks the cluster waits from now on. At last the test would fail, and not hang itself.
        await session.cluster.update { _ in
          try? session.scratch.write("", to: "hangs")
          for _ in 0..<30_000 where !isOver.withLock({ $0 }) { usleep(10_000) }
        }
        return isOver.withLock { $0 }
      }
      let kill = String(repeating: "sleep 0.3; kill -TERM $p; ", count: signals)
      let outcome = try await session.shell(
        """
        rolloutc apply hello.rollout --yes --settle 0 --leave-at-questions & p=$!
        while [ ! -e hangs ]; do sleep 0.02; done; \(kill) wait $p
        """
      ) { isOver.withLock { $0 = true } }
      #expect(try await hang.value, "it ended while the server hung")
      #expect(outcome.code == 130, "\(outcome.output)\(outcome.errors)")
      let said = outcome.output + outcome.errors
      #expect(said.contains("rolloutc resume hello.rollout") && !said.contains("error["), "\(said)")
      let holder = try #require(said.firstMatch(of: /run (hello-\w+)/)?.1)
      _ = try await session.rolloutc("unlock", "hello", "-n", "hello", "--run", String(holder), "--yes")
      let next = try await session.rolloutc(
        "resume", "hello.rollout", "--yes", "--settle", "0", "--leave-at-questions", "--wait-lock", "60s")
      #expect(next.output.contains("Is 2.0 good?"), "\(next.output)\(next.errors)")
    }
  }

  /// What a process that dies leaves behind is a terminal as it was.
  @Test(arguments: ["SEGV", "ABRT", "QUIT"]) func aCrashRestoresTheTerminal(_ signal: String) async throws {
    try await SandboxSession.run { session in
      let outcome = try await session.terminal(
        [["expect", "Is 2.0 good?"], ["signal", signal]], "apply", "hello.rollout", "--settle", "0", "--yes")
      #expect(outcome.code < 0, "\(outcome.code)")
      #expect(outcome.isRestored)
      #expect(outcome.text.contains("\u{1B}[0m\u{1B}[?25h"))
    }
  }

  @Test func suspendedAndContinued() async throws {
    try await SandboxSession.run { session in
      let outcome = try await session.terminal(
        [
          ["expect", "[y/n]"], ["type", "\u{1A}"], ["expect", "\u{1B}[?25h"], ["signal", "CONT"], ["expect", "[y/n]"],
          ["type", "n\n"],
        ], "apply", "hello.rollout", "--settle", "0", "--yes")
      #expect(outcome.code == 4, "\(outcome.text)")
      #expect(outcome.isRestored)
    }
  }
}
