internal import KubernetesModel

/// What a plain scalar means to kubectl: yaml.v2's `resolve` (resolve.go), by its rules and in its order.
func resolved(_ text: String) -> Value {
  guard let first = text.utf8.first else { return .null }
  switch first {
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
    return number(text) ?? .string(text)
  default:
    return word(text) ?? .string(text)
  }
}

private func word(_ text: String) -> Value? {
  guard text.utf8.count <= 5 else { return nil }
  switch text {
  case "y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON": return .bool(true)
  case "n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF": return .bool(false)
  case "~", "null", "Null", "NULL": return .null
  default: return nil
  }
}

private func number(_ text: String) -> Value? {
  switch text {
  case ".nan", ".NaN", ".NAN": return .double(.nan)
  case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .double(.infinity)
  case "-.inf", "-.Inf", "-.INF": return .double(-.infinity)
  default: break
  }
  let digits = text.utf8.filter { $0 != UInt8(ascii: "_") }
  var i = 0
  let isNegative = digits.first == UInt8(ascii: "-")
  if isNegative || digits.first == UInt8(ascii: "+") { i = 1 }
  guard i < digits.count else { return nil }
  // A date is text, and the only number-like text with a `-` in its middle has it in an exponent.
  if let value = integer(digits[i...], isNegative: isNegative) { return value }
  return isFloat(digits[i...]) ? Double(String(decoding: digits, as: UTF8.self)).flatMap(finite) : nil
}

private func finite(_ number: Double) -> Value? { number.isFinite ? .double(number) : nil }

/// Go's `strconv.ParseInt` with base 0: `0x`, `0o`, `0b`, and a leading `0` for octal. What exceeds 64 bits is a double.
private func integer(_ digits: ArraySlice<UInt8>, isNegative: Bool) -> Value? {
  var base = 10
  var digits = digits
  if digits.first == 0x30, digits.count > 1 {
    switch digits[digits.startIndex + 1] | 0x20 {
    case UInt8(ascii: "x"):
      base = 16
      digits = digits.dropFirst(2)
    case UInt8(ascii: "o"):
      base = 8
      digits = digits.dropFirst(2)
    case UInt8(ascii: "b"):
      base = 2
      digits = digits.dropFirst(2)
    default:
      base = 8
      digits = digits.dropFirst()
    }
  }
  guard !digits.isEmpty else { return nil }
  var value = 0
  var large = 0.0
  var isLarge = false
  for byte in digits {
    let digit: Int
    switch byte {
    case 0x30...0x39: digit = Int(byte &- 0x30)
    case 0x41...0x46: digit = Int(byte &- 0x37)
    case 0x61...0x66: digit = Int(byte &- 0x57)
    default: return nil
    }
    guard digit < base else { return nil }
    // Counted down from zero, since the smallest integer has no positive counterpart.
    let (product, overflow) = value.multipliedReportingOverflow(by: base)
    let (difference, underflow) = product.subtractingReportingOverflow(digit)
    if overflow || underflow { isLarge = true }
    value = difference
    large = large * Double(base) + Double(digit)
  }
  if isLarge || !isNegative && value == Int.min {
    // Decimal digits are rounded once, not digit by digit.
    if base == 10 { large = Double(String(decoding: digits, as: UTF8.self)) ?? large }
    return finite(isNegative ? -large : large)
  }
  return .int(isNegative ? value : 0 &- value)
}

/// yaml.v2's `yamlStyleFloat`: `[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?` or `[0-9]+\.[0-9]*(…)?`, after the sign.
private func isFloat(_ text: ArraySlice<UInt8>) -> Bool {
  var rest = text
  func digits() -> Int {
    let count = rest.prefix { $0 &- 0x30 < 10 }.count
    rest = rest.dropFirst(count)
    return count
  }
  var mantissa = digits()
  if rest.first == UInt8(ascii: ".") {
    rest = rest.dropFirst()
    mantissa += digits()
  }
  guard mantissa > 0 else { return false }
  if let e = rest.first, e | 0x20 == UInt8(ascii: "e") {
    rest = rest.dropFirst()
    if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
    guard digits() > 0 else { return false }
  }
  return rest.isEmpty
}
