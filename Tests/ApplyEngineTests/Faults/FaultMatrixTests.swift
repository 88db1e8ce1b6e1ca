import ClusterAPI
import KubernetesModel
import TestSupport
import Testing

@testable import ApplyEngine

/// Everything that can go wrong between the tool and its server, at every request of a run, in virtual time: each time the run
/// comes through to the same end, or stops with a clear failure that the next runs bring to the same end. Nobody who
/// visits meets an error, nothing of others is touched, nothing is written twice.
@Suite struct FaultMatrixTests {
  @Test("a fault strikes one request", arguments: Fault.ofRequests + Fault.ofWatches)
  func once(_ fault: Fault) throws {
    let shop = try FaultyShop.shared.get()
    let places = shop.places(for: fault, sample: 2)
    #expect(!places.isEmpty)
    for place in places {
      try shop.endure(
        fault, .requests(from: place, count: 1), isOvercome: fault.isOvercome,
        "\(fault.name) at \(place), \(shop.marks[place]), seed \(SeededGenerator.seed)")
    }
  }

  @Test(
    "a fault strikes several requests in a row", arguments: (Fault.ofRequests + Fault.ofWatches).filter(\.isOvercome))
  func burst(_ fault: Fault) throws {
    let shop = try FaultyShop.shared.get()
    for place in shop.places(for: fault, sample: 1) {
      // New credentials that do not help either are the end, and so are two minutes without an answer.
      let isOvercome =
        switch fault.kind {
        case .answered(401, _, _, _), .lost(.timeout, _, _), .watch(.errorEvent(401, _, _)): false
        case .late(let delay): delay < .seconds(60)
        default: true
        }
      try shop.endure(
        fault, .requests(from: place, count: 4), isOvercome: isOvercome,
        "\(fault.name) four times from \(place), \(shop.marks[place])")
    }
  }

  @Test("watches never work", arguments: Fault.ofWatches) func noWatch(_ fault: Fault) throws {
    try FaultyShop.shared.get().endure(
      fault, .requests(from: 0, count: .max), isOvercome: fault.name != "401 by an event", "\(fault.name) always")
  }

  @Test("the server is away for a while", arguments: [10, 60, 600]) func outage(_ seconds: Int) throws {
    let shop = try FaultyShop.shared.get()
    for name in ["connection refused", "503", "reset after the effect"] {
      let fault = try #require(Fault.ofRequests.first { $0.name == name })
      for place in shop.places(for: fault, sample: 3) {
        try shop.endure(
          fault, .outage(from: place, .seconds(seconds)), isOvercome: seconds < 100,
          "\(name) for \(seconds) s from \(place), \(shop.marks[place])")
      }
    }
  }
}
