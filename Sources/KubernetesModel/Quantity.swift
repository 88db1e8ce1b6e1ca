/// An amount of something as Kubernetes writes it: `500m`, `1.5Gi`, `2e3` (apimachinery: `resource.Quantity`).
package struct Quantity: Hashable, Sendable {
  /// Before the unit, with its sign.
  package let number: Double
  /// How many digits `number` is written with.
  package let digits: Int
  /// Empty, a scale (`m`, `Ki`), or a decimal exponent (`e3`).
  package let unit: String
  /// Near enough to compare sums; of CPUs in cores, of sizes in bytes.
  package let value: Double

  /// Nil where it is none.
  package init?(_ text: String) {
    let unsigned = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
    let amount = unsigned.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    digits = amount.utf8.count { $0 != UInt8(ascii: ".") }
    guard digits > 0, amount.utf8.count - digits <= 1, let number = Double(amount) else { return nil }
    self.number = text.hasPrefix("-") ? -number : number
    unit = String(unsigned.dropFirst(amount.count))
    guard let scale = Quantity.scale(unit) else { return nil }
    value = self.number * scale
  }

  private static func scale(_ unit: String) -> Double? {
    if let known = scales[unit] { return known }
    // `E` alone is 10^18, as above.
    guard unit.hasPrefix("e") || unit.hasPrefix("E"), let exponent = Int(unit.dropFirst()),
      (-18...18).contains(exponent)
    else {
      return nil
    }
    return Double("1e\(exponent)")
  }

  private static let scales: [String: Double] = [
    "": 1, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 0x1p10, "Mi": 0x1p20, "Gi": 0x1p30, "Ti": 0x1p40, "Pi": 0x1p50, "Ei": 0x1p60,
  ]
}
