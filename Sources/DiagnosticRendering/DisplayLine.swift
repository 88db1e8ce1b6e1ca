/// One source line as a terminal shows it: every cell knows its bytes, its text and its column.
///
/// A tab fills up to the next multiple of four. Controls are shown by their pictures (`␛`), bytes that are no UTF-8 by
/// U+FFFD, so that every cell has the width it claims and no byte of the source reaches the terminal unseen.
struct DisplayLine {
  struct Cell {
    var start: Int
    var text: String
    var column: Int
    var width: Int
  }

  private(set) var cells: [Cell] = []
  private(set) var width = 0
  private let range: Range<Int>

  /// - Parameter hidden: bytes of which nothing but their number is shown.
  init(_ bytes: [UInt8], _ range: Range<Int>, hidden: Range<Int>? = nil) {
    self.range = range
    var i = range.lowerBound
    while i < range.upperBound {
      let (scalar, length) = Self.decode(bytes, i, range.upperBound)
      append(hidden?.contains(i) ?? false ? "*" : scalar, at: i)
      i += length
    }
  }

  private mutating func append(_ scalar: Unicode.Scalar?, at offset: Int) {
    var text: String
    var cellWidth = 1
    switch scalar?.value {
    case nil: text = "\u{FFFD}"
    case 0x09?:
      cellWidth = 4 - self.width % 4
      text = String(repeating: " ", count: cellWidth)
    case let value? where value < 0x20: text = Unicode.Scalar(0x2400 + value).map(String.init) ?? "\u{FFFD}"
    case 0x7F?: text = "\u{2421}"
    case let value?:
      guard let scalar = Unicode.Scalar(value), !isUnsafe(scalar) else {
        text = "\u{FFFD}"
        break
      }
      text = String(scalar)
      cellWidth = displayWidth(scalar)
      if cellWidth == 0, !cells.isEmpty {
        cells[cells.count - 1].text.unicodeScalars.append(scalar)
        return
      }
    }
    cells.append(Cell(start: offset, text: text, column: self.width, width: cellWidth))
    self.width += cellWidth
  }

  /// The scalar at `i` and its length; nil and 1 for a byte that begins none.
  private static func decode(_ bytes: [UInt8], _ i: Int, _ end: Int) -> (Unicode.Scalar?, Int) {
    let lead = bytes[i]
    if lead < 0x80 { return (Unicode.Scalar(lead), 1) }
    let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1
    guard length > 1, i + length <= end, let text = String(validating: bytes[i..<(i + length)], as: UTF8.self),
      let scalar = text.unicodeScalars.first, text.unicodeScalars.count == 1
    else { return (nil, 1) }
    return (scalar, length)
  }

  /// The column at which byte `offset` is shown; the line's width at and after its end.
  func column(of offset: Int) -> Int {
    guard offset < range.upperBound else { return width }
    var low = 0
    var high = cells.count
    while low < high {
      let middle = (low + high) / 2
      if cells[middle].start <= offset { low = middle + 1 } else { high = middle }
    }
    return low == 0 ? 0 : cells[low - 1].column
  }

  /// The columns of a byte range: at least one column wide, so that an empty range is a caret.
  func columns(_ part: Range<Int>) -> Range<Int> {
    let start = column(of: part.lowerBound)
    var end = start
    if part.upperBound > part.lowerBound {
      end = column(of: part.upperBound)
      // A range may end inside of a character.
      if end == start, let cell = cells.first(where: { $0.column == start && $0.width > 0 }) {
        end = start + cell.width
      }
    }
    return start..<max(end, start + 1)
  }

  /// The text of the columns `window`, with `…` where something was cut off.
  func text(_ window: Range<Int>) -> String {
    var output = ""
    var column = window.lowerBound
    if window.lowerBound > 0 {
      output += "…"
      column += 1
    }
    let cutsEnd = width > window.upperBound
    let end = cutsEnd ? window.upperBound - 1 : window.upperBound
    for cell in cells where cell.column >= column && cell.column + cell.width <= end {
      // A wide character may be cut in two by the window.
      if cell.column > column { output += String(repeating: " ", count: cell.column - column) }
      output += cell.text
      column = cell.column + cell.width
    }
    if cutsEnd {
      if end > column { output += String(repeating: " ", count: end - column) }
      output += "…"
    }
    return output
  }
}
