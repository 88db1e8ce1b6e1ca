/// Virtual time on a line. Where nothing happens for long, a piece is cut out, or a day of waiting would leave no room for
/// the seconds in which a release moves.
struct TimeAxis {
  struct Stretch {
    var begin: Double
    var end: Double
    /// Where it is drawn, in the seconds that are left of the axis.
    var place: Double
    var width: Double
    var isCut: Bool
  }

  struct Tick {
    /// From 0 to 1.
    var place: Double
    var label: String
    var isCut: Bool
  }

  private(set) var stretches: [Stretch] = []
  /// Seconds that are left of the axis.
  private(set) var length = 0.0

  /// - Parameter moments: when something happened.
  init(_ moments: [Duration], end: Duration) {
    let last = seconds(end)
    let times = Array(Set(moments.map(seconds).filter { $0 > 0 && $0 < last } + [0, last])).sorted()
    let gaps = zip(times, times.dropFirst()).map { (begin: $0, end: $1) }
    let busy = gaps.filter { $0.end - $0.begin <= Self.longest }.reduce(0) { $0 + $1.end - $1.begin }
    let short = min(Self.longest, max(4, busy * 0.07))
    for gap in gaps {
      let isCut = gap.end - gap.begin > Self.longest
      let width = isCut ? short : gap.end - gap.begin
      stretches.append(Stretch(begin: gap.begin, end: gap.end, place: length, width: width, isCut: isCut))
      length += width
    }
    if length <= 0 { length = 1 }
  }

  /// Longer than this without news, and the wait is cut.
  private static let longest = 45.0

  /// Where a moment is, from 0 to 1.
  func place(_ moment: Double) -> Double {
    guard let stretch = stretches.last(where: { $0.begin <= moment }) else { return 0 }
    let share = stretch.end > stretch.begin ? (moment - stretch.begin) / (stretch.end - stretch.begin) : 0
    return min(1, (stretch.place + min(1, share) * stretch.width) / length)
  }

  func place(_ moment: Duration) -> Double { place(seconds(moment)) }

  /// Which moment is at a place from 0 to 1.
  func moment(_ place: Double) -> Double {
    guard let stretch = stretches.last(where: { $0.place <= place * length }), stretch.width > 0 else { return 0 }
    return stretch.begin + min(1, (place * length - stretch.place) / stretch.width) * (stretch.end - stretch.begin)
  }

  var ticks: [Tick] {
    /// Which moment is at a place from 0 to 1.
    func moment(_ place: Double) -> Double {
      guard let stretch = stretches.last(where: { $0.place <= place * length }), stretch.width > 0 else { return 0 }
      return stretch.begin + min(1, (place * length - stretch.place) / stretch.width) * (stretch.end - stretch.begin)
    }

    var ticks: [Tick] = []
    for stretch in stretches where stretch.isCut {
      ticks.append(
        Tick(
          place: (stretch.place + stretch.width / 2) / length, label: "⋯ \(clock(stretch.end - stretch.begin))",
          isCut: true))
    }
    let unit = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].first { length / Double($0) <= 10 } ?? 7200
    var next = 0.0
    for stretch in stretches where !stretch.isCut {
      next = max(next, (stretch.begin / Double(unit)).rounded(.up) * Double(unit))
      while next <= stretch.end {
        let place = (stretch.place + next - stretch.begin) / length
        if ticks.allSatisfy({ abs($0.place - place) > 0.065 }) {
          ticks.append(Tick(place: place, label: clock(next), isCut: false))
        }
        next += Double(unit)
      }
    }
    return ticks.sorted { $0.place < $1.place }
  }
}

func seconds(_ duration: Duration) -> Double { duration / .seconds(1) }

/// `0:05`, `12:30`, `1:02:03`
func clock(_ time: Double) -> String {
  func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  let all = Int(time.rounded())
  let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60)
  return hours > 0 ? "\(hours):\(two(minutes)):\(two(seconds))" : "\(minutes):\(two(seconds))"
}
