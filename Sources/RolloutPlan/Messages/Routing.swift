import Diagnostics

/// R04: routing and the order of steps.
extension Diagnostic {
  static func routeToUndeployed(
    _ component: String, _ version: String, sleeps: Bool, wasThere: Bool, at range: SourceRange, declared: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .routeToUndeployed,
      sleeps
        ? "`\(component)` \(version) has no replicas at this point"
        : "`\(component)` \(version) is not deployed at this point",
      at: Label(range, "nothing runs there \(wasThere ? "any more" : "yet")"),
      secondary: [Label(declared, "version \(version)")],
      notes: ["visitors who are routed there would get a 503 (Envoy: UH)"],
      help: sleeps
        ? "give it replicas: `deploy \(component) \(version) replicas 1`, or in the component"
        : "write `deploy \(component) \(version)` before this line")
  }

  static func retireLive(
    _ name: String, live: [(component: String, version: String, reason: String)], help: String, at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .retireLive, "\(name) still gets traffic and cannot be retired", at: Label(range, "still in use"),
      notes: live.map { "`\($0.component)` \($0.version): \($0.reason)" }, help: help)
  }

  /// A step goes back to where exposed components were not there yet.
  static func rollbackTakesLive(
    _ step: String, live: [(component: String, reason: String)], at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .retireLive, "going back to \"\(step)\" takes away what visitors reach",
      at: Label(range, "nobody would answer them"),
      notes: live.map { "`\($0.component)` was not there yet: \($0.reason)" },
      help:
        "name a step after which it stood; in an `on failure` block that is how a step is undone, and `rollback to start` takes all away"
    )
  }

  static func sleepsUnderTraffic(_ component: String, _ version: String, reason: String, at range: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      .retireLive, "`\(component)` \(version) still gets traffic and would have no replicas",
      at: Label(range, "after this, nothing answers"),
      notes: ["`\(component)` \(version): \(reason)", "those requests would end in a 503 (Envoy: UH)"],
      help: "give it replicas, or route everybody elsewhere first")
  }

  /// - Parameter versions: each with its component.
  static func neverRouted(_ versions: [String], at range: SourceRange, note: String?, help: String) -> Diagnostic {
    var names = Array(versions.prefix(3))
    if versions.count > 3 { names[2] = "\(versions.count - 2) more" }
    let all = names.count > 1 ? names.dropLast().joined(separator: ", ") + " and " + names[names.count - 1] : names[0]
    return Diagnostic(
      .neverRouted, "\(all) \(names.count > 1 ? "are" : "is") deployed, and no step ever sends anybody there",
      at: Label(range, names.count > 1 ? "stay dark" : "stays dark"), notes: note.map { [$0] } ?? [], help: help)
  }

  static func unreachableVerify(_ message: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unreachableVerify, message, at: Label(range, "cannot see what it is meant to see"),
      help: "move it behind the `deploy` or `route` that it is about")
  }

  static func shadowedRoute(_ route: String, by other: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .shadowedRoute, "nothing ever reaches this rule: `\(other)` takes all requests of `\(route)`",
      at: Label(range, "never matches"),
      notes: ["rules keep the order in which they were first set; the first match wins"],
      help: "set the narrower rule first, or take the other away with `unroute`")
  }

  static func overlappingRoutes(_ route: String, _ other: String, winner: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .overlappingRoutes, "a request can match both `\(other)` and `\(route)`, which lead to different versions",
      at: Label(range, "the earlier rule wins, and leads to \(winner)"),
      help: "make sure that this order is meant: `\(Code.overlappingRoutes.allowance)`")
  }

  static func shareDoesNotRise(_ percent: Int, from old: Int, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .shareDoesNotRise, "the share does not rise: it is \(old)% and becomes \(percent)%",
      at: Label(range, "not above \(old)%"),
      help: "write a higher share, or 0% to end it")
  }

  static func callerWithoutCallee(
    _ caller: String, callee: String, release: String, at range: SourceRange, calls: SourceRange?
  ) -> Diagnostic {
    Diagnostic(
      .callerWithoutCallee, "release `\(release)` has `\(caller)`, which calls `\(callee)`, and has no `\(callee)`",
      at: Label(range, "calls what is not in the release"),
      secondary: calls.map { [Label($0, "the call is declared here")] } ?? [],
      help: "add a line `\(callee) VERSION` to the release")
  }

  /// - Parameter callers: it calls itself, or these and it call each other, and nobody else asks any of them.
  static func nobodyCalls(_ component: String, callers: [String], at range: SourceRange) -> Diagnostic {
    let others = callers.filter { $0 != component }.map { "`\($0)`" }
    let note =
      if callers.isEmpty {
        "it is not exposed, and no component has `calls \(component)`"
      } else if others.isEmpty {
        "it is not exposed, and no other component has `calls \(component)`"
      } else {
        "it is not exposed, and is called by \(others.joined(separator: ", ")) alone, whom nobody outside of their ring asks either"
      }
    return Diagnostic(
      .nobodyCalls,
      callers.isEmpty
        ? "nobody in this plan calls `\(component)`: what requests to it meet is not proved"
        : "nobody else in this plan calls `\(component)`: what requests from outside \(others.isEmpty ? "" : "of its ring ")meet is not proved",
      at: Label(range, "its next version"), notes: [note],
      help:
        "add `calls \(component)` to the components that call it; requests from outside of the plan are not looked at")
  }

  /// - Parameters:
  ///   - more: further lines that ask for such an address.
  ///   - list: the line that lacks them; nil where there is none.
  ///   - line: what is written in its place then.
  static func callUnsaid(
    _ caller: String, _ callees: [String], at range: SourceRange, more: [SourceRange], list: SourceRange?, line: String,
    edit: Edit
  ) -> Diagnostic {
    let names = callees.map { "`\($0)`" }
    let all = names.count > 1 ? names.dropLast().joined(separator: ", ") + " and " + names[names.count - 1] : names[0]
    let help = list == nil ? "write `\(line)`" : "add \(all) to `calls`"
    return Diagnostic(
      .callUnsaid,
      "`\(caller)` is told where \(all) \(names.count > 1 ? "are" : "is"), and `calls` does not say that it calls \(names.count > 1 ? "them" : "it")",
      at: Label(range, "an address"),
      secondary: more.map { Label($0, "and here") }
        + (list.map { [Label($0, names.count > 1 ? "lacks them" : "lacks it")] } ?? []),
      notes: ["calls that are not said are not proved, and order nothing"], help: help,
      fixIts: [FixIt(help, [edit])])
  }

  /// - Parameter isTarget: the container listens there.
  static func portUnserved(
    _ port: Int, of component: String, ports: [Int], isTarget: Bool, at range: SourceRange, edit: Edit?
  ) -> Diagnostic {
    let list = ports.map(String.init).joined(separator: ", ")
    let known = "its Service has \(ports.count == 1 ? "port" : "the ports") \(list)"
    return Diagnostic(
      .portUnserved, "the Service of `\(component)` has no port \(port)", at: Label(range, "nobody answers there"),
      notes: isTarget ? ["its container listens on \(port), and callers dial the Service"] : [],
      help: edit.map { "\(known): write `\($0.replacement)`" } ?? known,
      fixIts: edit.map { [FixIt("write `\($0.replacement)`", [$0])] } ?? [])
  }

  static func cookieNotDeclared(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .cookieNotDeclared, "the cookie `\(name)` is not declared: any value of it counts",
      at: Label(range, "not declared"),
      help: "declare it: `cookie \(name) is \(name)`, and `= VALUE` behind it where only one value counts")
  }

  static func innerVisitorRoute(
    _ component: String, isCookie: Bool, isCalled: Bool, takesConnections: Bool, at range: SourceRange
  ) -> Diagnostic {
    let field = isCookie ? "cookie" : "header"
    return Diagnostic(
      .innerVisitorRoute,
      isCalled
        ? "`\(component)` is called from inside: it sees the \(field) only if its callers pass it on"
        : "nobody in this plan calls `\(component)`: no \(field) of a visitor gets there",
      at: Label(range, takesConnections ? "exposed for connections, which carry none" : "not exposed"),
      notes: ["a mesh does not forward headers; applications forward only what they are written to"],
      help: isCalled
        ? "put the versions that belong together into a release, and route at the entry"
        : "add `calls \(component)` to the components that call it, put the versions that belong together into a release, and route at the entry"
    )
  }

  static func sharesOver100(_ component: String, sum: Int, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .sharesOver100, "the shares of `\(component)` add up to \(sum)%", at: Label(range, "more than 100%"),
      help: "lower another share first, as `route \(component) 0% -> VERSION`")
  }

  static func rollbackPastDestroyed(
    _ claims: [String], at range: SourceRange, destroyed: SourceRange, step: String? = nil
  ) -> Diagnostic {
    let names = claims.map { "`\($0)`" }.joined(separator: ", ")
    return Diagnostic(
      .rollbackPastDestroyed,
      step.map { "the step `\($0)` cannot be rolled back once it has destroyed \(names)" }
        ?? "this cannot be rolled back: the data of \(names) is gone by then",
      at: Label(range, "goes back past it"), secondary: [Label(destroyed, "destroyed here")],
      help: "move `retire … with volumes` into a step of its own, after everything that may fail")
  }

  static func nothingToRetire(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .nothingToRetire, "nothing of \(name) is deployed at this point", at: Label(range, "nothing to retire"),
      help: "what belongs to another release as well stays; leave the line out, or check the order of the steps")
  }

  /// - Parameter line: what a release could say of it.
  static func versionInNoRelease(_ component: String, _ version: String, line: String, at range: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      .versionInNoRelease, "`\(component)` stands in releases, and its version \(version) in none",
      at: Label(range, "in no release"),
      help: "list it in a release, as `\(line)`, or remove it")
  }

  static func sharedCallerConflict(
    _ caller: String, _ version: String, callee: String, releases: (String, String), isShared: Bool,
    at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .sharedCallerConflict,
      isShared
        ? "`\(caller)` is shared by all releases, and calls `\(callee)`, which differs between `\(releases.0)` and `\(releases.1)`"
        : "`\(caller)` \(version) is in `\(releases.0)` and `\(releases.1)`, and calls `\(callee)`, which differs between them",
      at: Label(range, "which version should it reach?"),
      notes: ["a pod's labels decide where its calls go, and these pods have one set of labels"],
      help: "give each release a version of `\(caller)` of its own, or the same version of `\(callee)`")
  }

  /// - Parameter isMember: whether the release has a version of what is called.
  static func incompleteRelease(
    caller: String, version: String, callee: String, release: String?, isMember: Bool, at range: SourceRange,
    calls: SourceRange?
  ) -> Diagnostic {
    let place = release.map { " in release `\($0)`" } ?? ""
    return Diagnostic(
      .incompleteRelease,
      "`\(caller)` \(version) gets traffic and calls `\(callee)`, of which nothing is deployed\(place)",
      at: Label(range, "after this, requests fail"),
      secondary: calls.map { [Label($0, "the call is declared here")] } ?? [],
      notes: ["its calls would end in a 503 (Envoy: UH)"],
      help: release.map { release in
        isMember
          ? "write `deploy release \(release)` before this line"
          : "give the release a version of it: `\(callee) VERSION` in `release \(release)`"
      } ?? "deploy `\(callee)` before this line")
  }

  /// - Parameter line: it led everybody to one version, and the rule went with that.
  static func nothingToUnroute(
    _ component: String, _ selector: String, cleared line: SourceRange?, at range: SourceRange
  )
    -> Diagnostic
  {
    Diagnostic(
      .nothingToUnroute, "`\(component)` has no rule for `\(selector)` at this point",
      at: Label(range, "nothing to take away"),
      secondary: line.map { [Label($0, "leads everybody to one version, and took the rule away")] } ?? [],
      help: line == nil ? "remove the line, or name a rule that an earlier line has set" : "remove the line")
  }

  static func notExposed(_ component: String, at range: SourceRange, declared: SourceRange) -> Diagnostic {
    Diagnostic(
      .notExposed, "`\(component)` is not exposed: no request from outside reaches it", at: Label(range, "not exposed"),
      secondary: [Label(declared, "`\(component)` is declared here")],
      help: "expose it, as `expose \(component) on port 80`, or ask an exposed component")
  }

  static func nothingExposed(at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .notExposed, "nothing is exposed: a probe has no way in", at: Label(range, "asks through the gateway"),
      help: "expose a component, as `expose web on port 80`")
  }

  /// - Parameter isShare: only some requests are led to `version`: those that come by this port stay where they are.
  static func portLost(
    _ component: String, _ version: String, port: Int, isGone: Bool, isShare: Bool = false, serving: String,
    caller: String, at range: SourceRange, declared: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      isGone ? .portGone : .portLost, "`\(component)` \(version) has not the port \(port), by which \(serving) serves",
      at: Label(
        range,
        isShare
          ? "calls of `\(caller)` to that port all stay with \(serving)"
          : "calls of `\(caller)` to that port find nobody there"),
      secondary: [Label(declared, "its port \(port)")],
      help:
        "give \(version) that port, too, with `target` where its container listens on another, or let the callers change in one release with it"
    )
  }

  /// - Parameter speaks: what `version` speaks where visitors come in; nil: nothing that they could.
  /// - Parameters:
  ///   - serving: who understood the visitors before; nil: nobody.
  ///   - isForAll: whether nobody is left who does.
  ///   - other: a port of the version that would do, and that they are not led to.
  static func entryPortGone(
    _ component: String, _ version: String, port: Int, speaks: PortProtocol?, needs: PortProtocol, serving: String?,
    isForAll: Bool, other: Int?, at range: SourceRange, exposed: SourceRange
  ) -> Diagnostic {
    let visitors = serving.map { "visitors of \($0)" } ?? "visitors"
    return Diagnostic(
      .portGone,
      speaks.map { "`\(component)` \(version) speaks \($0.rawValue) where \(visitors) speak \(needs.rawValue)" }
        ?? "`\(component)` \(version) has no port for \(serving == nil ? "" : "the ")\(visitors)",
      at: Label(
        range,
        isForAll
          ? "visitors at port \(port) find nobody who understands them from here on"
          : "visitors at port \(port) cannot be led there"),
      secondary: [Label(exposed, "they come in here")],
      help: other.map { "let \($0) be the first of its ports that carry requests, or give it the number \(port)" }
        ?? "give \(version) a port for \(needs.rawValue), too")
  }

  static func nothingMeasured(_ metric: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .notExposed, "nothing is exposed: `\(metric)` has no requests to measure", at: Label(range, "measures the entry"),
      help: "say of which component it is, as `metric \(metric) is istio error-rate of web below 1%`, or expose one")
  }

  static func shiftEndsEarly(_ component: String, percent: Int, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .shiftEndsEarly, "the shift of `\(component)` ends at \(percent)%, and nothing follows",
      at: Label(range, "stays at \(percent)%"),
      help: "end with `100%`, or route `\(component)` in a later step")
  }

  static func shrinksUnsaid(_ component: String, _ version: String, from old: Int, to new: Int, at range: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      .shrinksUnsaid, "`\(component)` \(version) goes from \(old) replicas to \(new), and the line does not say so",
      at: Label(range, "\(new), as it is declared"),
      help: "write `replicas \(old)` to keep them, or `replicas \(new)` if it is meant")
  }

  /// - Parameter isLine: the line says nothing else.
  static func replicasLeft(_ count: Int, isLine: Bool, patch: SourceRange, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .noEffect, "`replicas \(count)` changes nothing: a patch leaves the number of pods to an autoscaler",
      at: Label(range, "no effect"), secondary: [Label(patch, "takes the number away")],
      notes: ["a new version starts with one pod, and may take everybody as soon as that is ready"],
      help: isLine ? "remove it" : "leave `replicas \(count)` out")
  }

  static func fewerPods(
    _ component: String, _ version: String, pods: Int, of other: String, former: Int, at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .fewerPods,
      "`\(component)` \(version) takes over with \(pods) pod\(pods == 1 ? "" : "s") what \(former) pods of \(other) served",
      at: Label(range, "from here on"),
      help:
        "write `deploy \(component) \(version) replicas \(former)` before it; if fewer are enough: `\(Code.fewerPods.allowance)`"
    )
  }

  static func noEffect(_ message: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(.noEffect, "this line changes nothing: \(message)", at: Label(range, "no effect"), help: "remove it")
  }

  /// - Parameter line: the one that mirrors to `former`, where it is known.
  static func mirrorReplaced(
    _ component: String, _ version: String, former: String, line: SourceRange?, at range: SourceRange
  ) -> Diagnostic {
    Diagnostic(
      .mirrorReplaced, "copies went to `\(component)` \(former), and this line ends that: a component has one mirror",
      at: Label(range, "copies go to \(version) alone from here on"),
      secondary: line.map { [Label($0, "the mirror that ends")] } ?? [],
      help:
        "write `mirror \(component) 0% -> \(former)` before it if that is meant; two versions get copies one after the other"
    )
  }

  /// - Parameters:
  ///   - duration: how long the share before kept its visitors.
  ///   - shift: what would move the share and keep them; nil where the share does not rise.
  static func stickyDropped(
    _ component: String, _ version: String, duration: String, shift: String?, at range: SourceRange
  ) -> Diagnostic {
    stickyDropped(
      component, version, duration: duration, at: range,
      help: shift.map { "move the share by `\($0)`, which keeps them" }
        ?? "leave the line out; if it is meant: `\(Code.stickyDropped.allowance)`")
  }

  static func stickyDroppedByShift(_ component: String, _ version: String, duration: String, at range: SourceRange)
    -> Diagnostic
  {
    let words = "sticky for \(duration)"
    let help = "write `\(words)` at the end of the line, as before"
    let end = SourceRange(file: range.file, start: range.end, end: range.end)
    return stickyDropped(
      component, version, duration: duration, at: range, help: help, fixIts: [FixIt(help, [Edit(end, " \(words)")])])
  }

  private static func stickyDropped(
    _ component: String, _ version: String, duration: String, at range: SourceRange, help: String, fixIts: [FixIt] = []
  ) -> Diagnostic {
    Diagnostic(
      .stickyDropped,
      "the share of `\(component)` \(version) was sticky, and this line ends that: no cookie keeps anybody any more",
      at: Label(range, "not `sticky`: visitors are dealt out again"),
      notes: ["until here each stayed for \(duration) with the version that answered first"], help: help, fixIts: fixIts
    )
  }

  static func stickyNotPossible(_ component: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .stickyNotPossible, "visitors can be kept by a cookie only where `\(component)` is exposed and speaks http",
      at: Label(range, "no cookie reaches it"), help: "leave `sticky` out, or shift an exposed component")
  }

  static func waitForUndeployed(_ component: String, _ version: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .waitForUndeployed, "`\(component)` \(version) is not deployed at this point",
      at: Label(range, "would wait for ever"),
      help: "write `deploy \(component) \(version)` before this line")
  }

  static func notInFailureBlock(_ word: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .notInFailureBlock, "`\(word)` cannot stand in an `on failure` block", at: Label(range, "nobody may be there"),
      notes: ["a failure path must end by itself"],
      help: "remove it; without a block the run stops and holds for a person")
  }

  /// - Parameter what: what is asked of the component: `a cookie rule reads requests`.
  /// - Parameter ports: those that do not carry requests; where others do, the component is only exposed for connections.
  /// - Parameter version: the one that is asked about; nil: all of them.
  static func needsHTTP(
    _ component: String, _ version: String? = nil, what: String, help: String, at range: SourceRange, ports: [Port]
  ) -> Diagnostic {
    let blind = ports.first { !$0.proto.isHTTP }
    let isOnlyExposedSo = ports.contains { $0.proto.isHTTP }
    let subject = "`\(component)`" + (version.map { " \($0)" } ?? "")
    return Diagnostic(
      .needsHTTP, "\(what), and \(subject) \(isOnlyExposedSo ? "is exposed for connections" : "speaks no http")",
      at: Label(range, "cannot work here"), secondary: blind.map { [Label($0.range, "its port")] } ?? [],
      notes: ["what is not http is routed by connections: the mesh does not see requests in them"],
      help: help)
  }

  /// - Parameters:
  ///   - step: where the step of that name stands.
  ///   - isThis: it is the one that is to be left.
  static func rollbackTarget(
    _ name: String, known: [String], step: SourceRange, isThis: Bool, at range: SourceRange
  ) -> Diagnostic {
    let earlier = known.isEmpty ? "no step" : known.map { "`\($0)`" }.joined(separator: ", ")
    return Diagnostic(
      .rollbackTarget,
      isThis ? "this leads out of `\(name)` itself" : "the step `\(name)` comes later: nothing of it is there yet",
      at: Label(range, "not a step before this one"),
      secondary: [Label(step, isThis ? "the step that is left" : "comes later")],
      help: isThis
        ? "a plain `rollback` undoes the step that it stands in; before it \(known.count > 1 ? "stand" : "stands") \(earlier)"
        : known.isEmpty
          ? "no step stands before this one; `rollback` undoes the step that it stands in" : "earlier steps: \(earlier)"
    )
  }

  static func roundRobin(_ component: String, versions: [String], at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .roundRobin,
      "from here on, requests to `\(component)` reach versions \(versions.joined(separator: " and ")) by turns",
      at: Label(range, "both answer"), notes: ["`routing open`: nothing is pinned before the first route"],
      help: "route it before, or use `routing pinned`")
  }

  /// A mirror that pins what was open.
  static func turnsEnd(_ component: String, versions: [String], left: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .roundRobin,
      "a mirror is part of a route: from here on everybody reaches `\(component)` \(left), where versions \(versions.joined(separator: " and ")) answered by turns",
      at: Label(range, "ends the turns"),
      help: "say where everybody goes before it, as `route \(component) all -> \(left)`")
  }
}
