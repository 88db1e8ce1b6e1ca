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

extension Course {
  /// Where it leads, in a few words.
  func words(_ names: [String]) -> String {
    switch self {
    case .forward(let steps):
      return steps >= names.count ? "all \(counted(names.count, "step"))" : "up to \(stepWords(steps - 1, names))"
    case .rollback(_, let steps):
      return steps == 0 ? "back to the start" : "back to what stood after \(stepWords(steps - 1, names))"
    case .block: return "the `on failure` block"
    }
  }
}

/// `step 2, Canary`
func stepWords(_ index: Int, _ names: [String]) -> String {
  names.indices.contains(index) ? "step \(index + 1), \(names[index])" : "step \(index + 1)"
}

func words(of call: RepeatedCall) -> String {
  let after = call.wait > .zero ? ", again in \(shortTime(call.wait))" : ", again with new credentials"
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

/// `0.4 s`, `12 s`, `3 min 5 s`: for people who watch.
func shortTime(_ time: Duration) -> String {
  let milliseconds = max(0, Int(time / .milliseconds(1)))
  if milliseconds < 950 { return "0.\((milliseconds + 50) / 100) s" }
  let seconds = (milliseconds + 500) / 1000
  if seconds < 60 { return "\(seconds) s" }
  let minutes = seconds / 60
  if minutes < 60 { return seconds % 60 == 0 ? "\(minutes) min" : "\(minutes) min \(seconds % 60) s" }
  return minutes % 60 == 0 ? "\(minutes / 60) h" : "\(minutes / 60) h \(minutes % 60) min"
}
