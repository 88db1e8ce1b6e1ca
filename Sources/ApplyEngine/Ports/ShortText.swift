/// `850 ms`, `12 s`, `3 min 5 s`.
package func shortText(_ duration: Duration) -> String {
  let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
  if milliseconds < 1000 { return "\(milliseconds) ms" }
  let seconds = milliseconds / 1000
  if seconds < 60 { return "\(seconds) s" }
  let (minutes, rest) = (seconds / 60, seconds % 60)
  if minutes < 60 { return rest == 0 ? "\(minutes) min" : "\(minutes) min \(rest) s" }
  let (hours, left) = (minutes / 60, minutes % 60)
  return left == 0 ? "\(hours) h" : "\(hours) h \(left) min"
}
