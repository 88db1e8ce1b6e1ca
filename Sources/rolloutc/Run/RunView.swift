import ApplyEngine

/// A way to show a run. A view knows nothing but the events.
protocol RunView: Sendable {
  /// What `event` adds to the output, for good.
  mutating func take(_ event: RunEvent, at moment: Moment) -> String
  /// Whether the end of a run that never began is for standard error, as every diagnostic for people; a stream for machines
  /// has it as any other end.
  var partsRefusals: Bool { get }
  /// What the tool itself has to say.
  mutating func say(_ text: String, at moment: Moment) -> String
  /// The process ends in the middle of the run: what the output ends with.
  mutating func abandoned(_ message: String, at moment: Moment) -> String
  /// What is shown below it until the next event, in as few lines as there is room for; nothing where there is no terminal.
  func frame(rows: Int, at elapsed: Duration) -> [StyledLine]
  /// Where nothing was printed for 30 seconds: a sign of life, for pipelines that take silence for death.
  mutating func heartbeat(at moment: Moment) -> String
}

extension RunView {
  var partsRefusals: Bool { true }
  mutating func say(_ text: String, at moment: Moment) -> String { text + "\n" }
  mutating func abandoned(_ message: String, at moment: Moment) -> String { "" }
  func frame(rows: Int, at elapsed: Duration) -> [StyledLine] { [] }
  mutating func heartbeat(at moment: Moment) -> String { "" }
}
