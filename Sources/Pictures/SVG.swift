extension GraphPicture {
  /// The picture as an SVG document: text is text, colours follow the reader's light or dark scheme, and a screen reader
  /// gets all of it in words. The same picture gives the same bytes.
  package var svg: String { GraphPicture.svg([self]) }

  /// Several pictures, one below the other.
  package static func svg(_ pictures: [GraphPicture]) -> String {
    let layouts = pictures.map { Layout($0) }
    let width = layouts.map(\.width).max() ?? 0
    let height = layouts.reduce(0) { $0 + $1.height }
    var writer = SVGWriter()
    writer.line(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"rollout-graph\" role=\"img\" width=\"\(width)\" "
        + "height=\"\(height)\" viewBox=\"0 0 \(width) \(height)\">")
    writer.line("<title>\(Text.xml(pictures.map(\.title).joined(separator: "; ")))</title>")
    writer.line("<desc>\(Text.xml(pictures.map(\.words).joined(separator: " ")))</desc>")
    writer.line("<style>\(SVGWriter.style)</style>")
    writer.line("<rect class=\"page\" width=\"\(width)\" height=\"\(height)\" rx=\"8\"/>")
    var y = 0
    for (n, picture) in pictures.enumerated() {
      if n > 0 { writer.line("<path class=\"rule\" d=\"M24 \(y)H\(width - 24)\"/>") }
      writer.line("<g transform=\"translate(0 \(y))\">")
      writer.draw(picture, layouts[n], width)
      writer.line("</g>")
      y += layouts[n].height
    }
    writer.line("</svg>")
    return writer.text
  }

  /// The picture in words.
  package var words: String {
    var sentences = [title + "."]
    for (e, edge) in edges.enumerated() {
      sentences.append(words(of: e) + (edge.label.isEmpty ? "" : " (\(edge.label))") + ".")
    }
    let dark = components.flatMap { component in
      component.versions.filter { $0.standing == .dark }.map { "\(component.name) \($0.name)" }
    }
    if !dark.isEmpty { sentences.append("Without traffic: \(dark.joined(separator: ", ")).") }
    return sentences.joined(separator: " ")
  }

  /// `visitors at port 80 reach voting-app 2.0`
  func words(of edge: Int) -> String {
    let edge = edges[edge]
    let from =
      switch edge.from {
      case .entry(let e): "visitors at \(entries[e].name)"
      case .version(let ref): name(ref)
      }
    switch edge.kind {
    case .requests:
      if case .entry = edge.from { return "\(from) reach \(name(edge.to))" }
      return "\(from) calls \(name(edge.to))"
    case .copies: return "copies of requests from \(from) go to \(name(edge.to))"
    }
  }

  func name(_ ref: VersionRef) -> String { "\(components[ref.component].name) \(self[ref].name)" }
}

private struct SVGWriter {
  private(set) var text = ""

  mutating func line(_ line: String) { text += line + "\n" }

  // MARK: - Drawing

  mutating func draw(_ picture: GraphPicture, _ layout: Layout, _ width: Int) {
    heading(picture, width)
    for (r, band) in layout.bands.enumerated() {
      line("<g class=\"band \(accent(r, picture))\">")
      line(rect("frame", band, radius: 10))
      line(
        words(
          "release " + picture.releases[r].name, "band-name", band.x + Size.bandPadding, band.y + 19, size: Size.small,
          isBold: true, to: band.width - 2 * Size.bandPadding))
      line("</g>")
    }
    // Arrows end at versions, over the frames of their components.
    for box in layout.boxes { frame(box, picture) }
    for (e, drawn) in layout.lines.enumerated() { arrow(picture, e, drawn) }
    for (e, frame) in layout.entries.enumerated() { entry(picture.entries[e], frame) }
    for box in layout.boxes { versions(box, picture) }
  }

  private mutating func heading(_ picture: GraphPicture, _ width: Int) {
    let room = width - 2 * Size.margin
    line(words(picture.title, "title", Size.margin, Size.margin + 14, size: Size.title, isBold: true, to: room))
    if !picture.subtitle.isEmpty {
      line(words(picture.subtitle, "subtitle", Size.margin, Size.margin + 35, size: Size.label, to: room))
    }
  }

  private mutating func entry(_ entry: GraphPicture.Entry, _ frame: Layout.Rect) {
    line("<g class=\"entry\">")
    line(rect("frame", frame, radius: frame.height / 2))
    let name = "visitors, " + entry.name
    let (x, room) = (frame.x + frame.width / 2, frame.width - 32)
    if entry.detail.isEmpty {
      line(words(name, "name", x, frame.middle + 5, size: Size.text, isBold: true, to: room, at: .middle))
    } else {
      line(words(name, "name", x, frame.middle - 3, size: Size.text, isBold: true, to: room, at: .middle))
      line(words(entry.detail, "detail", x, frame.middle + 13, size: Size.small, to: room, at: .middle))
    }
    line("</g>")
  }

  private mutating func frame(_ box: Layout.Box, _ picture: GraphPicture) {
    let component = picture.components[box.component]
    line("<g class=\"component\">")
    line(rect("frame", box.frame, radius: 8))
    line(
      words(
        component.name, "name", box.frame.x + 12, box.frame.y + 18, size: Size.text, isBold: true,
        to: box.frame.width - 24))
    line("</g>")
  }

  private mutating func versions(_ box: Layout.Box, _ picture: GraphPicture) {
    let component = picture.components[box.component]
    for row in box.rows {
      let version = component.versions[row.version]
      let standing =
        switch version.standing {
        case .live: "live"
        case .copies: "copies"
        case .dark: "dark"
        }
      line("<g class=\"version \(standing)\(box.release.map { " " + accent($0, picture) } ?? "")\">")
      line("<title>\(Text.xml("\(component.name) \(version.name): \(version.detail)"))</title>")
      line(rect("frame", row.frame, radius: 5))
      let (x, room) = (row.frame.x + 12, row.frame.width - 20)
      line(words(version.name, "name", x, row.frame.middle - 3, size: Size.text, isBold: true, to: room))
      line(words(version.detail, "detail", x, row.frame.middle + 13, size: Size.small, to: room))
      line("</g>")
    }
  }

  private mutating func arrow(_ picture: GraphPicture, _ e: Int, _ drawn: Layout.Line) {
    guard let first = drawn.points.first, let last = drawn.points.last, drawn.points.count > 1 else { return }
    let edge = picture.edges[e]
    let release = picture[edge.to].release
    let kind = edge.kind == .copies ? " copies" : ""
    line("<g class=\"edge\(release.map { " " + accent($0, picture) } ?? "")\(kind)\">")
    let label = edge.label.isEmpty ? "" : ": " + edge.label
    line("<title>\(Text.xml(picture.words(of: e) + label))</title>")
    let isRightward = drawn.points[drawn.points.count - 2].x < last.x
    let tip = isRightward ? -Size.arrow : Size.arrow
    var path = "M\(first.x) \(first.y)"
    for (n, point) in drawn.points.enumerated().dropFirst() {
      if n == drawn.points.count - 1 {
        path += "H\(point.x + tip)"
      } else if n.isMultiple(of: 2) {
        let before = drawn.points[n - 1]
        if before.x == point.x {
          // Back to the column that it came from.
          let turn = before.x + Size.bend / 2
          path += "C\(turn) \(before.y) \(turn) \(point.y) \(point.x) \(point.y)"
        } else {
          let middle = (before.x + point.x) / 2
          path += "C\(middle) \(before.y) \(middle) \(point.y) \(point.x) \(point.y)"
        }
      } else {
        path += "H\(point.x)"
      }
    }
    line("<path class=\"way\" d=\"\(path)\"/>")
    line(
      "<path class=\"tip\" d=\"M\(last.x) \(last.y)L\(last.x + tip) \(last.y - 4)L\(last.x + tip) \(last.y + 4)Z\"/>")
    if let box = drawn.labelBox {
      // At the side of the arrow's tip, so that a wider font grows over its own arrow.
      line(
        words(
          drawn.label, "label", isRightward ? box.right - 3 : box.x + 3, box.bottom - 2, size: Size.label,
          to: box.width, at: isRightward ? .end : .start))
    }
    line("</g>")
  }

  // MARK: - Pieces

  private enum Anchor: String { case start, middle, end }

  private func accent(_ release: Int, _ picture: GraphPicture) -> String {
    "r\(picture.releases[release].color % Scheme.light.accents.count)"
  }

  private func rect(_ name: String, _ rect: Layout.Rect, radius: Int) -> String {
    "<rect class=\"\(name)\" x=\"\(rect.x)\" y=\"\(rect.y)\" width=\"\(rect.width)\" height=\"\(rect.height)\" "
      + "rx=\"\(radius)\"/>"
  }

  private func words(
    _ text: String, _ name: String, _ x: Int, _ y: Int, size: Int, isBold: Bool = false, to room: Int,
    at anchor: Anchor = .start
  ) -> String {
    let fitted = Text.fitted(text, size: size, isBold: isBold, to: room)
    let place = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
    // Cut short, the whole is there for whoever points at it.
    let title = fitted == text ? "" : "<title>\(Text.xml(text))</title>"
    return "<text class=\"\(name)\" x=\"\(x)\" y=\"\(y)\"\(place)>\(title)\(Text.xml(fitted))</text>"
  }

  // MARK: - Colours

  /// The pairs of text and ground here have a contrast of at least 4.5 to 1 in both schemes (WCAG 2.1, 1.4.3); a test
  /// computes it. Everything is under one class, so that the picture can stand in a page with others.
  static let style: String = {
    var lines: [String] = [
      ".rollout-graph text{font-family:Helvetica,Arial,\"Liberation Sans\",sans-serif;fill:#1f2328}",
      ".rollout-graph .title{font-size:\(Size.title)px;font-weight:bold}",
      ".rollout-graph .name{font-size:\(Size.text)px;font-weight:bold}",
      ".rollout-graph .label,.rollout-graph .subtitle{font-size:\(Size.label)px}",
      ".rollout-graph .detail{font-size:\(Size.small)px}",
      ".rollout-graph .band-name{font-size:\(Size.small)px;font-weight:bold}",
      ".rollout-graph .way{fill:none;stroke-width:1.6}",
      ".rollout-graph .copies .way{stroke-dasharray:2 4}",
      ".rollout-graph .dark .frame,.rollout-graph .version.copies .frame{stroke-dasharray:4 3}",
    ]
    lines += Scheme.light.rules
    lines.append("@media (prefers-color-scheme:dark){")
    lines += Scheme.dark.rules
    lines.append("}")
    return "\n" + lines.joined(separator: "\n") + "\n"
  }()
}

/// The colours of one scheme.
package struct Scheme: Sendable {
  package struct Accent: Sendable {
    /// Frames, arrows, and the names of releases.
    package var line: String
    /// The ground of a release's band.
    package var ground: String
  }

  package var page: String
  package var text: String
  /// Details and labels.
  package var quiet: String
  package var line: String
  package var box: String
  package var version: String
  /// Versions without traffic.
  package var dark: String
  package var accents: [Accent]

  package static let light = Scheme(
    page: "#ffffff", text: "#1f2328", quiet: "#57606a", line: "#6e7781", box: "#f6f8fa", version: "#ffffff",
    dark: "#eaeef2",
    accents: [
      Accent(line: "#0969da", ground: "#f0f7ff"), Accent(line: "#1a7f37", ground: "#f0fbf2"),
      Accent(line: "#8250df", ground: "#f8f4ff"), Accent(line: "#9a5b00", ground: "#fff8ec"),
    ])

  package static let dark = Scheme(
    page: "#0d1117", text: "#e6edf3", quiet: "#a6b0bb", line: "#8b949e", box: "#161b22", version: "#0d1117",
    dark: "#262c36",
    accents: [
      Accent(line: "#58a6ff", ground: "#0f1a2b"), Accent(line: "#3fb950", ground: "#0f1f17"),
      Accent(line: "#bc8cff", ground: "#1b1529"), Accent(line: "#d29922", ground: "#211a0d"),
    ])

  fileprivate var rules: [String] {
    let root = ".rollout-graph "
    var rules = [
      "\(root).page{fill:\(page)}",
      "\(root).rule{stroke:\(line);stroke-opacity:.4}",
      "\(root)text{fill:\(text)}",
      "\(root).detail,\(root).label,\(root).subtitle{fill:\(quiet)}",
      "\(root).way{stroke:\(line)}",
      "\(root).tip{fill:\(line)}",
      "\(root).entry .frame{fill:\(box);stroke:\(line)}",
      "\(root).component>.frame{fill:\(box);stroke:\(line);stroke-opacity:.6}",
    ]
    for (n, accent) in accents.enumerated() {
      rules += [
        "\(root).band.r\(n) .frame{fill:\(accent.ground);stroke:\(accent.line)}",
        "\(root).r\(n) .band-name{fill:\(accent.line)}",
        "\(root).r\(n) .way{stroke:\(accent.line)}",
        "\(root).r\(n) .tip{fill:\(accent.line)}",
      ]
    }
    rules.append("\(root).version .frame{fill:\(version);stroke:\(line)}")
    for (n, accent) in accents.enumerated() { rules.append("\(root).version.live.r\(n) .frame{stroke:\(accent.line)}") }
    rules += [
      "\(root).version.dark .frame{fill:\(dark);stroke:\(line)}",
      "\(root).version.dark .name{fill:\(quiet)}",
    ]
    return rules
  }
}
