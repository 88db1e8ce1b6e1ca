package import ClusterAPI
package import KubernetesModel

/// What people on other machines ask of a run: answers to its questions, and to stop. One ConfigMap beside the inventory,
/// written by them and only read by the run, so that neither gets in the other's way.
package struct RunRequests: Hashable, Sendable {
  /// By `Question.key`, of the run whose id is in `run`.
  package var answers: [String: Answer] = [:]
  /// Whoever wants the run to stop; empty for nobody.
  package var abortBy = ""
  package var run = ""

  package init() {}

  package static func reference(plan: String, namespace: String) -> ObjectReference {
    ResourceType.configMaps.named(PlanNames.requests(plan), in: namespace)
  }

  /// Reads the ConfigMap; what is not understood is left out, for it is only data that a person may have typed.
  package init(_ object: Value) {
    let data = object["data"]
    run = data?["run"]?.string ?? ""
    abortBy = data?["abort"]?.string ?? ""
    for entry in data?.fields?.entries ?? [] where entry.key.hasPrefix("answer.") {
      guard let text = entry.value.string, let answer = try? parseJSON(Array(text.utf8)),
        let isYes = answer["yes"]?.bool
      else { continue }
      answers[String(entry.key.dropFirst("answer.".count))] = Answer(isYes: isYes, by: answer["by"]?.string ?? "")
    }
  }

  package func configMap(plan: String, namespace: String) -> Value {
    var data: Fields = ["run": .string(run)]
    if !abortBy.isEmpty { data["abort"] = .string(abortBy) }
    for (key, answer) in answers.sorted(by: { $0.key < $1.key }) {
      data["answer.\(key)"] = .string(jsonText(["yes": .bool(answer.isYes), "by": .string(answer.by)]))
    }
    return [
      "apiVersion": "v1", "kind": "ConfigMap",
      "metadata": [
        "name": .string(PlanNames.requests(plan)), "namespace": .string(namespace),
        "labels": [InventoryDocument.label: .string(plan)],
      ],
      "data": .object(data),
    ]
  }
}
