import Pictures
import RequestTracing
import RolloutPlan
import SafetyChecks
import TestSupport
import Testing

private let seeds: [UInt64] = (0..<250).map { SeededGenerator.seed &+ $0 }

private func pictures(_ seed: UInt64) -> [(moment: PlanMoment, picture: GraphPicture)] {
  (PlanMoment.all(seed: seed) + [.any(seed: seed)]).map { moment in
    (moment, GraphPicture(Survey(moment.mesh), title: moment.name, subtitle: "a picture"))
  }
}

struct PictureLaws {
  /// Every live route of the state is an arrow, and every arrow is a live route of the state.
  @Test(arguments: seeds) func theArrowsAreTheRoutesOfTheState(seed: UInt64) {
    for moment in PlanMoment.all(seed: seed) {
      let model = moment.model
      let survey = Survey(moment.mesh)
      let picture = GraphPicture(survey, title: "")
      var wanted: Set<String> = []
      for flow in model.flows {
        let from: String
        switch flow.source {
        case .entry(let e): from = "port \(model.plan.exposures[e].port) \(e)"
        case .caller(let version):
          guard survey.isReached[version] else { continue }
          from = model.name(of: version)
        }
        for target in moment.wanted(flow) { wanted.insert("\(from) -> \(model.name(of: target))") }
      }
      let drawn = picture.edges.filter { $0.kind == .requests }.map { edge in
        let from =
          switch edge.from {
          case .entry(let e): "\(picture.entries[e].name) \(e)"
          case .version(let ref): name(ref, picture)
          }
        return "\(from) -> \(name(edge.to, picture))"
      }
      #expect(Set(drawn) == wanted, "\(moment.name)")
    }
  }

  @Test(arguments: seeds) func everyDeployedVersionIsThere(seed: UInt64) {
    for (moment, picture) in pictures(seed) {
      let deployed = moment.model.versions.indices.filter { moment.mesh.replicas(of: $0) != nil }
      let drawn = picture.components.flatMap { component in component.versions.map { "\(component.name) \($0.name)" } }
      #expect(drawn.sorted() == deployed.map(moment.model.name).sorted(), "\(moment.name)")
      let reached = Survey(moment.mesh).isReached
      for (c, component) in picture.components.enumerated() {
        for (v, version) in component.versions.enumerated() {
          let n = moment.model.versions.indices.first {
            moment.model.name(of: $0) == "\(component.name) \(version.name)"
          }
          #expect(n.map { reached[$0] } == (version.standing != .dark), "\(moment.name): \(c) \(v)")
        }
      }
    }
  }

  /// Nothing stands on anything else: computed from the layout, for labels as wide as they are measured.
  @Test(arguments: seeds) func nothingOverlaps(seed: UInt64) {
    for (moment, picture) in pictures(seed) { checkLayout(picture, moment.name) }
  }

  @Test(arguments: seeds) func theSamePictureGivesTheSameBytes(seed: UInt64) {
    for ((_, a), (_, b)) in zip(pictures(seed), pictures(seed)) {
      #expect(a == b)
      #expect(a.svg == b.svg)
    }
  }

  private func name(_ ref: GraphPicture.VersionRef, _ picture: GraphPicture) -> String {
    let component = picture.components[ref.component]
    return "\(component.name) \(component.versions[ref.version].name)"
  }
}

/// What holds of every layout.
func checkLayout(_ picture: GraphPicture, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) {
  let layout = Layout(picture)
  let page = Layout.Rect(x: 0, y: 0, width: layout.width, height: layout.height)
  func isInside(_ inner: Layout.Rect, _ outer: Layout.Rect) -> Bool {
    inner.x >= outer.x && inner.y >= outer.y && inner.right <= outer.right && inner.bottom <= outer.bottom
  }
  var solid = layout.boxes.map { (what: "box \($0.component)", rect: $0.frame) }
  solid += layout.entries.enumerated().map { ("entry \($0)", $1) }
  let labels = layout.lines.enumerated().compactMap { e, line in line.labelBox.map { (what: "label \(e)", rect: $0) } }
  let all = solid + labels
  for (i, a) in all.enumerated() {
    #expect(isInside(a.rect, page), "\(name): \(a.what) leaves the page", sourceLocation: sourceLocation)
    for b in all[(i + 1)...] {
      #expect(!a.rect.overlaps(b.rect), "\(name): \(a.what) and \(b.what)", sourceLocation: sourceLocation)
    }
  }
  for box in layout.boxes {
    for (i, row) in box.rows.enumerated() {
      #expect(isInside(row.frame, box.frame), sourceLocation: sourceLocation)
      for other in box.rows[(i + 1)...] {
        #expect(!row.frame.overlaps(other.frame), sourceLocation: sourceLocation)
      }
    }
    for (r, band) in layout.bands.enumerated() {
      #expect(
        box.release == r ? isInside(box.frame, band) : !box.frame.overlaps(band),
        "\(name): box \(box.component) and release \(r)", sourceLocation: sourceLocation)
    }
  }
  for (i, band) in layout.bands.enumerated() {
    #expect(isInside(band, page), sourceLocation: sourceLocation)
    for other in layout.bands[(i + 1)...] { #expect(!band.overlaps(other), sourceLocation: sourceLocation) }
  }
  for (e, line) in layout.lines.enumerated() {
    #expect(line.points.count >= 4 && line.points.count.isMultiple(of: 2), sourceLocation: sourceLocation)
    for n in stride(from: 0, to: line.points.count - 1, by: 2) {
      let (a, b) = (line.points[n], line.points[n + 1])
      #expect(a.y == b.y, sourceLocation: sourceLocation)
      let level = Layout.Rect(x: min(a.x, b.x), y: a.y - 1, width: abs(b.x - a.x), height: 2)
      #expect(isInside(level, page), "\(name): arrow \(e) leaves the page", sourceLocation: sourceLocation)
      for label in labels {
        #expect(!level.overlaps(label.rect), "\(name): arrow \(e) and \(label.what)", sourceLocation: sourceLocation)
      }
      // At its ends it reaches over the frame of the component to the version.
      let ends = n == 0 || n + 2 == line.points.count ? 8 : 0
      let between = Layout.Rect(
        x: level.x + ends, y: level.y, width: max(0, level.width - 2 * ends), height: level.height)
      for box in solid {
        #expect(!between.overlaps(box.rect), "\(name): arrow \(e) and \(box.what)", sourceLocation: sourceLocation)
      }
    }
    // Between two level pieces it bends, in a zone that holds no box and no label.
    for n in stride(from: 1, to: line.points.count - 1, by: 2) {
      let (a, b) = (line.points[n], line.points[n + 1])
      let bend = Layout.Rect(
        x: min(a.x, b.x), y: min(a.y, b.y) - 1, width: abs(b.x - a.x), height: abs(b.y - a.y) + 2)
      for other in all {
        #expect(
          !bend.overlaps(other.rect), "\(name): arrow \(e) bends over \(other.what)", sourceLocation: sourceLocation)
      }
    }
  }
}
