/// Seconds since 1970 of a time as RFC 3339 writes it: `2026-03-01T12:00:00Z`, with any fraction and offset. Nil where it
/// is none.
package func secondsSince1970(_ text: String) -> Int? {
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
  func has(_ character: Character, at index: Int) -> Bool {
    index < bytes.count && bytes[index] == character.asciiValue
  }
  guard let year = number(0..<4), has("-", at: 4), let month = number(5..<7), has("-", at: 7),
    let day = number(8..<10), has("T", at: 10) || has("t", at: 10) || has(" ", at: 10),
    let hour = number(11..<13), has(":", at: 13), let minute = number(14..<16), has(":", at: 16),
    let second = number(17..<19), (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60
  else { return nil }
  var i = 19
  if has(".", at: i) {
    i += 1
    let start = i
    while i < bytes.count, (0x30...0x39).contains(bytes[i]) { i += 1 }
    guard i > start else { return nil }
  }
  var offset = 0
  if has("Z", at: i) || has("z", at: i) {
    i += 1
  } else {
    guard has("+", at: i) || has("-", at: i), let hours = number(i + 1..<i + 3), has(":", at: i + 3),
      let minutes = number(i + 4..<i + 6), hours < 24, minutes < 60
    else { return nil }
    offset = (hours * 3600 + minutes * 60) * (has("-", at: i) ? -1 : 1)
    i += 6
  }
  guard i == bytes.count else { return nil }
  // Days from the civil date, with years that begin in March (Hinnant, "chrono-compatible low-level date algorithms").
  let y = month <= 2 ? year - 1 : year
  let era = (y >= 0 ? y : y - 399) / 400
  let yearOfEra = y - era * 400
  let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
  let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
  let days = era * 146_097 + dayOfEra - 719_468
  return days * 86_400 + hour * 3600 + minute * 60 + second - offset
}
