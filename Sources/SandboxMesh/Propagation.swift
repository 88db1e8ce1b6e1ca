/// How long the news of a change takes to reach a proxy: every proxy has a delay of its own in the range, the same on
/// every day. Milliseconds.
package struct Propagation: Hashable, Sendable {
  package var delays: ClosedRange<Int>
  package var seed: UInt64

  package init(_ delays: ClosedRange<Int> = 0...0, seed: UInt64 = 1) {
    self.delays = max(0, delays.lowerBound)...max(0, delays.upperBound)
    self.seed = seed
  }

  package func delay(of proxy: String) -> Int {
    guard delays.count > 1 else { return delays.lowerBound }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ seed
    for byte in proxy.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    var numbers = SeededNumbers(seed: hash)
    return Int.random(in: delays, using: &numbers)
  }
}

/// SplitMix64 (Steele, Lea, Flood, 2014).
struct SeededNumbers: RandomNumberGenerator, Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// In `0..<1`.
  mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }
}
