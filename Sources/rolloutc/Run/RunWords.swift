import ApplyEngine
import ClusterAPI
import KubernetesModel
import Lowering

/// How the parts of a run are called, in every view of it.
extension PhaseKind {
  /// `start workloads`
  var name: String { rawValue.replacing("-", with: " ") }
}

extension WriteNews {
  var words: String {
    switch self {
    case .created: "created"
    case .configured: "changed"
    case .unchanged: "unchanged"
    case .deleted: "deleted"
    case .terminating: "being deleted"
    case .failed(let message): message
    }
  }

  /// Whether a request changed something.
  var isChange: Bool {
    switch self {
    case .created, .configured, .deleted, .terminating: true
    case .unchanged, .failed: false
    }
  }
}

func words(of call: RepeatedCall) -> String {
  let after = call.wait > .zero ? ", again in \(shortText(call.wait))" : ", again with new credentials"
  return "\(call.call): \(call.error)\(after) (attempt \(call.attempt + 1))"
}

/// `Does 2.0 work? yes, by ann`
func words(of answer: Answer, to question: Question) -> String {
  let text = question.text.hasSuffix("?") ? question.text : question.text + ":"
  return "\(text) \(answer.isYes ? "yes" : "no")" + (answer.by.isEmpty ? "" : ", by \(answer.by)")
}

func words(of holder: LeaseRecord) -> String {
  var text = holder.who.isEmpty ? holder.holder : holder.who
  if !holder.step.isEmpty { text += ", in \(holder.step)" }
  if !holder.acquireTime.isEmpty { text += ", since \(holder.acquireTime)" }
  return text
}

/// Why a run may not write, or not any more.
func lockWords(_ result: RunResult) -> String {
  switch result.lock {
  case .held(let holder):
    "another run of the plan has the lock\(holder.isEmpty ? "" : ", by \(holder)"); nothing was changed"
  case .freed: "the lock was taken away by `rolloutc unlock`; nothing more was written"
  case .taken, nil: "another run of the plan took the lock; nothing more was written"
  }
}
