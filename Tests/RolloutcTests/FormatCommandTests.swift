import Foundation
import TestSupport
import Testing

private let untidy = "plan   a\nlanguage 1   # the edition\ncomponent c {\nimage i\nversion 1\n}\n"
private let tidy = "plan a\nlanguage 1  # the edition\ncomponent c {\n  image i\n  version 1\n}\n"

/// `rolloutc fmt`.
@Suite(.enabled(if: Tool.isBuilt)) struct FormatCommandTests {
  @Test func thePlansAreFormatted() throws {
    let scratch = try Scratch(withPlans: true)
    let outcome = try scratch.shell("rolloutc fmt --check plans/*.rollout")
    #expect(outcome.code == 0)
    #expect(outcome.errors.isEmpty)
  }

  @Test func inPlaceAndTwice() throws {
    let scratch = try Scratch()
    try scratch.write(untidy, to: "a.rollout")
    chmod(scratch.path + "/a.rollout", 0o640)
    let first = try scratch.rolloutc("fmt", "a.rollout")
    #expect(first.code == 0)
    #expect(first.output.isEmpty)
    #expect(first.errors == "formatted a.rollout\n")
    #expect(scratch.text("a.rollout") == tidy)
    let attributes = try FileManager.default.attributesOfItem(atPath: scratch.path + "/a.rollout")
    #expect(attributes[.posixPermissions] as? Int == 0o640)
    let second = try scratch.rolloutc("fmt", "a.rollout")
    #expect(second.errors.isEmpty)
    #expect(scratch.files(below: ".") == ["a.rollout"])
  }

  @Test func checkAndDiffOnlyLook() throws {
    let scratch = try Scratch()
    try scratch.write(untidy, to: "a.rollout")
    try scratch.write(tidy, to: "b.rollout")
    let check = try scratch.rolloutc("fmt", "--check", "a.rollout", "b.rollout")
    #expect(check.code == 1)
    #expect(check.errors == "would format a.rollout\n")
    let diff = try scratch.rolloutc("fmt", "--diff", "a.rollout", "b.rollout")
    #expect(diff.code == 1)
    #expect(diff.output.contains("\n-plan   a\n"), "\(diff.output)")
    #expect(scratch.text("a.rollout") == untidy)
    #expect(try scratch.rolloutc("fmt", "--diff", "b.rollout").code == 0)
    if Tool.installed("patch") != nil {
      try scratch.write(diff.output, to: "diff")
      #expect(try scratch.shell("patch -p0 <diff").code == 0)
      #expect(scratch.text("a.rollout") == tidy, "the diff is one that patch can read")
    } else {
      Tool.announce("patch is not installed, so nobody else reads the diff")
    }
  }

  @Test func standardInputToStandardOutput() throws {
    let scratch = try Scratch()
    for arguments in [["fmt"], ["fmt", "-"]] {
      let outcome = try scratch.run([#require(Tool.path)] + arguments, input: Array(untidy.utf8))
      #expect(outcome.code == 0)
      #expect(outcome.output == tidy)
      #expect(outcome.errors.isEmpty)
    }
  }

  /// A file that cannot be parsed is left alone; the others are still formatted.
  @Test func aBrokenPlanStaysAsItIs() throws {
    let scratch = try Scratch()
    try scratch.write("plan a\n}\n", to: "bad.rollout")
    try scratch.write(untidy, to: "good.rollout")
    let outcome = try scratch.rolloutc("fmt", "bad.rollout", "good.rollout")
    #expect(outcome.code == 2)
    #expect(outcome.errors.contains("error[R01"))
    #expect(scratch.text("bad.rollout") == "plan a\n}\n")
    #expect(scratch.text("good.rollout") == tidy)
  }
}
