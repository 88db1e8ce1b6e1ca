/// The same pictures for tools that lay out graphs themselves.
extension GraphPicture {
  /// A Mermaid flowchart; several pictures become subgraphs of one.
  package static func mermaid(_ pictures: [GraphPicture]) -> String {
    var lines = ["flowchart LR"]
    for (n, picture) in pictures.enumerated() {
      let prefix = pictures.count > 1 ? "p\(n)" : ""
      if pictures.count > 1 { lines.append("  subgraph \(prefix)g[\"\(Text.mermaid(picture.title))\"]") }
      lines += picture.mermaidLines(prefix).map { (pictures.count > 1 ? "    " : "  ") + $0 }
      if pictures.count > 1 { lines.append("  end") }
    }
    lines += [
      "  classDef dark stroke-dasharray:4 3,opacity:0.6", "  classDef copies stroke-dasharray:4 3",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  /// A Graphviz digraph; several pictures become clusters of one.
  package static func dot(_ pictures: [GraphPicture]) -> String {
    var lines = [
      "digraph rollout {", "  rankdir=LR;", "  compound=true;",
      "  node [shape=box, style=rounded, fontname=\"Helvetica\", fontsize=11];",
      "  edge [fontname=\"Helvetica\", fontsize=10];", "  graph [fontname=\"Helvetica\", fontsize=11];",
    ]
    for (n, picture) in pictures.enumerated() {
      let isOnly = pictures.count == 1
      lines.append(isOnly ? "  label=\"\(Text.dot(picture.title))\";" : "  subgraph cluster_p\(n) {")
      if !isOnly { lines.append("    label=\"\(Text.dot(picture.title))\";") }
      lines += picture.dotLines(isOnly ? "" : "p\(n)").map { (isOnly ? "  " : "    ") + $0 }
      if !isOnly { lines.append("  }") }
    }
    return lines.joined(separator: "\n") + "\n}\n"
  }

  private func id(_ ref: VersionRef, _ prefix: String) -> String { "\(prefix)c\(ref.component)v\(ref.version)" }

  private func id(_ source: Source, _ prefix: String) -> String {
    switch source {
    case .entry(let e): "\(prefix)e\(e)"
    case .version(let ref): id(ref, prefix)
    }
  }

  /// The versions of each component in a release, and those in none.
  private func groups() -> [(release: Int?, components: [(component: Int, versions: [Int])])] {
    (releases.indices.map(Optional.init) + [nil]).compactMap { release in
      let inside = components.indices.compactMap { c -> (component: Int, versions: [Int])? in
        let versions = components[c].versions.indices.filter { components[c].versions[$0].release == release }
        return versions.isEmpty ? nil : (c, versions)
      }
      return inside.isEmpty ? nil : (release, inside)
    }
  }

  // MARK: - Mermaid

  private func mermaidLines(_ prefix: String) -> [String] {
    var lines: [String] = []
    for (e, entry) in entries.enumerated() {
      let detail = entry.detail.isEmpty ? "" : "<br/>" + Text.mermaid(entry.detail)
      lines.append("\(prefix)e\(e)([\"visitors, \(Text.mermaid(entry.name))\(detail)\"])")
    }
    for (release, inside) in groups() {
      var indent = ""
      if let release {
        lines.append("subgraph \(prefix)r\(release)[\"release \(Text.mermaid(releases[release].name))\"]")
        indent = "  "
      }
      for (c, versions) in inside {
        let box = "\(prefix)c\(c)\(release.map { "r\($0)" } ?? "")"
        lines.append("\(indent)subgraph \(box)[\"\(Text.mermaid(components[c].name))\"]")
        for v in versions {
          let version = components[c].versions[v]
          let text = "\(Text.mermaid(version.name))<br/>\(Text.mermaid(version.detail))"
          let standing =
            switch version.standing {
            case .live: ""
            case .copies: ":::copies"
            case .dark: ":::dark"
            }
          lines.append("\(indent)  \(id(VersionRef(c, v), prefix))[\"\(text)\"]\(standing)")
        }
        lines.append("\(indent)end")
      }
      if release != nil { lines.append("end") }
    }
    for edge in edges {
      let arrow = edge.kind == .copies ? "-.->" : "-->"
      let label = edge.label.isEmpty ? "" : "|\"\(Text.mermaid(edge.label))\"|"
      lines.append("\(id(edge.from, prefix)) \(arrow)\(label) \(id(.version(edge.to), prefix))")
    }
    return lines
  }

  // MARK: - DOT

  private func dotLines(_ prefix: String) -> [String] {
    var lines: [String] = []
    for (e, entry) in entries.enumerated() {
      let detail = entry.detail.isEmpty ? "" : "\\n" + Text.dot(entry.detail)
      lines.append("\(prefix)e\(e) [shape=ellipse, style=solid, label=\"visitors, \(Text.dot(entry.name))\(detail)\"];")
    }
    for (release, inside) in groups() {
      var indent = ""
      if let release {
        lines.append("subgraph cluster_\(prefix)r\(release) {")
        lines.append("  label=\"release \(Text.dot(releases[release].name))\";")
        indent = "  "
      }
      for (c, versions) in inside {
        lines.append("\(indent)subgraph cluster_\(prefix)c\(c)\(release.map { "r\($0)" } ?? "") {")
        lines.append("\(indent)  label=\"\(Text.dot(components[c].name))\";")
        for v in versions {
          let version = components[c].versions[v]
          let style =
            switch version.standing {
            case .live: ""
            case .copies: ", style=\"rounded,dashed\""
            case .dark: ", style=\"rounded,dashed\", color=gray50, fontcolor=gray40"
            }
          let text = "\(Text.dot(version.name))\\n\(Text.dot(version.detail))"
          lines.append("\(indent)  \(id(VersionRef(c, v), prefix)) [label=\"\(text)\"\(style)];")
        }
        lines.append("\(indent)}")
      }
      if release != nil { lines.append("}") }
    }
    for edge in edges {
      var attributes: [String] = []
      if !edge.label.isEmpty { attributes.append("label=\"\(Text.dot(edge.label))\"") }
      if edge.kind == .copies { attributes.append("style=dashed") }
      let tail = attributes.isEmpty ? "" : " [\(attributes.joined(separator: ", "))]"
      lines.append("\(id(edge.from, prefix)) -> \(id(.version(edge.to), prefix))\(tail);")
    }
    return lines
  }
}
