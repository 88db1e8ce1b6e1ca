extension CodePage {
  static let syntax: [CodePage] = []
  static let names: [CodePage] = []
  static let values: [CodePage] = []
  static let routing: [CodePage] = []
  static let safety: [CodePage] = []
  static let output: [CodePage] = []
  static let environments: [CodePage] = []
  static let rehearsals: [CodePage] = []
  static let style: [CodePage] = []
}
