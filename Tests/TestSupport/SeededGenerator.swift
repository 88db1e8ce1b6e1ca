import Foundation

/// A generator whose numbers follow from its seed alone (SplitMix64: Steele, Lea, Flood, 2014). Tests print the seed;
/// `ROLLOUTC_SEED` gives another one.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  /// The seed of this run: the same every time unless the environment says otherwise.
  package static let seed: UInt64 =
    ProcessInfo.processInfo.environment["ROLLOUTC_SEED"].flatMap(UInt64.init) ?? 20_240_601

  package let seed: UInt64
  private var state: UInt64

  package init(seed: UInt64) {
    self.seed = seed
    state = seed
  }

  /// With the seed in the environment variable `name`, or that of every run: a gate must not fail by chance.
  package init(environment name: String) {
    let given = ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    self.init(seed: given ?? SeededGenerator.seed)
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A number in `0..<bound`; 0 where the bound is.
  package mutating func below(_ bound: Int) -> Int { bound <= 0 ? 0 : Int(next() % UInt64(bound)) }

  package mutating func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &self) < probability }

  /// One of `items`, which is not empty.
  package mutating func pick<C: RandomAccessCollection>(_ items: C) -> C.Element where C.Index == Int {
    items[items.startIndex + below(items.count)]
  }
}
