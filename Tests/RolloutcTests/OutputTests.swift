import Foundation
import TestSupport
import Testing

private let plans = ["aks-voting", "aks-voting-as-written", "bookinfo"]

/// What `rolloutc PLAN` prints.
@Suite(.enabled(if: Tool.isBuilt)) struct OutputTests {
  /// Read the difference before rewriting these: it is what the plans mean.
  @Test(arguments: plans) func theYAMLOfEachPlan(_ name: String) throws {
    let scratch = try Scratch(withPlans: true)
    let outcome = try scratch.rolloutc("plans/\(name).rollout")
    #expect(outcome.code == 0)
    Goldens.check(outcome.outputBytes, against: "Tests/Corpus/plans/\(name)/build.yaml")
  }

  @Test(arguments: plans) func theStepsOfEachPlan(_ name: String) throws {
    let scratch = try Scratch(withPlans: true)
    let outcome = try scratch.rolloutc("steps", "plans/\(name).rollout")
    #expect(outcome.code == 0)
    Goldens.check(outcome.outputBytes, against: "Tests/Corpus/plans/\(name)/steps.txt")
  }

  @Test(arguments: plans) func buildIsTheDefault(_ name: String) throws {
    let scratch = try Scratch(withPlans: true)
    let short = try scratch.rolloutc("plans/\(name).rollout")
    let long = try scratch.rolloutc("build", "plans/\(name).rollout")
    #expect(short.outputBytes == long.outputBytes)
    #expect(short.errors == long.errors)
  }

  /// Of many components a rehearsal shows those that serve otherwise than before, as `steps` does.
  @Test func whatServesAsBeforeIsCounted() throws {
    let scratch = try Scratch()
    let names = ["web"] + (1...8).map { "service-\($0)" }
    var plan = "plan shop\nlanguage 1\nexpose web on port 80\n"
    for (i, name) in names.enumerated() {
      let calls = i + 1 < names.count ? "  calls \(names[i + 1])\n" : ""
      plan += "component \(name) {\n  image registry.example.com/\(name)\n  port 8080 http\n\(calls)"
      plan += "  version \(name == "web" ? "1.0, 2.0" : "1.0")\n}\n"
    }
    plan += "step \"One\" {\n" + names.reversed().map { "  deploy \($0) 1.0\n" }.joined() + "}\n"
    plan += "step \"Two\" {\n  deploy web 2.0\n  route web all -> 2.0\n  retire web 1.0\n}\n"
    try scratch.write(plan, to: "long.rollout")
    let outcome = try scratch.rolloutc("rehearse", "long.rollout")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("web 1.0, service-1 1.0, service-2 1.0"), "\(outcome.output)")
    #expect(outcome.output.contains("× everybody → web 2.0; as before: 8 more\n"), "\(outcome.output)")
  }

  /// Hash seeds differ from run to run; what is printed does not.
  @Test(arguments: plans) func theSameBytesInEveryRun(_ name: String) throws {
    let scratch = try Scratch(withPlans: true)
    let plan = "plans/\(name).rollout"
    for arguments in [
      [plan], [plan, "-o", "json"], [plan, "--state"], ["steps", plan], ["trace", plan],
      ["trace", plan, "-o", "json"], ["graph", plan], ["graph", plan, "-o", "dot"],
      ["check", "--format", "json", plan],
    ] {
      let tool = try #require(Tool.path)
      let first = try scratch.run([tool] + arguments, environment: ["SWIFT_DETERMINISTIC_HASHING": "1"])
      #expect(first.code == 0)
      for _ in 0..<2 {
        let other = try scratch.run([tool] + arguments)
        #expect(other.outputBytes == first.outputBytes, "\(arguments)")
        #expect(other.errors == first.errors)
      }
    }
  }

  @Test func aStepByItsNumberNameOrFolder() throws {
    let scratch = try Scratch(withPlans: true)
    let plan = "plans/aks-voting.rollout"
    let whole = try scratch.rolloutc(plan).output
    let names = [("1", "Deploy 1.0", "01-deploy-1-0"), ("4", "Finish", "04-finish")]
    for (number, name, folder) in names {
      let outputs = try [number, name, folder].map { try scratch.rolloutc(plan, "--step", $0) }
      #expect(outputs.allSatisfy { $0.code == 0 })
      #expect(Set(outputs.map(\.output)).count == 1)
      // A step is a piece of the whole; only the first line is the plan's.
      let piece = outputs[0].output.drop { $0 != "\n" }
      #expect(whole.contains(piece))
    }
    let pieces = try (1...4).map {
      try scratch.rolloutc(plan, "--step", "\($0)").output.drop { $0 != "\n" }.dropFirst()
    }
    #expect(whole.drop { $0 != "\n" }.dropFirst() == pieces.joined()[...])
    let unknown = try scratch.rolloutc(plan, "--step", "Finnish")
    #expect(unknown.errors.contains("`Finnish`"))
    #expect(unknown.errors.contains("4  Finish"), "the steps that there are")
  }

  @Test(arguments: plans) func jsonIsTheSameSteps(_ name: String) throws {
    let scratch = try Scratch(withPlans: true)
    let outcome = try scratch.rolloutc("plans/\(name).rollout", "-o", "json")
    let root = try #require(JSONSerialization.jsonObject(with: Data(outcome.outputBytes)) as? [String: Any])
    #expect(root["schema"] as? String == "rolloutc.build/1")
    let steps = try #require(root["steps"] as? [[String: Any]])
    let table = try scratch.rolloutc("steps", "plans/\(name).rollout").output
    for (index, step) in steps.enumerated() {
      #expect(table.contains("\n\(index + 1)  \(step["name"] ?? "")  (\(step["source"] ?? ""))\n"))
    }
    let yaml = try scratch.rolloutc("plans/\(name).rollout").output
    let writes = steps.flatMap { $0["segments"] as? [[String: Any]] ?? [] }.flatMap {
      $0["phases"] as? [[String: Any]] ?? []
    }
    .flatMap { $0["writes"] as? [[String: Any]] ?? [] }
    #expect(yaml.components(separatedBy: "\n---\n").count - 1 == writes.count { $0["object"] != nil })
    #expect(
      yaml.components(separatedBy: "\n# delete ").count - 1 == writes.count { $0["action"] as? String == "delete" })
  }

  /// Every write names a line of the plan, and that line is a statement.
  @Test(arguments: plans) func everyWriteNamesALineOfThePlan(_ name: String) throws {
    let scratch = try Scratch(withPlans: true)
    let path = "plans/\(name).rollout"
    let lines = try #require(scratch.text(path)).components(separatedBy: "\n")
    let yaml = try scratch.rolloutc(path).output
    var places = 0
    for match in yaml.matches(of: /\n(?:---\n# |# delete [^\n]* \()plans\/[a-z-]+\.rollout:(\d+)/) {
      let line = try #require(Int(match.1))
      let text = lines[line - 1].trimmingCharacters(in: .whitespaces)
      #expect(!text.isEmpty && !text.hasPrefix("#") && text != "}", "line \(line): \(text)")
      places += 1
    }
    #expect(places > 20)
  }

  /// What stands after a step is what stood before it and the step's writes.
  @Test(arguments: plans) func theStateIsTheSumOfTheWrites(_ name: String) throws {
    let scratch = try Scratch(withPlans: true)
    func steps(_ arguments: String...) throws -> [[String: Any]] {
      let outcome = try scratch.run([#require(Tool.path), "plans/\(name).rollout", "-o", "json"] + arguments)
      let root = try JSONSerialization.jsonObject(with: Data(outcome.outputBytes)) as? [String: Any]
      return try #require(root?["steps"] as? [[String: Any]])
    }
    func id(_ object: NSDictionary) -> String {
      "\(object["kind"] ?? "")/\((object["metadata"] as? NSDictionary)?["name"] ?? "")"
    }
    let states = try steps("--state")
    var standing: [String: NSDictionary] = [:]
    for (step, state) in zip(try steps(), states) {
      for segment in step["segments"] as? [[String: Any]] ?? [] {
        for phase in segment["phases"] as? [[String: Any]] ?? [] {
          for write in phase["writes"] as? [[String: Any]] ?? [] {
            let key = "\(write["kind"] ?? "")/\(write["name"] ?? "")"
            switch write["action"] as? String {
            case "create": #expect(standing[key] == nil, "\(key) is created twice")
            case "update": #expect(standing[key] != nil, "\(key) is changed before it is there")
            default: #expect(standing[key] != nil, "\(key) is deleted and was not there")
            }
            standing[key] = write["object"] as? NSDictionary
          }
        }
      }
      let objects = try #require(state["objects"] as? [NSDictionary])
      #expect(Set(objects.map(id)) == Set(standing.keys))
      for object in objects { #expect(standing[id(object)] == object, "\(id(object)) after \(step["name"] ?? "")") }
    }
  }
}
