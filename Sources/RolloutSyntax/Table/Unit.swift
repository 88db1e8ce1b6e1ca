/// A unit as it may be written behind an amount, and as the language writes it.
package struct Unit: Hashable, Sendable {
  package enum Kind: Hashable, Sendable { case time, size, percent }

  package let text: String
  package let kind: Kind

  package init?(_ word: String) {
    if let exact = Unit.exact[word] {
      (text, kind) = exact
    } else if let spelled = Unit.spelled[word.lowercased()] {
      (text, kind) = spelled
    } else {
      return nil
    }
  }

  /// `10minutes` as the language writes it, `10m`; nil where the unit is none of this kind.
  package static func short(_ amount: String, _ kind: Kind) -> String? {
    let number = amount.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard !number.isEmpty, let unit = Unit(String(amount.dropFirst(number.count))), unit.kind == kind else {
      return nil
    }
    return number + unit.text
  }

  /// `m` is minutes, and thousandths of a core.
  func fits(_ slot: Slot) -> Bool {
    switch slot {
    case .duration: kind == .time
    case .size: kind == .size
    case .cpu: text == "m"
    case .percent: kind == .percent
    case .number: kind == .percent || text == "ms" || text == "s"
    default: false
    }
  }

  private static let exact: [String: (String, Kind)] = {
    var units: [String: (String, Kind)] = ["%": ("%", .percent)]
    for unit in ["ms", "s", "m", "h", "d"] { units[unit] = (unit, .time) }
    for unit in ["k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] { units[unit] = (unit, .size) }
    return units
  }()

  private static let spelled: [String: (String, Kind)] = {
    var units: [String: (String, Kind)] = ["percent": ("%", .percent)]
    let times = [
      "ms": ["msec", "millisecond", "milliseconds"], "s": ["sec", "secs", "second", "seconds"],
      "m": ["min", "mins", "minute", "minutes"], "h": ["hr", "hrs", "hour", "hours"], "d": ["day", "days"],
    ]
    for (unit, words) in times { for word in words { units[word] = (unit, .time) } }
    for (unit, word) in [("Ki", "kilo"), ("Mi", "mega"), ("Gi", "giga"), ("Ti", "tera")] {
      let letter = word.prefix(1)
      for spelled in [letter + "i", letter + "b", letter + "ib", word + "byte", word + "bytes"] {
        units[String(spelled)] = (unit, .size)
      }
    }
    return units
  }()
}
