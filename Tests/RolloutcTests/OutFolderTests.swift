import Foundation
import Glibc
import TestSupport
import Testing

/// `--out DIR`.
@Suite(.enabled(if: Tool.isBuilt)) struct OutFolderTests {
  @Test func twiceIsOnce() throws {
    let scratch = try Scratch(withPlans: true)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review").code == 0)
    let first = scratch.tree("review")
    #expect(first.count > 100)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review/").code == 0)
    #expect(scratch.tree("review") == first)
    #expect(
      scratch.files(below: ".").allSatisfy { $0.hasPrefix("plans/") || $0.hasPrefix("review/") }, "nothing beside it")
  }

  /// A link is what somebody put there, wherever it leads: into nothing, or back.
  @Test func linksAreNotFollowed() throws {
    for place in ["empty", "review"] {
      let scratch = try Scratch(withPlans: true)
      #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review").code == 0)
      let folder = try #require(scratch.tree("review").keys.filter { $0.hasPrefix("01-") }.min()).prefix { $0 != "/" }
      try FileManager.default.createDirectory(atPath: "\(scratch.path)/empty", withIntermediateDirectories: true)
      let link = "\(scratch.path)/review/\(folder)/link"
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "\(scratch.path)/\(place)")
      let refused = try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review")
      #expect(refused.code == 2 && refused.errors.contains("/link` in `review` was not written"), "\(refused.errors)")
      #expect((try? FileManager.default.destinationOfSymbolicLink(atPath: link)) != nil)
    }
  }

  /// A folder of an earlier run is replaced as a whole: no file of a step that is no more stays behind. That of another
  /// plan is not: somebody may still want it.
  @Test func anotherStateOfThePlanTakesItsPlace() throws {
    let scratch = try Scratch(withPlans: true)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review").code == 0)
    let before = scratch.tree("review")
    // One step takes the place of that step alone, and a plan with a step less that of all.
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--step", "2", "--out", "review").code == 0)
    #expect(scratch.tree("review").filter { $0.key != ".rolloutc" } == before.filter { $0.key != ".rolloutc" })
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review").code == 0)
    #expect(scratch.tree("review") == before)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--step", "2", "--out", "deep/er/fresh").code == 0)
    #expect(scratch.files(below: "deep/er/fresh").allSatisfy { $0.hasPrefix("02-") || $0 == ".rolloutc" })
    // Under another name a step would stand there twice.
    let other =
      "plan voting\nlanguage 1\ncomponent web {\n  image r/web\n  version 1.0\n}\nstep \"One\" {\n  deploy web 1.0\n}\n"
    try scratch.write(other + "step \"Two\" {\n  retire 1.0\n}\n", to: "other.rollout")
    #expect(try scratch.rolloutc("other.rollout", "--out", "renamed").code == 0)
    try scratch.write(other + "step \"Second\" {\n  retire 1.0\n}\n", to: "other.rollout")
    #expect(try scratch.rolloutc("other.rollout", "--step", "2", "--out", "renamed").code == 0)
    #expect(
      Set(scratch.files(below: "renamed").compactMap { $0.split(separator: "/").first.map(String.init) })
        == [".rolloutc", "01-one", "02-second"])
    // What somebody put among them is not lost.
    try scratch.write(
      "mine", to: "review/" + (before.keys.filter { $0.hasSuffix(".yaml") }.sorted().first ?? "") + ".note")
    let noted = scratch.tree("review")
    let refused = try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review")
    #expect(
      refused.code == 2 && refused.errors.contains(".note` in `review` was not written by rolloutc"),
      "\(refused.errors)")
    #expect(scratch.tree("review") == noted)
    let outcome = try scratch.rolloutc("plans/bookinfo.rollout", "--out", "review")
    #expect(
      outcome.code == 2 && outcome.errors.contains("the review of another plan (plan voting)"), "\(outcome.errors)")
    #expect(scratch.tree("review") == noted)
  }

  /// A run that was killed leaves what it had begun: the next one takes that away, or puts back what had been moved.
  @Test func leftoversOfKilledRuns() throws {
    let scratch = try Scratch(withPlans: true)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review").code == 0)
    let review = scratch.tree("review")
    // No process has this number: Linux has 2^22 of them.
    for (name, file) in [
      ("review.rolloutc-2147483000", ".rolloutc"), ("review.rolloutc-old-2147483000", ".rolloutc"),
      ("review.rolloutc-2147483001", "mine"),
      ("review.rolloutc-\(ProcessInfo.processInfo.processIdentifier)", ".rolloutc"),
    ] {
      try FileManager.default.createDirectory(
        atPath: scratch.path + "/" + name, withIntermediateDirectories: true)
      try scratch.write("plan voting\n", to: "\(name)/\(file)")
    }
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review").code == 0)
    #expect(scratch.tree("review") == review)
    let beside = try FileManager.default.contentsOfDirectory(atPath: scratch.path).filter { $0.hasPrefix("review.") }
    #expect(beside.count == 2, "what lives and what is not ours stays: \(beside)")
    // Killed between the two moves: the old review stands again, and what is refused leaves it there.
    try FileManager.default.moveItem(
      atPath: scratch.path + "/review", toPath: scratch.path + "/review.rolloutc-old-2147483000")
    #expect(try scratch.rolloutc("plans/bookinfo.rollout", "--out", "review").code == 2)
    #expect(scratch.tree("review") == review)
  }

  /// A signal ends the run, and nothing is left beside the folder.
  @Test func signalsLeaveNothing() throws {
    let scratch = try Scratch(withPlans: true)
    let outcome = try scratch.shell(
      """
      '\(try #require(Tool.path))' plans/aks-voting.rollout --out review & run=$!
      i=0
      while [ $i -lt 2000 ] && ! ls -d review.rolloutc-* >/dev/null 2>&1; do i=$((i + 1)); done
      kill -TERM $run; wait $run; echo $?; ls -d review.* || true
      """)
    // Ended by the signal, or before it came.
    #expect(["143\n", "0\n"].contains(outcome.output), "\(outcome.output)")
  }

  @Test func whatIsNotOursStays() throws {
    let scratch = try Scratch(withPlans: true)
    try FileManager.default.createDirectory(atPath: scratch.path + "/mine", withIntermediateDirectories: true)
    try scratch.write("precious", to: "mine/file")
    try scratch.write("precious", to: "plain")
    let before = scratch.tree(".")
    for target in ["mine", "plain", "plans", "."] {
      let outcome = try scratch.rolloutc("plans/aks-voting.rollout", "--out", target)
      #expect(outcome.code == 2, "\(target): \(outcome.errors)")
      #expect(outcome.errors.contains("nothing was changed"))
    }
    #expect(scratch.tree(".") == before)
    try FileManager.default.createDirectory(atPath: scratch.path + "/empty", withIntermediateDirectories: true)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "empty").code == 0)
  }

  /// Two links that lead back are more ways than anyone can go.
  @Test(.timeLimit(.minutes(5))) func aLinkInTheReviewStays() throws {
    let scratch = try Scratch(withPlans: true)
    #expect(try scratch.rolloutc("plans/bookinfo.rollout", "--out", "review").code == 0)
    _ = try scratch.run(["ln", "-s", ".", "review/0x"])
    _ = try scratch.run(["ln", "-s", ".", "review/0y"])
    let outcome = try scratch.rolloutc("plans/bookinfo.rollout", "--out", "review")
    #expect(outcome.code == 2)
    #expect(outcome.errors.contains("`0x` in `review` was not written by rolloutc"), "\(outcome.errors)")
  }

  /// A file stands where a folder must be made: the run fails, and leaves nothing.
  @Test func wholeOrNotAtAll() throws {
    let scratch = try Scratch(withPlans: true)
    try scratch.write("in the way", to: "file")
    let before = scratch.tree(".")
    let outcome = try scratch.rolloutc("plans/aks-voting.rollout", "--out", "file/review")
    #expect(outcome.code == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("not a directory"), "\(outcome.errors)")
    #expect(scratch.tree(".") == before)
  }

  /// The disk gets full in the middle: the limit on the size of a file stands for it, and the earlier review stays. Its
  /// signal ends nothing.
  @Test func aFailedRunLeavesTheEarlierReview() throws {
    let scratch = try Scratch(withPlans: true)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--step", "1", "--out", "review").code == 0)
    let before = scratch.tree("review")
    // 512 or 1024 bytes for each file.
    let outcome = try scratch.shell("ulimit -f 1; rolloutc plans/aks-voting.rollout --out review")
    #expect(outcome.code == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("file too large"), "\(outcome.errors)")
    #expect(scratch.tree("review") == before)
    #expect(
      scratch.files(below: ".").allSatisfy { $0.hasPrefix("plans/") || $0.hasPrefix("review/") }, "nothing beside it")
  }

  /// Nothing but the folder itself can be written, as in a container: it is written inside, and what fails undoes it.
  @Test func aFolderThatCannotBeMoved() throws {
    let scratch = try Scratch(withPlans: true)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "usual").code == 0)
    let usual = scratch.tree("usual")
    try FileManager.default.createDirectory(atPath: scratch.path + "/closed/review", withIntermediateDirectories: true)
    // Who may do everything is somebody else for this.
    let isRoot = getuid() == 0
    if isRoot, Tool.installed("setpriv") == nil { return Tool.announce("setpriv is not installed") }
    let who = isRoot ? "setpriv --reuid 65534 --regid 65534 --clear-groups" : ""
    _ = try scratch.shell("chmod 777 closed/review; chmod 555 closed; chmod a+x .")
    defer { chmod(scratch.path + "/closed", 0o755) }
    let command = "\(who) rolloutc plans/aks-voting.rollout --out closed/review"
    for _ in 0..<2 {
      let outcome = try scratch.shell(command)
      #expect(outcome.code == 0, "\(outcome.errors)")
      #expect(scratch.tree("closed/review") == usual)
    }
    let part = try scratch.shell("\(command) --step 2")
    #expect(part.code == 0, "\(part.errors)")
    #expect(scratch.tree("closed/review").filter { $0.key != ".rolloutc" } == usual.filter { $0.key != ".rolloutc" })
    #expect(try scratch.shell(command).code == 0, "the marker knows of all files")
    let full = try scratch.shell("ulimit -f 1; \(command)")
    #expect(full.code == 1 && full.errors.contains("cannot write `closed/review/"), "\(full.errors)")
    #expect(scratch.tree("closed/review") == usual, "what was there comes back")
  }

  @Test func aMountPoint() throws {
    let scratch = try Scratch(withPlans: true)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "usual").code == 0)
    for name in ["volume", "review"] {
      try FileManager.default.createDirectory(atPath: scratch.path + "/" + name, withIntermediateDirectories: true)
    }
    guard try scratch.shell("unshare -rm mount --bind volume review").code == 0 else {
      return Tool.announce("no folder can be mounted here")
    }
    let outcome = try scratch.shell(
      "unshare -rm sh -c 'mount --bind volume review && for i in 1 2; do rolloutc plans/aks-voting.rollout --out review || exit; done'"
    )
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(scratch.tree("volume") == scratch.tree("usual"))
  }

  /// The phases of all steps, one after another, are the writes of the stream.
  @Test func phasesHoldTheWritesOfTheStream() throws {
    let scratch = try Scratch(withPlans: true)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review").code == 0)
    let stream = try scratch.rolloutc("plans/aks-voting.rollout").output
    let phases = scratch.files(below: "review").filter { $0.contains("/phases/") && $0.hasSuffix("kustomization.yaml") }
    var written: [String] = []
    for kustomization in phases {
      let text = try #require(scratch.text("review/" + kustomization))
      let folder = (kustomization as NSString).deletingLastPathComponent
      for line in text.split(separator: "\n") where line.hasPrefix("- ") {
        written.append(try #require(scratch.text("review/\(folder)/\(line.dropFirst(2))")))
        #expect(written.last?.hasPrefix("# plans/aks-voting.rollout:") == true, "where it comes from")
      }
      for line in text.split(separator: "\n") where line.hasPrefix("# ") {
        #expect(stream.contains("\n" + line), "\(line)")
      }
    }
    let documents = stream.components(separatedBy: "\n---\n").dropFirst().map { document in
      // Behind it come the comments of the phase.
      let lines = document.split(separator: "\n")
      let end = lines.lastIndex { !$0.hasPrefix("#") } ?? 0
      return lines[...end].joined(separator: "\n") + "\n"
    }
    #expect(written == Array(documents))
  }

  /// What kubectl would refuse is not there to be applied.
  @Test func applyAndDeleteAreNeverEmpty() throws {
    let scratch = try Scratch(withPlans: true)
    for plan in ["aks-voting", "bookinfo"] {
      #expect(try scratch.rolloutc("plans/\(plan).rollout", "--out", "review").code == 0)
      let folders = scratch.files(below: "review").map { ($0 as NSString).deletingLastPathComponent }
      for folder in Set(folders) where folder.hasSuffix("/apply") || folder.hasSuffix("/delete") {
        #expect(scratch.files(below: "review/" + folder).count > 1, "\(folder)")
      }
      try FileManager.default.removeItem(atPath: scratch.path + "/review")
    }
  }

  @Test(.needs("kubectl")) func kubectlReadsTheFolders() throws {
    let kubectl = try #require(Tool.installed("kubectl"))
    let scratch = try Scratch(withPlans: true)
    #expect(try scratch.rolloutc("plans/aks-voting.rollout", "--out", "review").code == 0)
    var count = 0
    for name in scratch.files(below: "review") where name.hasSuffix("/kustomization.yaml") {
      let folder = "review/" + (name as NSString).deletingLastPathComponent
      // One step as a whole, and `apply` of the others: each call takes a while, and they differ in nothing else.
      if !folder.hasSuffix("/apply"), !folder.hasPrefix("review/04") { continue }
      let outcome = try scratch.run([kubectl, "kustomize", folder])
      #expect(outcome.code == 0, "\(folder): \(outcome.errors)")
      let files = scratch.files(below: folder).filter { $0 != "kustomization.yaml" }
      #expect(outcome.output.components(separatedBy: "\nkind: ").count - 1 == files.count, "\(folder)")
      count += 1
    }
    #expect(count >= 12)
  }
}
