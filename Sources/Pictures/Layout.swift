/// Where everything of a picture stands, in whole pixels.
///
/// Columns are layers of the call graph: visitors at the left, then components, callees to the right of their callers.
/// Releases are bands across the columns. What makes a picture readable is built in and not searched for:
///
/// - A column holds boxes, and a place for each arrow that passes through it, one below the other: no arrow crosses a
///   box.
/// - Between two columns, arrows bend in a zone of their own. Next to the boxes they run level, each in a slot of the
///   row that it leads to, with its label above it: no label meets another label, a box or an arrow.
///
/// So what is left to choose is the order in each column, which a few sweeps by the mean of the neighbours make good
/// enough.
package struct Layout: Hashable, Sendable {
  package struct Rect: Hashable, Sendable {
    package var x: Int
    package var y: Int
    package var width: Int
    package var height: Int

    package init(x: Int, y: Int, width: Int, height: Int) {
      self.x = x
      self.y = y
      self.width = width
      self.height = height
    }

    package var right: Int { x + width }
    package var bottom: Int { y + height }
    package var middle: Int { y + height / 2 }

    package func overlaps(_ other: Rect) -> Bool {
      x < other.right && other.x < right && y < other.bottom && other.y < bottom
    }
  }

  package struct Point: Hashable, Sendable {
    package var x: Int
    package var y: Int
  }

  package struct Line: Hashable, Sendable {
    /// From left to right or from right to left, in pairs: level between the two of a pair, bent from pair to pair.
    package var points: [Point]
    package var label: String
    /// Where the label stands; nil where there is none.
    package var labelBox: Rect?
  }

  package struct Box: Hashable, Sendable {
    package var component: Int
    /// Index into the picture's releases.
    package var release: Int?
    package var frame: Rect
    package var rows: [Row]
  }

  package struct Row: Hashable, Sendable {
    package var version: Int
    package var frame: Rect
  }

  package var width = 0
  package var height = 0
  package var entries: [Rect] = []
  package var boxes: [Box] = []
  /// By release of the picture.
  package var bands: [Rect] = []
  /// By edge of the picture.
  package var lines: [Line] = []

  package init(_ picture: GraphPicture) {
    var builder = LayoutBuilder(picture)
    self = builder.layout()
  }

  fileprivate init() {}
}

/// Sizes, in pixels.
enum Size {
  static let margin = 24
  static let title = 17
  static let text = 13
  static let small = 11
  static let label = 12
  /// Title and subtitle.
  static let header = 58
  static let boxHeader = 26
  static let boxPadding = 8
  static let rowHeight = 44
  static let rowGap = 8
  static let slot = 20
  /// How far below the middle of its slot an arrow runs, for the label above it. The slots of a row are lifted by as
  /// much, so that one arrow alone runs through the middle of the row.
  static let lift = 5
  static let bandHeader = 28
  static let bandPadding = 14
  static let gap = 20
  /// Where arrows bend.
  static let bend = 64
  static let inset = 22
  static let arrow = 8
  static let longestLabel = 300
  static let pass = 18
}

private struct LayoutBuilder {
  let picture: GraphPicture

  /// A thing in a column: visitors, a box, or the place where an arrow passes through.
  struct Item {
    enum Kind {
      case entry(Int)
      case box(Int)
      case pass(edge: Int)
    }

    var kind: Kind
    var column: Int
    /// The release, or the number of releases for what is in none.
    var band: Int
    var height: Int
    var y = 0

    var middle: Int { y + height / 2 }
  }

  struct Box {
    var component: Int
    var release: Int?
    var versions: [Int]
    var item = 0
  }

  enum Slot {
    case arrival(Int)
    /// Of an arrow back to the left. What goes to the right leaves from one place.
    case departure(Int)
  }

  /// One end of an arrow at a row, or at visitors.
  struct End {
    var item: Int
    /// Row in the box; 0 for visitors.
    var row: Int
  }

  private var result = Layout()
  private var boxes: [Box] = []
  private var items: [Item] = []
  private var entryItems: [Int] = []
  /// By component: its column.
  private var columns: [Int] = []
  private var columnCount = 0
  /// By edge: the items that it meets, from its source to its target.
  private var ways: [[Int]] = []
  private var sources: [End] = []
  private var targets: [End] = []
  /// By item and row: the arrows that have a slot of their own at the left side and at the right side.
  private var slots: [[(left: [Slot], right: [Slot])]] = []
  private var rowHeights: [[Int]] = []
  private var stacks: [[[Int]]] = []

  init(_ picture: GraphPicture) { self.picture = picture }

  mutating func layout() -> Layout {
    chooseColumns()
    makeItems()
    makeSlots()
    order()
    place()
    draw()
    return result
  }

  // MARK: - Columns

  /// Layers by the longest way from a component that nobody calls, calls back to where one came from left out.
  private mutating func chooseColumns() {
    let count = picture.components.count
    var callees = picture.components.map { Set($0.calls) }
    var roots: [Int] = []
    for edge in picture.edges {
      switch edge.from {
      case .entry: roots.append(edge.to.component)
      case .version(let ref): callees[ref.component].insert(edge.to.component)
      }
    }
    let called = callees.reduce(into: Set<Int>()) { $0.formUnion($1) }
    roots += picture.components.indices.filter { !called.contains($0) } + Array(0..<count)
    let sorted = callees.enumerated().map { c, all in all.filter { $0 != c }.sorted() }
    var state = [Int](repeating: 0, count: count)
    var forward = [[Int]](repeating: [], count: count)
    var finished: [Int] = []
    for root in roots where state[root] == 0 {
      var path: [(component: Int, next: Int)] = [(root, 0)]
      state[root] = 1
      while let top = path.last {
        guard top.next < sorted[top.component].count else {
          state[top.component] = 2
          finished.append(top.component)
          path.removeLast()
          continue
        }
        path[path.count - 1].next += 1
        let callee = sorted[top.component][top.next]
        if state[callee] == 1 { continue }
        forward[top.component].append(callee)
        if state[callee] == 0 {
          state[callee] = 1
          path.append((callee, 0))
        }
      }
    }
    let first = picture.entries.isEmpty ? 0 : 1
    columns = [Int](repeating: first, count: count)
    for caller in finished.reversed() {
      for callee in forward[caller] { columns[callee] = max(columns[callee], columns[caller] + 1) }
    }
    columnCount = max(first, (columns.max() ?? first - 1) + 1)
  }

  // MARK: - Items

  private var shared: Int { picture.releases.count }

  private mutating func makeItems() {
    for e in picture.entries.indices {
      entryItems.append(items.count)
      items.append(Item(kind: .entry(e), column: 0, band: shared, height: 0))
    }
    var boxOf: [GraphPicture.VersionRef: End] = [:]
    for (c, component) in picture.components.enumerated() {
      for release in picture.releases.indices.map(Optional.init) + [nil] {
        let versions = component.versions.indices.filter { component.versions[$0].release == release }
        if versions.isEmpty { continue }
        for (row, version) in versions.enumerated() {
          boxOf[GraphPicture.VersionRef(c, version)] = End(item: items.count, row: row)
        }
        boxes.append(Box(component: c, release: release, versions: versions, item: items.count))
        items.append(Item(kind: .box(boxes.count - 1), column: columns[c], band: release ?? shared, height: 0))
      }
    }
    for (e, edge) in picture.edges.enumerated() {
      let source: End
      switch edge.from {
      case .entry(let entry): source = End(item: entryItems[entry], row: 0)
      case .version(let ref): source = boxOf[ref] ?? End(item: 0, row: 0)
      }
      let target = boxOf[edge.to] ?? End(item: 0, row: 0)
      sources.append(source)
      targets.append(target)
      var way = [source.item]
      let (from, to) = (items[source.item].column, items[target.item].column)
      let between = from < to ? Array((from + 1)..<max(to, from + 1)) : Array((to + 1)..<max(from, to + 1)).reversed()
      for column in between {
        way.append(items.count)
        items.append(Item(kind: .pass(edge: e), column: column, band: items[target.item].band, height: Size.pass))
      }
      ways.append(way + [target.item])
    }
  }

  /// Leads to a column further right; else it comes back to the right side of its target.
  private func isForward(_ edge: Int) -> Bool {
    items[sources[edge].item].column < items[targets[edge].item].column
  }

  /// Within one column: it leaves and arrives at the right side.
  private func isLoop(_ edge: Int) -> Bool {
    items[sources[edge].item].column == items[targets[edge].item].column
  }

  private mutating func makeSlots() {
    slots = items.map { item in
      guard case .box(let b) = item.kind else { return [([], [])] }
      return boxes[b].versions.map { _ in ([], []) }
    }
    for e in picture.edges.indices {
      if isForward(e) {
        slots[targets[e].item][targets[e].row].left.append(.arrival(e))
      } else {
        slots[targets[e].item][targets[e].row].right.append(.arrival(e))
        if !isLoop(e) { slots[sources[e].item][sources[e].row].left.append(.departure(e)) }
      }
    }
    rowHeights = slots.map { rows in
      rows.map { row in max(Size.rowHeight, max(row.left.count, row.right.count + 1) * Size.slot + 10) }
    }
    for i in items.indices {
      switch items[i].kind {
      case .entry: items[i].height = Size.rowHeight + 4
      case .pass: break
      case .box:
        let rows = rowHeights[i]
        items[i].height =
          Size.boxHeader + Size.boxPadding + rows.reduce(0, +) + Size.rowGap * (rows.count - 1)
      }
    }
  }

  // MARK: - Order and height

  private mutating func order() {
    stacks = [[[Int]]](repeating: [[Int]](repeating: [], count: columnCount), count: shared + 1)
    for (i, item) in items.enumerated() {
      if case .entry = item.kind { continue }
      stacks[item.band][item.column].append(i)
    }
    var neighbours = [[Int]](repeating: [], count: items.count)
    for way in ways {
      for (a, b) in zip(way, way.dropFirst()) where a != b {
        neighbours[a].append(b)
        neighbours[b].append(a)
      }
    }
    stack()
    for sweep in 0..<6 {
      for column in sweep.isMultiple(of: 2) ? Array(0..<columnCount) : Array((0..<columnCount).reversed()) {
        for band in stacks.indices where stacks[band][column].count > 1 {
          let keys = Dictionary(
            uniqueKeysWithValues: stacks[band][column].map { i -> (Int, Int) in
              let all = neighbours[i].filter { items[$0].column != column }
              let mean = all.isEmpty ? items[i].middle : all.reduce(0) { $0 + items[$1].middle } / all.count
              return (i, mean)
            })
          let sorted = stacks[band][column].enumerated().sorted { a, b in
            (keys[a.element] ?? 0, a.offset) < (keys[b.element] ?? 0, b.offset)
          }
          stacks[band][column] = sorted.map(\.element)
        }
      }
      stack()
    }
  }

  /// Bands below each other, each as high as its highest column, the columns centred in it.
  private mutating func stack() {
    var y = Size.header + Size.margin
    result.bands = []
    for band in stacks.indices {
      let heights = stacks[band].map { column in
        column.reduce(0) { $0 + items[$1].height } + Size.gap * max(0, column.count - 1)
      }
      let height = heights.max() ?? 0
      let isRelease = band < shared
      if height == 0, !isRelease { continue }
      let top = y + (isRelease ? Size.bandHeader : 0)
      for (column, own) in stacks[band].enumerated() {
        var next = top + (height - heights[column]) / 2
        for i in own {
          items[i].y = next
          next += items[i].height + Size.gap
        }
      }
      let bottom = top + height + (isRelease ? Size.bandPadding : 0)
      if isRelease { result.bands.append(Layout.Rect(x: 0, y: y, width: 0, height: bottom - y)) }
      y = bottom + Size.gap
    }
    placeEntries()
    let lowest = items.map { $0.y + $0.height }.max() ?? 0
    result.height = max(y - Size.gap, lowest, Size.header + Size.margin) + Size.margin
  }

  /// Visitors stand level with what they reach, and not on each other.
  private mutating func placeEntries() {
    var reached = [[Int]](repeating: [], count: items.count)
    for (e, way) in ways.enumerated() {
      reached[way[0]].append(way.count > 2 ? items[way[1]].middle : rowMiddle(targets[e]))
    }
    let wanted = entryItems.map { i -> (item: Int, middle: Int) in
      let all = reached[i]
      return (i, all.isEmpty ? 0 : all.reduce(0, +) / all.count)
    }
    var next = Size.header + Size.margin
    for (i, middle) in wanted.enumerated().sorted(by: {
      ($0.element.middle, $0.offset) < ($1.element.middle, $1.offset)
    })
    .map(\.element) {
      items[i].y = max(next, middle - items[i].height / 2)
      next = items[i].y + items[i].height + Size.gap
    }
  }

  // MARK: - Places

  private var left: [Int] = []
  private var right: [Int] = []
  /// By gap, counted by the column at its left: the room for labels beside either column.
  private var leftLabels: [Int] = []
  private var rightLabels: [Int] = []

  private func label(_ edge: Int) -> String {
    Text.fitted(picture.edges[edge].label, size: Size.label, to: Size.longestLabel)
  }

  private func labelWidth(_ edge: Int) -> Int {
    let text = label(edge)
    return text.isEmpty ? 0 : Text.width(text, size: Size.label) + 6
  }

  private mutating func place() {
    leftLabels = [Int](repeating: 0, count: columnCount)
    rightLabels = [Int](repeating: 0, count: columnCount)
    for e in picture.edges.indices {
      let column = items[targets[e].item].column
      if isForward(e) {
        leftLabels[column] = max(leftLabels[column], labelWidth(e) + Size.arrow)
      } else {
        rightLabels[column] = max(rightLabels[column], labelWidth(e) + Size.arrow)
      }
    }
    let widths = (0..<columnCount).map(columnWidth)
    let loops = Set(picture.edges.indices.filter(isLoop).map { items[sources[$0].item].column })
    var x = Size.margin
    for column in 0..<columnCount {
      if column > 0 { x += Size.inset + leftLabels[column] } else if picture.entries.isEmpty { x += Size.bandPadding }
      left.append(x)
      x += widths[column]
      right.append(x)
      let isLast = column == columnCount - 1
      x += isLast ? Size.bandPadding + rightLabels[column] : Size.inset + rightLabels[column] + Size.bend
      // What comes back to the same column needs room to turn.
      if isLast, loops.contains(column) || rightLabels[column] > 0 { x += Size.bend }
    }
    result.width = max(x + Size.margin, 360)
    for band in result.bands.indices {
      let used = stacks[band].indices.filter { !stacks[band][$0].isEmpty }
      guard let first = used.first, let last = used.last else { continue }
      result.bands[band].x = left[first] - Size.bandPadding
      result.bands[band].width = right[last] + Size.bandPadding - result.bands[band].x
    }
  }

  private func columnWidth(_ column: Int) -> Int {
    var width = 96
    for item in items where item.column == column {
      switch item.kind {
      case .entry(let e):
        let entry = picture.entries[e]
        width = max(width, Text.width("visitors, " + entry.name, size: Size.text, isBold: true) + 36)
        width = max(width, min(Text.width(entry.detail, size: Size.small), 240) + 36)
      case .box(let b):
        let component = picture.components[boxes[b].component]
        width = max(width, Text.width(component.name, size: Size.text, isBold: true) + 24)
        for version in boxes[b].versions.map({ component.versions[$0] }) {
          width = max(width, Text.width(version.name, size: Size.text, isBold: true) + 40)
          width = max(width, min(Text.width(version.detail, size: Size.small), 260) + 40)
        }
        if let release = boxes[b].release {
          width = max(width, Text.width("release " + picture.releases[release].name, size: Size.small, isBold: true))
        }
      case .pass: break
      }
    }
    return width
  }

  // MARK: - Drawing

  private mutating func draw() {
    for i in entryItems {
      result.entries.append(Layout.Rect(x: left[0], y: items[i].y, width: right[0] - left[0], height: items[i].height))
    }
    var rows: [[Layout.Rect]] = [[Layout.Rect]](repeating: [], count: items.count)
    for (i, item) in items.enumerated() {
      let frame = Layout.Rect(
        x: left[item.column], y: item.y, width: right[item.column] - left[item.column], height: item.height)
      guard case .box(let b) = item.kind else {
        rows[i] = [frame]
        continue
      }
      var y = item.y + Size.boxHeader
      var drawn: [Layout.Row] = []
      for (row, version) in boxes[b].versions.enumerated() {
        let height = rowHeights[i][row]
        let rect = Layout.Rect(x: frame.x + 8, y: y, width: frame.width - 16, height: height)
        drawn.append(Layout.Row(version: version, frame: rect))
        rows[i].append(Layout.Rect(x: frame.x, y: y, width: frame.width, height: height))
        y += height + Size.rowGap
      }
      result.boxes.append(
        Layout.Box(component: boxes[b].component, release: boxes[b].release, frame: frame, rows: drawn))
    }
    let slotY = slotPlaces(rows)
    for e in picture.edges.indices { result.lines.append(line(e, slotY[e])) }
  }

  /// By edge: how high it leaves and arrives. In each row the arrow from the highest place comes first.
  private func slotPlaces(_ rows: [[Layout.Rect]]) -> [(departure: Int, arrival: Int)] {
    var places = picture.edges.indices.map { (departure: sendingHeight(sources[$0]), arrival: 0) }
    for i in items.indices {
      for (row, ends) in slots[i].enumerated() {
        for (list, first) in [(ends.left, 0), (ends.right, 1)] {
          let sorted = list.enumerated().sorted { a, b in
            (otherEnd(a.element), a.offset) < (otherEnd(b.element), b.offset)
          }
          let rect = rows[i][row]
          let used = (list.count + first) * Size.slot
          // The first slot at the right side is for what the version sends.
          var top = rect.y + (rect.height - used) / 2 + first * Size.slot - Size.lift
          for (_, slot) in sorted {
            switch slot {
            case .arrival(let e): places[e].arrival = top + Size.slot / 2 + Size.lift
            case .departure(let e): places[e].departure = top + Size.slot / 2 + Size.lift
            }
            top += Size.slot
          }
        }
      }
    }
    return places
  }

  /// How high the arrow is in the next column.
  private func otherEnd(_ slot: Slot) -> Int {
    switch slot {
    case .arrival(let e):
      let way = ways[e]
      return way.count > 2 ? items[way[way.count - 2]].middle : sendingHeight(sources[e])
    case .departure(let e): return items[ways[e][1]].middle
    }
  }

  /// Where arrows to the right begin: in the middle of the row, or above those that come back to it.
  private func sendingHeight(_ end: End) -> Int {
    guard case .box = items[end.item].kind else { return items[end.item].middle }
    return rowMiddle(end) - slots[end.item][end.row].right.count * Size.slot / 2
  }

  private func rowMiddle(_ end: End) -> Int {
    let item = items[end.item]
    guard case .box = item.kind else { return item.middle }
    var y = item.y + Size.boxHeader
    for row in 0..<end.row { y += rowHeights[end.item][row] + Size.rowGap }
    return y + rowHeights[end.item][end.row] / 2
  }

  private func line(_ edge: Int, _ place: (departure: Int, arrival: Int)) -> Layout.Line {
    let (source, target) = (sources[edge], targets[edge])
    let (start, arrival) = place
    let (from, to) = (items[source.item].column, items[target.item].column)
    let inner = { (item: Int) in if case .box = items[item].kind { 8 } else { 0 } }
    var points: [Layout.Point] = []
    let text = label(edge)
    let width = labelWidth(edge)
    var box: Layout.Rect?
    if isForward(edge) {
      points.append(Layout.Point(x: right[from] - inner(source.item), y: start))
      points.append(Layout.Point(x: right[from] + Size.inset + rightLabels[from], y: start))
      for pass in ways[edge].dropFirst().dropLast() {
        let column = items[pass].column
        points.append(Layout.Point(x: left[column] - Size.inset - leftLabels[column], y: items[pass].middle))
        points.append(Layout.Point(x: right[column] + Size.inset + rightLabels[column], y: items[pass].middle))
      }
      points.append(Layout.Point(x: left[to] - Size.inset - leftLabels[to], y: arrival))
      points.append(Layout.Point(x: left[to] + inner(target.item), y: arrival))
      if width > 0 {
        box = Layout.Rect(x: left[to] - Size.inset - width, y: arrival - 14, width: width, height: 12)
      }
    } else if isLoop(edge) {
      points.append(Layout.Point(x: right[from] - inner(source.item), y: start))
      points.append(Layout.Point(x: right[from] + Size.inset + rightLabels[from], y: start))
      points.append(Layout.Point(x: right[to] + Size.inset + rightLabels[to], y: arrival))
      points.append(Layout.Point(x: right[to] - inner(target.item), y: arrival))
    } else {
      points.append(Layout.Point(x: left[from] + inner(source.item), y: start))
      points.append(Layout.Point(x: left[from] - Size.inset - leftLabels[from], y: start))
      for pass in ways[edge].dropFirst().dropLast() {
        let column = items[pass].column
        points.append(Layout.Point(x: right[column] + Size.inset + rightLabels[column], y: items[pass].middle))
        points.append(Layout.Point(x: left[column] - Size.inset - leftLabels[column], y: items[pass].middle))
      }
      points.append(Layout.Point(x: right[to] + Size.inset + rightLabels[to], y: arrival))
      points.append(Layout.Point(x: right[to] - inner(target.item), y: arrival))
    }
    if !isForward(edge), width > 0 {
      box = Layout.Rect(x: right[to] + Size.inset, y: arrival - 14, width: width, height: 12)
    }
    return Layout.Line(points: points, label: text, labelBox: box)
  }
}
