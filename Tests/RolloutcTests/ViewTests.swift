import Foundation
import TestSupport
import Testing

private let plans = ["aks-voting", "aks-voting-as-written", "bookinfo"]

/// What `rolloutc trace` and `rolloutc graph` print.
@Suite(.enabled(if: Tool.isBuilt)) struct ViewTests {
  /// Read the difference before rewriting these: it is what the plans mean.
  @Test(arguments: plans) func theTracesOfEachPlan(_ name: String) throws {
    let scratch = try Scratch(withPlans: true)
    let mark = name == "bookinfo" ? ["--header", "jason"] : ["--cookie", "flag"]
    for (file, arguments) in [("trace.txt", []), ("trace-marked.txt", mark)] {
      let outcome = try scratch.run([#require(Tool.path), "trace", "plans/\(name).rollout"] + arguments)
      #expect(outcome.code == 0)
      Goldens.check(outcome.outputBytes, against: "Tests/Corpus/plans/\(name)/\(file)")
    }
  }

  @Test(arguments: plans, [("svg", "svg"), ("mermaid", "mmd"), ("dot", "dot")])
  func thePicturesOfEachPlan(_ name: String, _ format: (name: String, ending: String)) throws {
    let scratch = try Scratch(withPlans: true)
    let outcome = try scratch.rolloutc("graph", "plans/\(name).rollout", "-o", format.name)
    #expect(outcome.code == 0)
    Goldens.check(outcome.outputBytes, against: "Tests/Corpus/plans/\(name)/graph.\(format.ending)")
    let file = try scratch.rolloutc(
      "graph", "plans/\(name).rollout", "-o", format.name, "--out", "all.\(format.ending)")
    #expect(file.code == 0)
    #expect(scratch.read("all.\(format.ending)") == outcome.outputBytes)
  }

  /// The pictures in the documentation are those of today.
  @Test func thePicturesOfTheDocumentation() throws {
    let scratch = try Scratch(withPlans: true)
    let outcome = try scratch.rolloutc("graph", "plans/aks-voting.rollout", "--out", "pictures")
    #expect(outcome.code == 0)
    let names = scratch.files(below: "pictures")
    #expect(names.count == 5)
    for name in names {
      Goldens.check(scratch.read("pictures/\(name)") ?? [], against: "docs/images/aks-voting/\(name)")
    }
    let page = String(decoding: Goldens.bytes("docs/pictures.md") ?? [], as: UTF8.self)
    for name in names { #expect(page.contains("](images/aks-voting/\(name))"), "\(name)") }
    let kept = try FileManager.default.contentsOfDirectory(atPath: Goldens.root + "/docs/images/aks-voting")
    #expect(kept.sorted() == names)
  }

  @Test func whatStandsBeforeAStepStoodAfterTheOneBeforeIt() throws {
    let scratch = try Scratch(withPlans: true)
    func lines(_ arguments: String...) throws -> [String] {
      let outcome = try scratch.run([#require(Tool.path), "graph", "plans/aks-voting.rollout"] + arguments)
      #expect(outcome.code == 0)
      return outcome.output.components(separatedBy: "\n").filter { !$0.contains("tep ") && !$0.contains("subtitle\" ") }
    }
    #expect(try lines("--step", "3", "--before") == lines("--step", "2"))
  }

  @Test(arguments: [
    (["trace", "--step", "Canary 2.0 for flaged users"], "similar one is `Canary 2.0 for flagged users`"),
    (["trace", "--step", "9"], "its steps are"),
    (["trace", "--cookie", "flga"], "similar one is `flag`"),
    (["trace", "--cookie", "=on"], "neither NAME=VALUE nor a cookie"),
    (["trace", "--cookie", "a b=on"], "not the name of a cookie"),
    (["trace", "--header", "x-user"], "neither NAME=VALUE nor a header"),
    (["trace", "--header", "x=a\u{1}"], "control characters"),
    (["trace", "--from", "analytics"], "not COMPONENT@VERSION"),
    (["trace", "--from", "analitics@1.0"], "similar name is `analytics`"),
    (["trace", "--from", "analytics@1.2"], "it has `1.0`, `1.1`, `2.0`"),
    (["trace", "--path", "page"], "begins with `/`"),
    (["trace", "--method", "G T"], "not an HTTP method"),
    (["trace", "--host", ""], "not the name of a host"),
    (["trace", "-o", "yaml"], "yaml"),
    (["graph", "--before"], "--before needs --step"),
    (["graph", "-o", "png"], "png"),
    (["graph", "--out", "plans/bookinfo.rollout"], "is not a folder"),
  ])
  func badArguments(_ arguments: [String], _ message: String) throws {
    let scratch = try Scratch(withPlans: true)
    let outcome = try scratch.run([#require(Tool.path)] + arguments + ["plans/aks-voting.rollout"])
    #expect(outcome.code == 2)
    #expect(outcome.output.isEmpty)
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(scratch.files(below: ".").allSatisfy { $0.hasPrefix("plans/") }, "nothing is written")
  }

  @Test func aPlanThatExposesNothingHasNoGateway() throws {
    let scratch = try Scratch()
    try scratch.write(
      """
      plan p
      language 1
      mesh istio
      component cron {
        image registry.example.com/cron
        port 8080 http
        calls store
        version 1
      }
      component store {
        image registry.example.com/store
        port 6379 redis
        version 3
      }
      deploy store 3
      deploy cron 1

      """, to: "p.rollout")
    let none = try scratch.rolloutc("trace", "p.rollout")
    #expect(none.code == 2)
    #expect(none.errors.contains("exposes nothing"))
    let from = try scratch.rolloutc("trace", "p.rollout", "--from", "cron@1")
    #expect(from.code == 0)
    #expect(from.output.contains("└─ store 3"), "\(from.output)")
    #expect(from.output.contains("cron 1 is not deployed"))
    let table = try scratch.rolloutc("steps", "p.rollout").output
    #expect(table.contains("   unasked    cron   store\n   by itself  – → 1  – → 3\n"), "\(table)")
    #expect(try scratch.rolloutc("graph", "p.rollout", "-o", "mermaid").output.contains("c0v0 --> "))
  }

  /// Of a version that has a share besides, too.
  @Test func copiesOfRequestsAreSaid() throws {
    let scratch = try Scratch()
    try scratch.write(
      """
      plan shop
      language 1
      expose web on port 80

      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0, 2.0
      }

      deploy web 1.0

      step "Try" {
        deploy web 2.0
        route web 10% -> 2.0
        mirror web 20% -> 2.0
      }

      """, to: "p.rollout")
    let table = try scratch.rolloutc("steps", "p.rollout").output
    #expect(table.contains("   everybody  1.0 → 90% 1.0, 10% 2.0\n   copies of requests: 20% to web 2.0\n"), "\(table)")
    let picture = try scratch.rolloutc("graph", "p.rollout", "-o", "mermaid").output
    #expect(!picture.contains(":::copies"), "it gets requests, too:\n\(picture)")
  }

  @Test func aTraceIsJSON() throws {
    let scratch = try Scratch(withPlans: true)
    for name in plans {
      let outcome = try scratch.rolloutc("trace", "plans/\(name).rollout", "-o", "json", "--cookie", "a=b")
      let root = try #require(JSONSerialization.jsonObject(with: Data(outcome.outputBytes)) as? [String: Any])
      #expect(root["schema"] as? String == "rolloutc.trace/1")
      for step in try #require(root["steps"] as? [[String: Any]]) {
        let moments = try #require(step["moments"] as? [[String: Any]])
        #expect(moments.first?["moment"] as? String == "before")
        #expect(moments.last?["moment"] as? String == "after")
        for moment in moments {
          for hop in try #require(moment["hops"] as? [[String: Any]]) {
            let ends = ["version", "failure", "answeredByProxy", "outside"].filter { hop[$0] != nil }
            #expect(ends.count == 1)
          }
        }
      }
    }
  }

  /// In 80 columns, where no single cell is wider than that.
  @Test(arguments: plans) func theTableFitsATerminal(_ name: String) throws {
    let scratch = try Scratch(withPlans: true)
    let lines = try scratch.rolloutc("steps", "plans/\(name).rollout").output.components(separatedBy: "\n")
    let table = lines.filter { $0.hasPrefix("   ") && !$0.hasPrefix("    ") }
    #expect(table.count > 8)
    for line in table { #expect(line.count <= 80, "\(line)") }
  }
}
