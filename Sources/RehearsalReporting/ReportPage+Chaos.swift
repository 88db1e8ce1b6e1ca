internal import Rehearsal

extension RehearsalReport {
  func write(_ storm: Chaos.Report, _ main: inout Markup) {
    main.element("section", ["id": "chaos", "aria-labelledby": "chaos-title"]) { section in
      section.element("h2", ["id": "chaos-title"], "Chaos")
      let isGood = storm.faults.isEmpty
      section.element(
        "p", ["class": "verdict \(isGood ? "good" : "bad")"],
        isGood
          ? "✓ \(counted(storm.count, "run")), and each ended where the plan says"
          : "✗ \(counted(storm.faults.count, "fault")) in \(counted(storm.count, "run"))")
      section.element(
        "p",
        "Everything that can go wrong, one after another, each from where the plan stands before the step that it hits."
      )
      writeTable(
        &section, "Runs by what went wrong in them", ["what went wrong", "runs"], numbers: [1],
        storm.runs.map { [$0.kind.rawValue, grouped($0.count)] })
      section.element(
        "p", "\(counted(storm.requests, "request")) were sent meanwhile, \(grouped(storm.failedRequests)) failed.")
      if isGood { return }
      section.element("h3", "Faults")
      writeTable(
        &section, "What ended in another way than it should",
        ["step", "what went wrong", "what came of it", "failed requests"], numbers: [3],
        storm.faults.map { [stepWords($0.step), $0.name, $0.message, grouped($0.failedRequests)] }, bad: { _ in true })
    }
  }
}
