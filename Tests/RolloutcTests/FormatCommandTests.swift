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

  /// Names that a person or `patch` would read as something else.
  @Test(arguments: [
    "a b.rollout", "tab\there.rollout", "quo\"te.rollout", "esc\u{1B}[31m ü.rollout", "plain-ü.rollout",
  ])
  func theDiffNamesItsFile(_ name: String) throws {
    let scratch = try Scratch()
    try scratch.write(untidy, to: name)
    let diff = try scratch.rolloutc("fmt", "--diff", name)
    #expect(diff.code == 1 && !diff.output.contains("\u{1B}"), "\(diff.output)")
    guard Tool.installed("patch") != nil else { return Tool.announce("patch is not installed") }
    let patched = try scratch.run(["patch", "-p0"], input: diff.outputBytes)
    #expect(patched.code == 0, "\(patched.output)\(patched.errors)\(diff.output)")
    #expect(scratch.text(name) == tidy)
  }

  /// A file stays what it is: its owner, its other names, and that it may not be written.
  @Test func theFileStaysTheSame() throws {
    let scratch = try Scratch()
    try scratch.write(untidy, to: "a.rollout")
    try FileManager.default.linkItem(atPath: scratch.path + "/a.rollout", toPath: scratch.path + "/b.rollout")
    #expect(try scratch.rolloutc("fmt", "a.rollout").code == 0)
    #expect(scratch.text("a.rollout") == tidy && scratch.text("b.rollout") == tidy)
    #expect(scratch.files(below: ".") == ["a.rollout", "b.rollout"])
    let isRoot = getuid() == 0
    if isRoot {
      try scratch.write(untidy, to: "theirs.rollout")
      chown(scratch.path + "/theirs.rollout", 65534, 65533)
      #expect(try scratch.rolloutc("fmt", "theirs.rollout").code == 0)
      let attributes = try FileManager.default.attributesOfItem(atPath: scratch.path + "/theirs.rollout")
      #expect(attributes[.ownerAccountID] as? Int == 65534 && attributes[.groupOwnerAccountID] as? Int == 65533)
      #expect(scratch.text("theirs.rollout") == tidy)
    }
    if isRoot, Tool.installed("setpriv") == nil { return Tool.announce("setpriv is not installed") }
    let who = isRoot ? "setpriv --reuid 65534 --regid 65534 --clear-groups" : ""
    // In a folder where everybody may make files, one that may not be written is not replaced.
    try scratch.write(untidy, to: "fixed.rollout")
    _ = try scratch.shell("chmod 777 .; chmod 444 fixed.rollout")
    let refused = try scratch.shell("\(who) rolloutc fmt fixed.rollout")
    #expect(refused.code == 1 && refused.errors.contains("cannot write `fixed.rollout`: permission denied"))
    #expect(scratch.text("fixed.rollout") == untidy)
    // Another's, in which everybody may write.
    _ = try scratch.shell("chmod 666 fixed.rollout")
    #expect(try scratch.shell("\(who) rolloutc fmt fixed.rollout").code == 0)
    let attributes = try FileManager.default.attributesOfItem(atPath: scratch.path + "/fixed.rollout")
    #expect(scratch.text("fixed.rollout") == tidy && attributes[.ownerAccountID] as? Int == Int(getuid()))
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
