import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import Testing

/// Which line of the plan each write comes from.
@Suite struct OriginTests {
  static let plan = """
    plan shop
    language 1
    mesh istio
    expose web on port 80
    component web {
      image web
      port 8080 http
      calls store
      version 1.0, 2.0, 3.0, 4.0
    }
    component store {
      image store
      port 5432 tcp
      version 1.0
      version 2.0 {
        volume data 1Gi at /data
      }
    }
    step "all" {
      deploy store 1.0
      deploy store 2.0
      deploy web 1.0
      deploy web 2.0
      deploy web 3.0
      wait 1m
      route web all -> 3.0
      wait 1m
      retire web 1.0
      deploy web 4.0
      retire web 2.0
      retire store 2.0 with volumes
      wait 1m
      mirror web 10% -> 4.0
    }
    """

  private func checked(_ text: String) throws -> (Plan, SourceSet) {
    let resolution = resolve(path: "plan.rollout", bytes: Array(text.utf8))
    return (try #require(resolution.checked, "\(resolution.diagnostics.map(\.message))"), resolution.sources)
  }

  /// What each write of a part says that it comes from.
  private func origins(_ part: Int) throws -> [String: Set<String>] {
    let (plan, sources) = try checked(Self.plan)
    var found: [String: Set<String>] = [:]
    for phase in compile(plan).steps[0].segments[part].phases {
      for write in phase.writes {
        let line = sources[write.origin.file].map { $0.text(write.origin) } ?? "?"
        found["\(write.action) \(write.id.kind)/\(write.id.name)", default: []].insert(line)
      }
    }
    return found
  }

  @Test func deployments() throws {
    let first = try origins(0)
    #expect(first["create Deployment/web-1-0"] == ["deploy web 1.0"])
    #expect(first["create Deployment/web-3-0"] == ["deploy web 3.0"])
    #expect(first["create Deployment/store-2-0"] == ["deploy store 2.0"])
    #expect(first["create PersistentVolumeClaim/data"] == ["deploy store 2.0"])
    #expect(first["create Gateway/web-gateway"] == ["expose web on port 80"])
  }

  @Test func severalOfOneKindInOnePart() throws {
    let third = try origins(2)
    #expect(third["create Deployment/web-4-0"] == ["deploy web 4.0"])
    #expect(third["delete Deployment/web-1-0"] == ["retire web 1.0"])
    #expect(third["delete Deployment/web-2-0"] == ["retire web 2.0"])
    #expect(third["delete Deployment/store-2-0"] == ["retire store 2.0 with volumes"])
    #expect(third["delete PersistentVolumeClaim/data"] == ["retire store 2.0 with volumes"])
    // Written twice: wider first, then narrower.
    #expect(third["update DestinationRule/web"] == ["deploy web 4.0", "retire web 2.0"])
    #expect(third["update DestinationRule/store"] == ["retire store 2.0 with volumes"])
  }

  @Test func routes() throws {
    #expect(try origins(1)["update VirtualService/web"] == ["route web all -> 3.0"])
    #expect(try origins(3)["update VirtualService/web"] == ["mirror web 10% -> 4.0"])
  }

  /// Each object of a kind, of a step, with the lines that made it, as its last write has it.
  private func lines(
    of kind: String = "VirtualService", _ plan: Plan, _ sources: SourceSet
  ) -> [[String: [String]]] {
    let compiled = compile(plan)
    var lines = RoutingLines(compiled.renderer)
    var found: [[String: [String]]] = []
    for step in plan.steps {
      var inStep: [String: [String]] = [:]
      for (segment, made) in zip(step.segments, compiled.steps[step.index].segments) {
        lines.advance(over: segment)
        for write in made.phases.flatMap(\.writes) {
          let texts = lines.of(write.id, writtenFor: write.origin).map { sources[$0.file]?.text($0) ?? "?" }
          if write.id.kind == kind { inStep[write.id.name] = texts }
          if !["DestinationRule", "VirtualService"].contains(write.id.kind) { #expect(texts.isEmpty) }
        }
      }
      found.append(inStep)
    }
    return found
  }

  /// A rule stays with the line that made it, however often the object is written for others.
  @Test func everyRouteLineOfAnObject() throws {
    let (plan, sources) = try checked(
      """
      plan shop
      language 1
      mesh istio
      expose web on port 80
      component web {
        image web
        port 8080 http
        version 1.0, 2.0, 3.0
      }
      deploy web 1.0
      step "two rules" {
        deploy web 2.0
        deploy web 3.0
        route web cookie beta=1 -> 2.0
        route web 10% -> 3.0
      }
      route web 20% -> 3.0
      step "one goes" {
        unroute web cookie beta=1
      }
      step "back" {
        mirror web 5% -> 2.0
        rollback to "two rules"
      }
      step "end" {
        route web all -> 3.0
        retire web 1.0
        retire web 2.0
      }
      """)
    let found = lines(plan, sources).map { $0["web"] }
    #expect(
      found == [
        ["deploy web 1.0"],
        ["deploy web 1.0", "route web cookie beta=1 -> 2.0", "route web 10% -> 3.0"],
        ["deploy web 1.0", "route web cookie beta=1 -> 2.0", "route web 20% -> 3.0"],
        ["deploy web 1.0", "route web 20% -> 3.0", "unroute web cookie beta=1"],
        ["deploy web 1.0", "rollback to \"two rules\""],
        ["route web all -> 3.0"],
      ])
  }

  /// Two releases that end together: the object that loses both lanes names both.
  @Test func everyRetireLineOfAnObject() throws {
    let (plan, sources) = try checked(
      """
      plan shop
      language 1
      mesh istio
      expose web on port 80
      component web {
        image web
        port 8080 http
        calls store
        version 1.0, 2.0, 3.0
      }
      component store {
        image store
        port 8080 http
        version 1.0, 2.0, 3.0
      }
      release 1.0 {
        web 1.0
        store 1.0
      }
      release 2.0 {
        web 2.0
        store 2.0
      }
      release 3.0 {
        web 3.0
        store 3.0
      }
      step "all" {
        deploy release 1.0
        deploy release 2.0
        deploy release 3.0
        route web cookie beta=1 -> 2.0
      }
      route web all -> 3.0
      step "end" {
        retire 1.0
        retire 2.0
      }
      """)
    let found = lines(plan, sources)
    #expect(found[0]["store"] == ["deploy release 1.0", "deploy release 2.0", "deploy release 3.0"])
    #expect(found[2]["store"] == ["deploy release 3.0", "retire 1.0", "retire 2.0"])
    // A DestinationRule says by itself what is deployed: of it, what the step changes.
    let rules = lines(of: "DestinationRule", plan, sources)
    #expect(rules[0]["store"] == ["deploy release 1.0", "deploy release 2.0", "deploy release 3.0"])
    #expect(rules[1].isEmpty)
    #expect(rules[2]["store"] == ["retire 1.0", "retire 2.0"])
  }

  /// What comes and what goes in one part are two writes, and each names its own lines.
  @Test func aRuleIsWidenedByOneLineAndNarrowedByOthers() throws {
    let (plan, sources) = try checked(Self.plan)
    let compiled = compile(plan)
    var lines = RoutingLines(compiled.renderer)
    for segment in plan.steps[0].segments.prefix(3) { lines.advance(over: segment) }
    let writes = compiled.steps[0].segments[2].phases.flatMap(\.writes)
    let found = writes.filter { $0.id.description == "DestinationRule/web" }.map { write in
      lines.of(write.id, writtenFor: write.origin).map { sources[$0.file]?.text($0) ?? "?" }
    }
    #expect(found == [["deploy web 4.0"], ["retire web 1.0", "retire web 2.0"]])
  }
}
