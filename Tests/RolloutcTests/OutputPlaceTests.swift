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

  /// One line with a fault at each byte.
  @Test func manyFaultsOnOneLine() throws {
    let scratch = try Scratch()
    try scratch.write(String(repeating: "{", count: 200_000), to: "braces.rollout")
    let outcome = try scratch.rolloutc("check", "braces.rollout")
    #expect(outcome.code == 2)
    #expect(outcome.errors.count < 600_000)
  }
}
