/// What the containers of one pod have printed, of each run the newest lines.
package struct PodLogs: Sendable {
  private struct Run: Sendable {
    var lines: [String] = []

    mutating func append(_ line: String) {
      lines.append(line)
      // Dropping half at a time makes a line cost the same on average, however long the log has grown.
      if lines.count > PodLogs.limit { lines.removeFirst(PodLogs.limit / 2) }
    }
  }

  private static let limit = 2_000
  private var current: [String: Run] = [:]
  private var ended: [String: Run] = [:]

  package mutating func append(_ line: String, container: String) { current[container, default: Run()].append(line) }

  /// The container ended: what it printed is what `--previous` shows.
  mutating func end(container: String) { ended[container] = current.removeValue(forKey: container) ?? Run() }

  /// Nil where no run of the container has ended yet.
  func previous(container: String) -> [String]? { ended[container]?.lines }

  func lines(container: String) -> [String] { current[container]?.lines ?? [] }
}
