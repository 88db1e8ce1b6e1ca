internal import KubernetesModel
internal import Lowering
internal import Pictures
internal import Rehearsal
internal import RequestTracing
internal import RolloutPlan
internal import RolloutSyntax
internal import SafetyChecks
internal import YAMLCoding

/// The plan's steps: what stands after each of them, and what each writes.
extension RehearsalReport {
  func writeSteps(_ main: inout Markup) {
    main.element("section", ["id": "steps", "aria-labelledby": "steps-title"]) { section in
      section.element("h2", ["id": "steps-title"], "Steps and differences")
      var mesh = MeshSnapshot(FlowModel(plan))
      for (step, compiled) in zip(plan.steps, compiled.steps) {
        for segment in compiled.segments { for phase in segment.phases { mesh.apply(phase) } }
        write(step, compiled, mesh, &section)
      }
    }
  }

  private func write(_ step: Step, _ compiled: CompiledStep, _ mesh: MeshSnapshot, _ section: inout Markup) {
    let id = "step-\(step.index + 1)"
    section.element("article", ["id": id, "aria-labelledby": "\(id)-title"]) { article in
      article.element("h3", ["id": "\(id)-title"], stepWords(step.index))
      article.element("p", ["class": "quiet"], place(step.range))
      let changes = step.segments.flatMap(\.changes)
      if !changes.isEmpty {
        article.element("ul", ["class": "changes"]) { list in
          for change in changes { list.element("li") { $0.element("code", change.text) } }
        }
      }
      article.element("figure") { figure in
        let name = "Picture of step \(step.index + 1)"
        figure.element("div", ["class": "scroll", "role": "region", "aria-label": name, "tabindex": "0"]) {
          $0.picture(GraphPicture(Survey(mesh), title: "After step \(step.index + 1)"))
        }
        figure.element("figcaption", "What stands after the step, and where requests go.")
      }
      let phases = compiled.segments.flatMap(\.phases).filter { !$0.writes.isEmpty }
      let writes = phases.reduce(0) { $0 + $1.writes.count }
      if writes == 0 {
        article.element("p", "It writes nothing.")
        return
      }
      article.element("details") { details in
        details.element("summary", "\(counted(writes, "write")) in \(counted(phases.count, "phase"))")
        for (n, phase) in phases.enumerated() {
          details.element("h4", "\(n + 1) \(phase.kind.rawValue.replacing("-", with: " "))")
          for write in phase.writes { self.write(write, &details) }
        }
      }
    }
  }

  private func write(_ write: Write, _ markup: inout Markup) {
    let old = write.previous.map(yamlBytes) ?? []
    let new = write.object.map(yamlBytes) ?? []
    let diff = unifiedDiff(from: old, to: new, path: write.id.description)
    markup.element("details", ["class": "write"]) { details in
      details.element("summary") { summary in
        summary.element("span", ["class": "action \(write.action.rawValue)"], write.action.rawValue)
        summary.write(" \(write.id) ")
        summary.element("span", ["class": "quiet"], place(write.origin))
      }
      if diff.isEmpty {
        details.element("p", "The object stays as it is.")
        return
      }
      details.element("pre", ["tabindex": "0", "aria-label": "Difference of \(write.id)"]) { pre in
        for line in diff.split(separator: "\n").dropFirst(2) {
          switch line.first {
          case "+": pre.element("ins", String(line))
          case "-": pre.element("del", String(line))
          case "@": pre.element("span", ["class": "hunk"], String(line))
          default: pre.element("span", String(line))
          }
        }
      }
    }
  }
}
