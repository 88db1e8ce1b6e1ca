import KubernetesModel
import TestSupport

/// Texts that some reader, somewhere, took for something else.
let nastyStrings: [String] = [
  "", " ", "~", "null", "Null", "NULL", "y", "Y", "n", "N", "yes", "Yes", "no", "NO", "on", "On", "ON", "off", "OFF",
  "true", "True", "TRUE", "false", "tRuE", "oN", "1", "-1", "+1", "0", "00", "017", "0o17", "0x1F", "0b101", "-0b1",
  "1_000", "1__0", "_1", "1_", "1:30", "190:20:30", "1:30.5", "-1:30", "1.0", "1.10", "1.", ".5", "-.5", "+.5", "1e3",
  "1E3", "1e+3", "1.5e-3", "1e", "e3", ".e3", "1.e3", ".inf", "-.inf", "+.INF", ".Inf", ".nan", ".NaN", "inf", "nan",
  "Infinity", "-inf", "0.0", "-0", "-0.0", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
  "18446744073709551616", "1e400", "2001-12-14", "2001-12-14T21:59:43.10-05:00", "2001-12-14 21:59:43Z", "12:30:45",
  "2001-1-1", "=", "<<", "<", ">", "|", "|-", ">+", "- a", "-", "--", "---", "--- a", "...", "... a", "-a", "--flag",
  "-1a", "# x", "#x", "a #b", "a# b", "a: b", "a:b", "a:", ": ", ":", ":a", "? a", "?", "?a", "%x", "%YAML 1.1", "@x",
  "`x`", "&a", "*a", "!a", "!!str a", "{", "}", "{}", "{a: b}", "[", "]", "[]", "[a, b]", ",", "a, b", "'", "'a'", "''",
  "\"", "\"a\"", "it's", "say \"hi\"", "\\", "a\\nb", "\\/", "a/b", "/", "//", "\t", "a\tb", "\ta", "a\t", " a", "a ",
  "  a", "a  b", "\n", "\n\n", "a\n", "a\n\n", "a\n\n\n", "\na", "\n\na", "a\nb", "a\nb\n", "a\n\nb", "a\n b", " a\nb",
  "a \nb", "a\n b\n", "a\n\tb", "a\tb\nc", "a\n ", "a\n \nb", "a\n \n", "a\n# b", "a\n- b", "a\n---\nb", "a\n...\nb",
  "---\na", "#!/bin/sh\nset -e\necho \"$X\"\n", "key: value\nother: [1, 2]\n", "a\r", "a\r\nb", "\r", "a\rb\n", "\r\n",
  "ü", "grüße", "naïve\ncafé\n", "日本語", "日本\n語\n", "😀", "a 😀\nb", "🇩🇪", "e\u{301}", "\u{301}", "\u{85}", "a\u{85}b",
  "\u{2028}", "a\u{2028}b", " \u{2028} ", "\u{2029}", "a\u{2029}\nb", "\u{FEFF}", "\u{FEFF}a", "a\u{FEFF}", "\u{7F}",
  "a\u{7F}b", "\u{0}", "a\u{0}b", "\u{1}", "\u{8}", "\u{B}", "\u{C}", "\u{1B}[31m", "\u{1F}", "\u{80}", "\u{9F}",
  "\u{A0}", "a\u{A0}b", "\u{AD}", "\u{200B}", "\u{200E}", "\u{202E}", "\u{D7FF}", "\u{E000}", "\u{FFFD}", "\u{FFFE}",
  "\u{FFFF}", "\u{10000}", "\u{10FFFF}", "250m", "64Mi", "1Gi", "2.0-rc1", "10.0.0.1", "10.0.0.0/8", "8080/tcp", "5m",
  "1h30m", "50%", "0xyz", "1a", "1f", "1d", "1E", "5E", "0e0", "nginx:1.25", "http://a.b/c?d=e&f", "{{ .Values.x }}",
  "$(FOO)", "${FOO}", "*", "*.example.com", "a*", "!", "&", "regex: ^a.*$", "^/(v1|v2)/.*$", "key=value", "a=b,c=d",
  String(repeating: "long word ", count: 60) + "end", String(repeating: "x", count: 1500),
  String(repeating: "y: ", count: 500),
]

extension SeededGenerator {
  mutating func string() -> String {
    switch Int.random(in: 0..<6, using: &self) {
    case 0, 1: return nastyStrings.randomElement(using: &self) ?? ""
    case 2: return (0..<Int.random(in: 1...3, using: &self)).map { _ in string() }.joined(separator: separator())
    case 3:
      // Short strings over the characters that matter: most bugs of quoting have at most four of them.
      let alphabet = Array("ab01 -:#\n.,_eE+~'\"\\[]{}&*!|>%@`?=<\tüxyn")
      return String((0..<Int.random(in: 0...6, using: &self)).map { _ in alphabet.randomElement(using: &self) ?? "a" })
    case 4:
      var scalars = String.UnicodeScalarView()
      for _ in 0..<Int.random(in: 1...8, using: &self) {
        let limit: UInt32 = [0x80, 0x100, 0x3000, 0x11_0000].randomElement(using: &self) ?? 0x80
        if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &self)) { scalars.append(scalar) }
      }
      return String(scalars)
    default: return ["app", "metadata", "spec.replicas", "istio.io/rev", "v1"].randomElement(using: &self) ?? ""
    }
  }

  private mutating func separator() -> String { ["", " ", "\n", ": ", " #"].randomElement(using: &self) ?? "" }

  mutating func value(depth: Int = 0) -> Value {
    switch Int.random(in: 0..<(depth > 4 ? 7 : 11), using: &self) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &self))
    case 2: return .int(Int.random(in: -100...100, using: &self))
    case 3: return .int(Int(truncatingIfNeeded: next()))
    case 4:
      let number = Double(bitPattern: next())
      return .double(number.isFinite ? number : [0.5, 1.0, -0.0, 1e20, 1e-7].randomElement(using: &self) ?? 0)
    case 5, 6: return .string(string())
    case 7, 8: return .array((0..<Int.random(in: 0...4, using: &self)).map { _ in value(depth: depth + 1) })
    default:
      var fields = Fields()
      for _ in 0..<Int.random(in: 0...5, using: &self) { fields[string()] = value(depth: depth + 1) }
      return .object(fields)
    }
  }
}

/// Equality down to the bytes of strings and the bits of numbers; Swift's `==` takes canonically equivalent text as
/// equal, and so does ``Value``.
func isIdentical(_ a: Value, _ b: Value) -> Bool {
  switch (a, b) {
  case (.null, .null): true
  case (.bool(let x), .bool(let y)): x == y
  case (.int(let x), .int(let y)): x == y
  case (.double(let x), .double(let y)): x.bitPattern == y.bitPattern || x.isNaN && y.isNaN
  case (.string(let x), .string(let y)): x.utf8.elementsEqual(y.utf8)
  case (.array(let x), .array(let y)): x.count == y.count && zip(x, y).allSatisfy(isIdentical)
  case (.object(let x), .object(let y)):
    x.count == y.count
      && zip(x.entries, y.entries).allSatisfy {
        $0.key.utf8.elementsEqual($1.key.utf8) && isIdentical($0.value, $1.value)
      }
  default: false
  }
}
