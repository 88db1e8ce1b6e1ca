import RolloutPlan
import TestSupport
import Testing

@Suite struct HealthCheckTests {
  /// A port for gRPC answers no GET, whichever comes first.
  @Test func getAsksTheFirstPortThatSpeaksHTTP() throws {
    let sample = try #require(CorpusTests.plans.first { $0.path.hasSuffix("/checks-of-the-http-port.rollout") })
    let plan = try #require(sample.resolution.checked)
    let ports = plan.components.map { component -> Int? in
      guard case .http(_, _, let port)? = component.versions[0].readiness?.action else { return nil }
      return port
    }
    #expect(ports == [8080, 8443, 8081])
  }
}
