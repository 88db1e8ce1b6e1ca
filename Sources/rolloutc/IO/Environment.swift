// The list of variables is a C global without a lock; nothing of ours changes it once there are threads.
@preconcurrency import Glibc

extension IO {
  /// All variables of the environment.
  static var environment: [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if let equals = text.firstIndex(of: "=") {
        variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      next += 1
    }
    return variables
  }
}
