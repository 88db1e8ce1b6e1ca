/// A moment in the sandbox's time: milliseconds since 1970-01-01T00:00:00Z. The sandbox never reads a clock; whoever
/// embeds it says what time it is, so that a rehearsal of an hour takes no hour.
package struct Timestamp: Hashable, Sendable, Comparable {
  package var milliseconds: Int

  package init(milliseconds: Int) { self.milliseconds = milliseconds }

  /// 2026-01-01T00:00:00Z: where virtual time begins unless told otherwise.
  package static let start = Timestamp(milliseconds: 1_767_225_600_000)

  package static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }

  package func advanced(by milliseconds: Int) -> Timestamp {
    let (sum, overflow) = self.milliseconds.addingReportingOverflow(milliseconds)
    return Timestamp(milliseconds: overflow ? .max : sum)
  }

  /// `2026-01-01T00:00:00Z`, the form of `metav1.Time`.
  package var rfc3339: String { parts.date + "T" + parts.time + "Z" }

  /// `2026-01-01T00:00:00.123000Z`, the form of `metav1.MicroTime`.
  package var rfc3339Micro: String {
    let millis = ((milliseconds % 1000) + 1000) % 1000
    return parts.date + "T" + parts.time + "." + padded(millis, 3) + "000Z"
  }

  private var parts: (date: String, time: String) {
    var seconds = milliseconds / 1000
    if milliseconds % 1000 < 0 { seconds -= 1 }
    var days = seconds / 86400
    var rest = seconds % 86400
    if rest < 0 {
      rest += 86400
      days -= 1
    }
    // Civil from days (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
    let z = days + 719_468
    let era = (z >= 0 ? z : z - 146_096) / 146_097
    let doe = z - era * 146_097
    let yoe = (doe - doe / 1460 + doe / 36524 - doe / 146_096) / 365
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100)
    let mp = (5 * doy + 2) / 153
    let day = doy - (153 * mp + 2) / 5 + 1
    let month = mp < 10 ? mp + 3 : mp - 9
    let year = yoe + era * 400 + (month <= 2 ? 1 : 0)
    return (
      padded(year, 4) + "-" + padded(month, 2) + "-" + padded(day, 2),
      padded(rest / 3600, 2) + ":" + padded(rest / 60 % 60, 2) + ":" + padded(rest % 60, 2)
    )
  }

  /// Reads `2026-01-01T00:00:00Z`, with or without a fraction; nil for anything else.
  package init?(rfc3339 text: String) {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int? {
      guard range.upperBound <= bytes.count else { return nil }
      var value = 0
      for byte in bytes[range] {
        guard (0x30...0x39).contains(byte) else { return nil }
        value = value * 10 + Int(byte - 0x30)
      }
      return value
    }
    guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z"), let year = number(0..<4), let month = number(5..<7),
      let day = number(8..<10), let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19)
    else { return nil }
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yoe = y - era * 400
    let doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy
    let days = era * 146_097 + doe - 719_468
    self.init(milliseconds: (days * 86400 + hour * 3600 + minute * 60 + second) * 1000)
  }

  /// How `kubectl get` writes an age: `5s`, `3m12s`, `2h5m`, `4d`.
  package func age(at now: Timestamp) -> String {
    let seconds = max(0, (now.milliseconds - milliseconds) / 1000)
    if seconds < 120 { return "\(seconds)s" }
    let minutes = seconds / 60
    if minutes < 10 { return seconds % 60 == 0 ? "\(minutes)m" : "\(minutes)m\(seconds % 60)s" }
    if minutes < 180 { return "\(minutes)m" }
    let hours = minutes / 60
    if hours < 8 { return minutes % 60 == 0 ? "\(hours)h" : "\(hours)h\(minutes % 60)m" }
    if hours < 48 { return "\(hours)h" }
    let days = hours / 24
    if hours < 192 { return hours % 24 == 0 ? "\(days)d" : "\(days)d\(hours % 24)h" }
    return "\(days)d"
  }
}

private func padded(_ value: Int, _ width: Int) -> String {
  let digits = String(value)
  return digits.utf8.count >= width ? digits : String(repeating: "0", count: width - digits.utf8.count) + digits
}
