import ApplyEngine
import Glibc

extension IO {
  /// The name of whoever runs this, as the system has it.
  static var userName: String {
    if let entry = getpwuid(geteuid()), let name = entry.pointee.pw_name { return String(cString: name) }
    return environment("USER") ?? "uid \(geteuid())"
  }

  static var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "?" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Who runs, unlike any other run.
  static func identity(plan: String) -> RunIdentity {
    let digits = String(UInt32.random(in: .min ... .max), radix: 16)
    let id = String(repeating: "0", count: 8 - digits.count) + digits
    return RunIdentity(run: "\(plan)-\(id)", who: "\(userName)@\(hostName), pid \(processID)")
  }

  /// Now, as RFC 3339 with microseconds, in UTC.
  static func wallTime() -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var parts = tm()
    gmtime_r(&now.tv_sec, &parts)
    func padded(_ number: Int, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = [(Int(parts.tm_year) + 1900, 4), (Int(parts.tm_mon) + 1, 2), (Int(parts.tm_mday), 2)]
    let time = [Int(parts.tm_hour), Int(parts.tm_min), Int(parts.tm_sec)]
    return date.map { padded($0.0, $0.1) }.joined(separator: "-") + "T"
      + time.map { padded($0, 2) }.joined(separator: ":") + "." + padded(now.tv_nsec / 1000, 6) + "Z"
  }
}
