import Foundation
import TestSupport
import Testing

/// Where output goes: never over something that somebody needs.
@Suite struct OutputPlaceTests {
  private let plan = """
    plan hello
    language 1
    expose web on port 80
    component web {
      image registry.example.com/web
      port 8080 http
      version 1.0
    }
    deploy web 1.0

    """

  private func names(_ folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  @Test func foldersByDetoursAndLinks() throws {
    let scratch = try Scratch()
    try scratch.write(plan, to: "hello.rollout")
    #expect(try scratch.rolloutc("hello.rollout", "--out", "review").code == 0)
    #expect(try scratch.rolloutc("hello.rollout", "--out", "./review/../review").code == 0)
    #expect(names(scratch.path + "/review") == [".rolloutc", "01-deploy-web-1-0"])
    try FileManager.default.createDirectory(atPath: scratch.path + "/real", withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(atPath: scratch.path + "/link", withDestinationPath: "real")
    #expect(try scratch.rolloutc("hello.rollout", "--out", "link").code == 0)
    #expect(names(scratch.path + "/real") == [".rolloutc", "01-deploy-web-1-0"])
    for wrong in [".", "..", ""] {
      let refused = try scratch.rolloutc("hello.rollout", "--out", wrong)
      #expect(refused.code == 2, "\(wrong): \(refused.errors)")
    }
    #expect(names(scratch.path) == ["hello.rollout", "link", "real", "review"], "nothing is left behind")
  }

  @Test func whatSomebodyPutThereStays() throws {
    let scratch = try Scratch()
    try scratch.write(plan, to: "hello.rollout")
    #expect(try scratch.rolloutc("hello.rollout", "--out", "review").code == 0)
    try scratch.write("mine", to: "review/NOTES.md")
    let refused = try scratch.rolloutc("hello.rollout", "--out", "review")
    #expect(refused.code == 2)
    #expect(refused.errors.contains("`NOTES.md`"), "\(refused.errors)")
    #expect(names(scratch.path + "/review").contains("NOTES.md"))
  }

  @Test func filesThroughLinksAndNeverThePlan() throws {
    let scratch = try Scratch()
    try scratch.write(plan.replacing("plan hello", with: "plan   hello"), to: "hello.rollout")
    try FileManager.default.createSymbolicLink(
      atPath: scratch.path + "/link.rollout", withDestinationPath: "hello.rollout")
    #expect(try scratch.rolloutc("fmt", "link.rollout").code == 0)
    #expect(try scratch.rolloutc("fmt", "--check", "hello.rollout").code == 0, "the file is formatted, not the link")
    for command in [
      ["rehearse", "hello.rollout", "--junit", "link.rollout"],
      ["rehearse", "hello.rollout", "--report", "./hello.rollout"],
    ] {
      let refused = try scratch.rolloutc(command[0], command[1], command[2], command[3])
      #expect(refused.code == 2, "\(refused.errors)")
    }
    let kept = String(
      decoding: FileManager.default.contents(atPath: scratch.path + "/hello.rollout") ?? Data(), as: UTF8.self)
    #expect(kept == plan)
    // A device is written into, and stays one.
    #expect(try scratch.rolloutc("rehearse", "hello.rollout", "--junit", "/dev/null").code == 0)
    let attributes = try FileManager.default.attributesOfItem(atPath: "/dev/null")
    #expect(attributes[.type] as? FileAttributeType == .typeCharacterSpecial)
  }

  /// What the plan was read from is as little written over as the plan.
  @Test func neverWhatThePlanIsMadeOf() throws {
    let scratch = try Scratch()
    let parts = plan.split(separator: "\n")[3..<8].joined(separator: "\n") + "\n"
    let rest = plan.replacing(parts, with: "include parts.svg\npatch deployment of web with patch.yaml\n")
    try scratch.write(rest, to: "hello.rollout")
    try scratch.write(parts, to: "parts.svg")
    try scratch.write("metadata: {labels: {team: shop}}\n", to: "patch.yaml")
    let before = scratch.tree(".")
    #expect(try scratch.rolloutc("check", "hello.rollout").code == 0)
    for arguments in [
      ["rehearse", "hello.rollout", "--junit", "patch.yaml"], ["rehearse", "hello.rollout", "--report", "./parts.svg"],
      ["graph", "hello.rollout", "--out", "parts.svg"], ["plan", "hello.rollout", "-o", "patch.yaml"],
    ] {
      let refused = try scratch.run([#require(Tool.path)] + arguments)
      #expect(refused.code == 2 && refused.output.isEmpty, "\(arguments): \(refused.errors)")
      #expect(refused.errors.contains("is a file that the plan is made of"), "\(refused.errors)")
    }
    #expect(scratch.tree(".") == before)
  }

  /// Two results in one file, or a name that is none, are refused before the plan is read.
  @Test(arguments: [
    (["rehearse", "--report", "a.xml", "--junit", "./a.xml"], "`--report` and `--junit` name the same file"),
    (["rehearse", "--junit", "-"], "`--junit -` names no file"), (["rehearse", "--report", ""], "names no file"),
    (["graph", "--out", ""], "`--out` names no file"), (["graph", "--out", "-"], "`--out -` names no file"),
    (["plan", "-o", "-"], "`--out -` names no file"), (["build", "--out", "-"], "`--out -` names no file"),
    (["build", "--out", ""], "`--out` names no file"),
  ])
  func namesThatAreNone(_ arguments: [String], _ message: String) throws {
    let scratch = try Scratch()
    try scratch.write(plan, to: "hello.rollout")
    let outcome = try scratch.run([#require(Tool.path)] + arguments + ["hello.rollout"])
    #expect(outcome.code == 2 && outcome.output.isEmpty, "\(outcome.errors)")
    #expect(outcome.errors.contains(message), "\(outcome.errors)")
    #expect(names(scratch.path) == ["hello.rollout"])
  }

  /// A device takes both.
  @Test func devicesTakeAll() throws {
    let scratch = try Scratch()
    try scratch.write(plan, to: "hello.rollout")
    let outcome = try scratch.rolloutc(
      "rehearse", "hello.rollout", "--report", "/dev/null", "--junit", "/dev/null")
    #expect(outcome.code == 0, "\(outcome.errors)")
  }

  /// Machines get a result that they can read also where there is nothing to say anything about.
  @Test(arguments: ["missing.rollout", ".", "binary.rollout"]) func resultsWithoutAPlan(_ path: String) throws {
    let scratch = try Scratch()
    try Data([UInt8](repeating: 0xFF, count: 5_000)).write(to: URL(fileURLWithPath: scratch.path + "/binary.rollout"))
    for format in ["json", "sarif"] {
      let outcome = try scratch.rolloutc("check", "--format", format, path)
      #expect(outcome.code == 2 && outcome.errors.contains("cannot read"), "\(outcome.errors)")
      let value = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
      #expect(value?[format == "json" ? "diagnostics" : "runs"] is [Any], "\(outcome.output)")
    }
    let outcome = try scratch.rolloutc("check", "--format", "github", path)
    #expect(outcome.code == 2 && outcome.output.hasPrefix("::error::cannot read `\(path)`"), "\(outcome.output)")
  }

  /// A long file in another encoding is no binary one.
  @Test func otherEncodings() throws {
    let scratch = try Scratch()
    let long = plan + String(repeating: "# One line more.\n", count: 500)
    for encoding in [String.Encoding.utf16, .utf16LittleEndian, .utf32] {
      try #require(long.data(using: encoding)).write(to: URL(fileURLWithPath: scratch.path + "/hello.rollout"))
      let outcome = try scratch.rolloutc("check", "hello.rollout")
      #expect(outcome.code == 2 && outcome.errors.contains("error[R0108]: the file is UTF-"), "\(outcome.errors)")
      #expect(outcome.errors.contains("= help: save the file as UTF-8") && outcome.errors.hasSuffix("\n1 error\n"))
    }
  }

  /// One line with a fault at each byte.
  @Test func manyFaultsOnOneLine() throws {
    let scratch = try Scratch()
    try scratch.write(String(repeating: "{", count: 200_000), to: "braces.rollout")
    let outcome = try scratch.rolloutc("check", "braces.rollout")
    #expect(outcome.code == 2)
    #expect(outcome.errors.count < 600_000)
  }
}
