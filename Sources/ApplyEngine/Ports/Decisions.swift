/// A question that stops a run until somebody answers.
package struct Question: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable { case approve, pause }

  package var kind: Kind
  /// What the plan says, or the plan's statement where it says nothing.
  package var text: String
  /// The step that asks, counted from 0, and which of its questions this is: what an answer refers to.
  package var step: Int
  package var number: Int
  /// Who may answer; anybody where it is empty.
  package var by: [String]

  package init(kind: Kind, text: String, step: Int, number: Int, by: [String] = []) {
    self.kind = kind
    self.text = text
    self.step = step
    self.number = number
    self.by = by
  }

  /// `3.1`: unambiguous within a run.
  package var key: String { "\(step + 1).\(number + 1)" }
}

extension Question {
  package func mayBeAnswered(by name: String) -> Bool { by.isEmpty || by.contains(name) }
}

package struct Answer: Hashable, Sendable {
  package var isYes: Bool
  package var by: String

  package init(isYes: Bool, by: String) {
    self.isYes = isYes
    self.by = by
  }
}

/// Somebody beside the run who may answer at once: a person at the terminal, a stub of a rehearsal. Answers from other
/// machines come through the cluster, whoever is here.
package protocol Decider: Sendable {
  /// Whether the plan lets whoever is here answer.
  func mayAnswer(_ question: Question) -> Bool
  /// Nil where nobody here can answer; then only the cluster is listened to.
  func answer(to question: Question) async -> Answer?
}

extension Decider {
  package func mayAnswer(_ question: Question) -> Bool { true }
}
