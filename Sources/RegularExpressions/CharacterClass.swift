/// A set of code points as sorted, disjoint ranges. Surrogates may be in it, as in RE2.
struct CharacterClass: Hashable, Sendable {
  typealias Range = ClosedRange<UInt32>

  private(set) var ranges: [Range]

  static let maximum: UInt32 = 0x10FFFF
  static let all = CharacterClass([0...maximum])
  static let notNewline = CharacterClass([0...9, 11...maximum])

  init(_ unsorted: [Range]) {
    var sorted = unsorted.sorted { $0.lowerBound < $1.lowerBound }
    if sorted.isEmpty {
      ranges = []
      return
    }
    var merged: [Range] = []
    var current = sorted.removeFirst()
    for range in sorted {
      if range.lowerBound <= current.upperBound &+ 1 {
        current = current.lowerBound...max(current.upperBound, range.upperBound)
      } else {
        merged.append(current)
        current = range
      }
    }
    merged.append(current)
    ranges = merged
  }

  init(_ scalar: UInt32) { self.init([scalar...scalar]) }

  var negated: CharacterClass {
    var result: [Range] = []
    var next: UInt32 = 0
    for range in ranges {
      if range.lowerBound > next { result.append(next...(range.lowerBound - 1)) }
      next = range.upperBound + 1
    }
    if next <= CharacterClass.maximum { result.append(next...CharacterClass.maximum) }
    return CharacterClass(result)
  }

  func union(_ other: CharacterClass) -> CharacterClass { CharacterClass(ranges + other.ranges) }

  /// With the other case of every ASCII letter.
  var asciiFolded: CharacterClass {
    var result = ranges
    for range in ranges {
      if range.overlaps(0x41...0x5A) {
        let letters = range.clamped(to: 0x41...0x5A)
        result.append((letters.lowerBound + 0x20)...(letters.upperBound + 0x20))
      }
      if range.overlaps(0x61...0x7A) {
        let letters = range.clamped(to: 0x61...0x7A)
        result.append((letters.lowerBound - 0x20)...(letters.upperBound - 0x20))
      }
    }
    return CharacterClass(result)
  }

  /// With every scalar that differs from a member only in case (Unicode simple case folding, as RE2's `(?i)`).
  var caseFolded: CharacterClass {
    var result = ranges
    for range in ranges {
      for (lower, orbit) in CaseFolding.orbits(meeting: range) where range.contains(lower) {
        result += orbit.map { $0...$0 }
      }
    }
    return CharacterClass(result)
  }
}

/// Which scalars are the same but for their case.
enum CaseFolding {
  /// Entries whose scalar may lie in `range`: (scalar, the others of its orbit).
  static func orbits(meeting range: CharacterClass.Range) -> [(UInt32, [UInt32])] {
    // Most patterns are ASCII: no table of all of Unicode is made for them.
    if range.upperBound < 0x80 {
      return range.compactMap { scalar in ascii(scalar).map { (scalar, $0) } }
    }
    let table = CaseFolding.table
    if range.count < table.count {
      return range.compactMap { scalar in table[scalar].map { (scalar, $0) } }
    }
    return table.map { ($0.key, $0.value) }
  }

  private static func ascii(_ scalar: UInt32) -> [UInt32]? {
    switch scalar {
    case 0x4B, 0x6B: [scalar ^ 0x20, 0x212A]  // Kelvin sign
    case 0x53, 0x73: [scalar ^ 0x20, 0x17F]  // long s
    case 0x41...0x5A, 0x61...0x7A: [scalar ^ 0x20]
    default: nil
    }
  }

  private static let table: [UInt32: [UInt32]] = {
    var representative: [UInt32: UInt32] = [:]
    func folded(_ scalar: Unicode.Scalar) -> UInt32? {
      // Dotless and dotted I fold only in Turkish (CaseFolding.txt, status T).
      if scalar.value == 0x130 || scalar.value == 0x131 { return nil }
      let upper = scalar.properties.uppercaseMapping.unicodeScalars
      let base = upper.count == 1 ? upper.first ?? scalar : scalar
      let lower = base.properties.lowercaseMapping.unicodeScalars
      return lower.count == 1 ? lower.first?.value : nil
    }
    var groups: [UInt32: [UInt32]] = [:]
    for value in CharacterClass.all.ranges.joined() {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let properties = scalar.properties
      guard properties.isCased || properties.changesWhenUppercased || properties.changesWhenLowercased else { continue }
      guard let key = folded(scalar) else { continue }
      representative[value] = key
      groups[key, default: []].append(value)
    }
    var table: [UInt32: [UInt32]] = [:]
    for (value, key) in representative {
      guard let group = groups[key], group.count > 1 else { continue }
      table[value] = group.filter { $0 != value }
    }
    return table
  }()
}
