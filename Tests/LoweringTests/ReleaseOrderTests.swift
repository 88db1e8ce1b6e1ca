import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import Testing

/// Nobody enters: the default inside is that of the release that was deployed first, and stays so.
@Suite struct ReleaseOrderTests {
  private func defaults(of steps: String) throws -> [String] {
    let text = """
      plan shop
      language 1
      component web {
        image web
        port 8080 http
        calls api
        version 1.0, 2.0
      }
      component api {
        image api
        port 8080 http
        version 1.0, 2.0
      }
      release old {
        web 1.0
        api 1.0
      }
      release new {
        web 2.0
        api 2.0
      }
      \(steps)
      """
    let resolution = resolve(path: "plan.rollout", bytes: Array(text.utf8))
    let plan = try #require(resolution.checked, "\(resolution.diagnostics.map(\.message))")
    return try compile(plan).steps.map { step in
      let image = try #require(step.segments.last).after.image
      let route = image.entries.first { $0.id.description == "VirtualService/api" }?.plain
      let last = route?.at("spec", "http")?.array?.last
      return last?["route"]?[0]?.at("destination", "subset")?.string ?? "none"
    }
  }

  @Test func theFirstOneThatIsDeployedIsTheDefault() throws {
    #expect(try defaults(of: "deploy release new\ndeploy release old") == ["v2-0", "v2-0"])
    #expect(try defaults(of: "deploy release old\ndeploy release new") == ["v1-0", "v1-0"])
    #expect(try defaults(of: "deploy api 2.0\ndeploy api 1.0") == ["v2-0", "v2-0"])
    #expect(try defaults(of: "step \"both\" {\n  deploy release new\n  deploy release old\n}") == ["v2-0"])
  }

  @Test func whoComesBackIsTheLast() throws {
    let steps = """
      deploy release new
      deploy release old
      step "away and back" {
        rollback to "deploy release new"
      }
      deploy release old
      """
    #expect(try defaults(of: steps) == ["v2-0", "v2-0", "v2-0", "v2-0"])
  }

  /// Of two components that are exposed, each is by default inside what its own entry is.
  @Test func eachEntryHasItsOwnDefault() throws {
    let text = """
      plan shop
      language 1
      expose web on port 80
      expose admin on port 8080
      component web {
        image web
        port 8080 http
        version 1.0, 2.0
      }
      component admin {
        image admin
        port 8080 http
        version 1.0, 2.0
      }
      release A {
        web 1.0
        admin 1.0
      }
      release B {
        web 2.0
        admin 2.0
      }
      step "one" {
        deploy release A
        deploy release B
      }
      route web all -> 2.0
      route admin all -> 2.0
      """
    let resolution = resolve(path: "plan.rollout", bytes: Array(text.utf8))
    let plan = try #require(resolution.checked, "\(resolution.diagnostics.map(\.message))")
    let found = try compile(plan).steps.map { step in
      let image = try #require(step.segments.last).after.image
      return ["web-mesh", "admin-mesh"].map { name in
        let route = image.entries.first { $0.id.kind == "VirtualService" && $0.id.name == name }?.plain
        let last = route?.at("spec", "http")?.array?.last
        return last?["route"]?[0]?.at("destination", "subset")?.string ?? "none"
      }
    }
    #expect(found == [["v1-0", "v1-0"], ["v2-0", "v1-0"], ["v2-0", "v2-0"]])
  }

  /// A plan for an Istio before 1.22 is reviewed in the version that it has.
  @Test func theVersionOfTheMesh() throws {
    for (mesh, version) in [
      ("", "v1"), (" 1.22", "v1"), (" 1.30.1", "v1"), (" 1.21.4", "v1beta1"), (" 1.9", "v1beta1"),
    ] {
      let text = """
        plan shop
        language 1
        mesh istio\(mesh) mtls strict
        expose web on port 80
        component web {
          image web
          port 8080 http
          version 1.0
        }
        deploy web 1.0
        """
      let resolution = resolve(path: "plan.rollout", bytes: Array(text.utf8))
      let plan = try #require(resolution.checked, "\(resolution.diagnostics.map(\.message))")
      let found = Set(compile(plan).end.image.entries.compactMap { $0.plain["apiVersion"]?.string })
      let expected: Set = ["v1", "apps/v1", "networking.istio.io/\(version)", "security.istio.io/\(version)"]
      #expect(found == expected, "\(mesh)")
    }
  }
}
