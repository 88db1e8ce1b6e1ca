internal import ClusterAPI
internal import Diagnostics
internal import KubernetesModel

/// What a look before the first write finds. Nothing was changed, and nothing has to be undone.
extension Diagnostic {
  static func missingRight(
    _ need: AccessNeed, missing: [String], reasons: [String], at range: SourceRange
  ) -> Diagnostic {
    let resource = need.group.isEmpty ? need.resource : "\(need.resource).\(need.group)"
    let place = need.namespace.map { " in the namespace `\($0)`" } ?? ""
    let verbs = missing.map { "`\($0)`" }.joined(separator: ", ")
    return Diagnostic(
      need.weight == .required ? .missingRight : .missingHelp,
      "there is no right to \(verbs) \(resource)\(place)",
      at: Label(range, need.weight == .required ? "needs it" : "would use it"),
      notes: ["it is to \(need.purpose)"] + reasons.map { "the server: \($0)" },
      help: "`rolloutc rbac PLAN` prints the roles that the plan needs")
  }

  static func rightsUnknown(_ error: ClusterError, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .missingHelp, "the server does not say what we may do", at: Label(range, "for this plan"),
      notes: ["\(error)"], help: "a right that is missing shows only when it is used")
  }

  static func missingKind(
    _ kind: String, in version: GroupVersion, others: [String], at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .missingKind, "the server has no `\(kind)` in `\(version)`", at: Label(range, "writes one"),
      notes: others.isEmpty ? [] : ["of that group it has \(others.map { "`\($0)`" }.joined(separator: ", "))"],
      help: version.group.hasSuffix("istio.io")
        ? "install Istio, or its definitions (the chart `base`)" : "install its definition, or leave it out")
  }

  /// - Parameter isLabelled: it carries the labels of this very plan, as what `kubectl apply` makes of its folders does.
  static func foreignObject(_ id: ObjectID, owner: String?, isLabelled: Bool, at range: SourceRange) -> Diagnostic {
    if isLabelled {
      return Diagnostic(
        .notOurs, "`\(id)` has the labels of this plan, and no run of it made it", at: Label(range, "would write it"),
        notes: ["it is left as it is"],
        help:
          "`rolloutc apply PLAN --assume STEP --adopt \(id)` takes what stands for what stood after a step, and goes on from there"
      )
    }
    return Diagnostic(
      .notOurs, "`\(id)` exists, and this plan did not make it", at: Label(range, "would write it"),
      notes: (owner.map { [$0.hasPrefix("written") ? "it was \($0)" : "it belongs to \($0)"] } ?? []) + [
        "it is left as it is"
      ],
      help: wayAround(id))
  }

  static func headlessService(_ id: ObjectID, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .notOurs, "`\(id)` is headless, and cannot be taken over", at: Label(range, "would write it"),
      notes: [
        "it has no address and gets none any more: callers go to the pods that its name stands for, past every route"
      ],
      help:
        "let the component have another name for its Service (`service NAME`), or delete this one while nobody calls it"
    )
  }

  static func routeBeside(_ id: ObjectID, _ ours: ObjectID, host: String, at range: SourceRange) -> Diagnostic {
    let isBeside = id.namespace == ours.namespace
    let place = isBeside ? "" : " in the namespace `\(id.namespace)`"
    let note =
      switch ours.kind {
      case "VirtualService": "Istio asks the older one first, or it alone"
      case "Gateway": "Istio shows one of two certificates for a host"
      default: "Istio reads one of two rules for a host"
      }
    return Diagnostic(
      .routeBeside, "`\(id)`\(place), which is not the plan's, is for `\(host)`, too",
      at: Label(range, "writes `\(ours)`"), notes: [note],
      help: isBeside
        ? "take it away before, or have the plan write the one that is there: `service NAME` names it, `--adopt` takes it over"
        : "give one of both another host (`expose … hosts HOST`), or take it away before")
  }

  static func namespaceMissing(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .namespaceUnusable, "there is no namespace `\(name)`", at: Label(range, "the plan says that it exists"),
      help: "create it, or leave out `existing`")
  }

  static func namespaceEnding(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .namespaceUnusable, "the namespace `\(name)` is being deleted", at: Label(range, "the plan works in it"),
      notes: ["what is written into it goes away with it"], help: "wait until it is gone, and create it anew")
  }

  static func notInjected(_ name: String, isDisabled: Bool, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .notInjected,
      isDisabled
        ? "the namespace `\(name)` refuses Istio's proxies" : "nothing gives the pods of `\(name)` Istio's proxies",
      at: Label(range, "the plan works in it"),
      notes: ["without a proxy a caller follows no route: it reaches all versions"],
      help: "`kubectl label namespace \(name) istio-injection=enabled`, or `istio.io/rev=REVISION`")
  }

  static func unknownRevision(
    _ revision: String, known: [String], namespace: String, at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .notInjected, "the namespace `\(namespace)` wants proxies of the revision `\(revision)`, which is not installed",
      at: Label(range, "the plan works in it"),
      notes: known.isEmpty ? [] : ["installed: \(known.joined(separator: ", "))"],
      help: "give the label `istio.io/rev` the name of a revision or a tag that is installed")
  }

  /// - Parameter namespaceIsThere: else it cannot be made yet.
  static func secretMissing(
    _ name: String, in namespace: String, namespaceIsThere: Bool, at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .secretMissing, "there is no Secret `\(name)` in `\(namespace)`", at: Label(range, "declared here"),
      notes: ["pods that mount it would never start"]
        + (namespaceIsThere ? [] : ["the namespace is not there yet, either: the plan makes it in its first step"]),
      help: namespaceIsThere
        ? "create it; a plan never holds its values"
        : "create it once the namespace is there, before a pod mounts it; a plan never holds its values")
  }

  static func secretWithoutKeys(
    _ name: String, _ keys: [String], has: [String], at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .secretMissing, "the Secret `\(name)` has no \(keys.map { "`\($0)`" }.joined(separator: ", "))",
      at: Label(range, "declared here"), notes: ["it has \(has.map { "`\($0)`" }.joined(separator: ", "))"],
      help: "add it to the Secret, or correct the name")
  }

  static func quotaShort(
    _ quota: String, _ resource: String, needed: String, left: String, at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .quotaShort, "the plan needs \(needed) of \(resource), and the quota `\(quota)` leaves \(left)",
      at: Label(range, "at its largest"),
      notes: ["old and new versions stand side by side for a while, and each rolling update adds a pod"],
      help: "raise the quota, or lower `replicas` or `resources`")
  }

  /// - Parameter whose: `a container`, `a pod`, `a volume`.
  static func outsideLimits(
    _ id: ObjectID, _ resource: String, wants: String, _ bound: String, for whose: String, of limits: String,
    at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .outsideLimits, "`\(id)` wants \(wants) of \(resource) for \(whose), and the LimitRange `\(limits)` \(bound)",
      at: Label(range, "writes it"), notes: ["the server would refuse \(whose == "a volume" ? "it" : "its pods")"],
      help: "change what it asks for, or ask the owner of the namespace for another LimitRange")
  }

  static func gatewaySecretMissing(
    _ name: String, in namespaces: [String], _ gateway: ObjectID, at range: SourceRange
  ) -> Diagnostic {
    let places = namespaces.map { "`\($0)`" }.joined(separator: " or ")
    return Diagnostic(
      .secretMissing, "there is no Secret `\(name)` in \(places), where the gateway's pods run",
      at: Label(range, "`\(gateway)` shows its certificate"),
      notes: [
        "Istio reads it beside the gateway's pods, not beside the plan's; without it every visitor is hung up on"
      ],
      help: "create it there: `kubectl create secret tls \(name) -n \(namespaces[0]) --cert FILE --key FILE`")
  }

  static func webhookWithEffects(_ name: String, _ effects: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .webhookInTheWay, "the webhook `\(name)` has side effects, so that the server refuses trials",
      at: Label(range, "what it writes is sent there"), notes: ["its `sideEffects` are `\(effects)`"],
      help: "ask its owner for `sideEffects: None` or `NoneOnDryRun`")
  }

  static func webhookDown(_ name: String, service: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .webhookInTheWay, "nobody answers for the webhook `\(name)`", at: Label(range, "what it writes is sent there"),
      notes: ["the service `\(service)` has no endpoints, and the webhook's policy is to refuse then"],
      help: "bring its pods back, or ask its owner")
  }
}
