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

  /// What each write of a part says that it comes from.
  private func origins(_ part: Int) throws -> [String: Set<String>] {
    let resolution = resolve(path: "plan.rollout", bytes: Array(Self.plan.utf8))
    let plan = try #require(resolution.checked, "\(resolution.diagnostics.map(\.message))")
    var found: [String: Set<String>] = [:]
    for phase in compile(plan).steps[0].segments[part].phases {
      for write in phase.writes {
        let line = resolution.sources[write.origin.file].map { $0.text(write.origin) } ?? "?"
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
}
