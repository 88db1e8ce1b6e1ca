import Foundation
import KubernetesModel
import MeshModel
import Testing

/// How many requests the model decides in a second: at a gateway with a cookie rule and a default, and at a sidecar
/// with two lanes.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["ROLLOUTC_MEASURE"] != nil)) struct SpeedTests {
  @Test func decisionsPerSecond() throws {
    let cookie: Value = ["cookie": ["regex": #"^(.*?; ?)?(flag=on)(;.*)?$"#]]
    func to(_ subset: String) -> Value {
      ["destination": ["host": "web.shop.svc.cluster.local", "subset": .string(subset), "port": ["number": 8080]]]
    }
    let rules: [Value] = [
      ["match": [["headers": cookie]], "route": [to("v2")]], ["route": [to("v1")]],
    ]
    let lanes: [Value] = [
      ["match": [["sourceLabels": ["app": "caller", "version": "1"]]], "route": [to("v1")]],
      ["match": [["sourceLabels": ["app": "caller", "version": "2"]]], "route": [to("v2")]],
    ]
    let view = MeshView(parsing: [
      service("web", [("http", 8080, 8080)]), deployment("web", "1"), deployment("web", "2"),
      destinationRule("web", subsets: ["v1": ["version": "1"], "v2": ["version": "2"]]),
      virtualService("cookie", hosts: ["cookie.shop.svc.cluster.local"], http: rules),
      service("cookie", [("http", 8080, 8080)]), virtualService("web", hosts: ["web"], http: lanes),
    ])
    let requests: [(String, HTTPRequest)] = [
      (
        "a cookie rule",
        HTTPRequest(host: "cookie", port: 8080, headers: [("cookie", "a=1; session=0123456789abcdef; flag=on; b=2")])
      ),
      ("a lane", HTTPRequest(host: "web", port: 8080)),
    ]
    for (name, request) in requests {
      let count = 50_000
      var reached = 0
      let time = ContinuousClock().measure {
        for _ in 0..<count {
          for branch in view.route(sidecar("caller", "2"), request).branches {
            if case .destination(let destination) = branch.outcome { reached += destination.endpoints.count }
          }
        }
      }
      #expect(reached == count)
      print("\(name): \(Int(Double(count) / (time / .seconds(1)))) decisions per second")
    }
  }
}
