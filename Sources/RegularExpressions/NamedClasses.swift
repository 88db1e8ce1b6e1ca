/// The classes that have names: Perl's, POSIX's, and Unicode's general categories.
extension CharacterClass {
  static let digit = CharacterClass([0x30...0x39])
  static let perlSpace = CharacterClass([0x09...0x0A, 0x0C...0x0D, 0x20...0x20])
  static let word = CharacterClass([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])

  /// `[[:name:]]`
  static func posix(_ name: String) -> CharacterClass? {
    switch name {
    case "alnum": CharacterClass([0x30...0x39, 0x41...0x5A, 0x61...0x7A])
    case "alpha": CharacterClass([0x41...0x5A, 0x61...0x7A])
    case "ascii": CharacterClass([0x00...0x7F])
    case "blank": CharacterClass([0x09...0x09, 0x20...0x20])
    case "cntrl": CharacterClass([0x00...0x1F, 0x7F...0x7F])
    case "digit": digit
    case "graph": CharacterClass([0x21...0x7E])
    case "lower": CharacterClass([0x61...0x7A])
    case "print": CharacterClass([0x20...0x7E])
    case "punct": CharacterClass([0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E])
    case "space": CharacterClass([0x09...0x0D, 0x20...0x20])
    case "upper": CharacterClass([0x41...0x5A])
    case "word": word
    case "xdigit": CharacterClass([0x30...0x39, 0x41...0x46, 0x61...0x66])
    default: nil
    }
  }

  /// `\p{name}` for a general category or its first letter; nil for a script, which the standard library does not know.
  static func category(_ name: String) -> CharacterClass? {
    if name == "Any" { return .all }
    guard name.utf8.count <= 2 else { return nil }
    var ranges: [Range] = []
    for (category, members) in categoryTable where category == name || category.hasPrefix(name) && name.utf8.count == 1
    {
      ranges += members
    }
    return ranges.isEmpty ? nil : CharacterClass(ranges)
  }

  /// Made at the first use: it walks all of Unicode.
  private static let categoryTable: [String: [Range]] = {
    var table: [String: [Range]] = [:]
    var name = ""
    var start: UInt32 = 0
    var last: UInt32 = 0
    for value in CharacterClass.all.ranges.joined() {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let category = abbreviation(scalar.properties.generalCategory)
      if category != name || value != last + 1 {
        if !name.isEmpty { table[name, default: []].append(start...last) }
        name = category
        start = value
      }
      last = value
    }
    if !name.isEmpty { table[name, default: []].append(start...last) }
    // RE2 has no classes for unassigned code points and surrogates.
    table["Cn"] = nil
    table["Cs"] = nil
    return table
  }()

  private static func abbreviation(_ category: Unicode.GeneralCategory) -> String {
    switch category {
    case .uppercaseLetter: "Lu"
    case .lowercaseLetter: "Ll"
    case .titlecaseLetter: "Lt"
    case .modifierLetter: "Lm"
    case .otherLetter: "Lo"
    case .nonspacingMark: "Mn"
    case .spacingMark: "Mc"
    case .enclosingMark: "Me"
    case .decimalNumber: "Nd"
    case .letterNumber: "Nl"
    case .otherNumber: "No"
    case .connectorPunctuation: "Pc"
    case .dashPunctuation: "Pd"
    case .openPunctuation: "Ps"
    case .closePunctuation: "Pe"
    case .initialPunctuation: "Pi"
    case .finalPunctuation: "Pf"
    case .otherPunctuation: "Po"
    case .mathSymbol: "Sm"
    case .currencySymbol: "Sc"
    case .modifierSymbol: "Sk"
    case .otherSymbol: "So"
    case .spaceSeparator: "Zs"
    case .lineSeparator: "Zl"
    case .paragraphSeparator: "Zp"
    case .control: "Cc"
    case .format: "Cf"
    case .surrogate: "Cs"
    case .privateUse: "Co"
    case .unassigned: "Cn"
    @unknown default: "Cn"
    }
  }
}
