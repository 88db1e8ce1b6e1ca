import Foundation
import TestSupport
import Testing

/// PyYAML's pure loader, written by others, reads the streams that people and clusters get.
private let judge = """
  import json, subprocess, sys, yaml

  def same(a, b):
      if isinstance(a, dict):
          return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
      if isinstance(a, list):
          return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
      return type(a) is type(b) and a == b

  def run(*arguments):
      return subprocess.run(["rolloutc", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout

  for plan in sys.argv[1:]:
      steps = json.loads(run(plan, "-o", "json"))["steps"]
      meant = [w["object"] for s in steps for g in s["segments"] for p in g["phases"] for w in p["writes"] if "object" in w]
      read = [d for d in yaml.load_all(run(plan), yaml.SafeLoader) if d is not None]
      assert same(meant, read), plan
      steps = json.loads(run(plan, "-o", "json", "--state"))["steps"]
      states = [o for s in steps for o in s["objects"]]
      read = [d for d in yaml.load_all(run(plan, "--state"), yaml.SafeLoader) if d is not None]
      assert same(states, read), plan
      print(len(meant), len(states))
  """

@Suite(.enabled(if: Tool.isBuilt)) struct OtherReaderTests {
  private static let hasPython = (try? Subprocess.run(["python3", "-c", "import yaml"]).code) == 0

  @Test(.enabled(if: hasPython, "python3 with the module yaml is not installed"))
  func pythonReadsTheStreamAsTheJSONSays() throws {
    let scratch = try Scratch(withPlans: true)
    var plans = CorpusFile.all(in: "plans", ending: "rollout").map(\.path)
    #expect(plans.count >= 3)
    // A long stream is emitted in parts; none may be lost, doubled or cut where they meet.
    try scratch.write(bigPlan, to: "big.rollout")
    plans.append("big.rollout")
    // `-X utf8`: the same answer in every locale.
    let outcome = try scratch.run(["/usr/bin/env", "python3", "-X", "utf8", "-c", judge] + plans)
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(outcome.output.split(separator: "\n").count == plans.count)
  }
}
