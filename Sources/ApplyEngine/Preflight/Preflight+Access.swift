internal import ClusterAPI
internal import Diagnostics
internal import RolloutPlan

extension Preflight {
  private struct Question: Sendable {
    var need: AccessNeed
    var verb: String
    var name: String
  }

  private enum Reply: Sendable {
    case yes
    case no(String)
    case unknown(ClusterError)
  }

  /// Asks the server about each verb of each need, also those of ways back. O(needs) requests, side by side.
  func accessFindings() async -> [Diagnostic] {
    var needs = itinerary.accessNeeds { _, kind in guessedPlural(kind) }
    if !plan.namespaceExists {
      do throws(ClusterError) { _ = try await cluster.get(ResourceType.namespaces.named(plan.namespace, in: "")) } catch
      {
        if error.isNotFound {
          needs.append(
            AccessNeed(
              "namespaces", verbs: ["create"], namespace: nil, purpose: "make its Namespace", origin: plan.nameRange))
        }
      }
    }
    let questions = needs.flatMap { need in
      need.verbs.flatMap { verb in
        (need.names.isEmpty ? [""] : need.names).map { Question(need: need, verb: verb, name: $0) }
      }
    }
    let replies = await concurrently(questions) { await reply(to: $0) }
    if let error = replies.lazy.compactMap({ if case .unknown(let error) = $0 { error } else { nil } }).first {
      return [.rightsUnknown(error, at: plan.nameRange)]
    }
    var found: [Diagnostic] = []
    for need in needs {
      var missing: [String] = []
      var reasons: [String] = []
      for (question, reply) in zip(questions, replies) where question.need == need {
        guard case .no(let reason) = reply else { continue }
        missing.append(question.name.isEmpty ? question.verb : "\(question.verb) \(question.name)")
        if !reason.isEmpty, !reasons.contains(reason) { reasons.append(reason) }
      }
      if !missing.isEmpty {
        found.append(.missingRight(need, missing: missing, reasons: reasons, at: need.origin ?? plan.nameRange))
      }
    }
    return found
  }

  private func reply(to question: Question) async -> Reply {
    let parts = question.need.resource.split(separator: "/", maxSplits: 1)
    let type = ResourceType(
      groupVersion: GroupVersion(group: question.need.group, version: "v1"), kind: "",
      plural: String(parts[0]), isNamespaced: question.need.namespace != nil)
    do throws(ClusterError) {
      let answer = try await cluster.isAllowed(
        question.verb, on: type, namespace: question.need.namespace ?? "", name: question.name,
        subresource: parts.count > 1 ? String(parts[1]) : "")
      return answer.isAllowed ? .yes : .no(answer.reason)
    } catch {
      return .unknown(error)
    }
  }
}
