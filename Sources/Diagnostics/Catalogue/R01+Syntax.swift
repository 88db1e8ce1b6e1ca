/// `R01`: the shape of the text.
extension Code {
  package static let unexpectedToken = Code("R0101", "unexpected-token")
  package static let unknownStatement = Code("R0102", "unknown-statement")
  package static let unclosedBlock = Code("R0103", "unclosed-block")
  package static let strayBrace = Code("R0104", "stray-brace")
  package static let unterminatedText = Code("R0105", "unterminated-text")
  package static let badEscape = Code("R0106", "bad-escape")
  package static let badCharacter = Code("R0107", "bad-character")
  package static let invalidUTF8 = Code("R0108", "invalid-utf8")
  package static let missingBlock = Code("R0109", "missing-block")
  package static let unexpectedBlock = Code("R0110", "unexpected-block")
  package static let misplacedStatement = Code("R0111", "misplaced-statement")
  package static let reservedWord = Code("R0112", "reserved-word")
  package static let regexQuotes = Code("R0113", "regex-quotes")
  package static let missingPlan = Code("R0115", "missing-plan")
  package static let notLast = Code("R0116", "not-last-line")
}
