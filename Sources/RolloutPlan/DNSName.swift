/// What is wrong with a name as a DNS label: RFC 1123, or RFC 1035 where it begins with a letter. Nil: nothing.
func dnsLabelProblem(_ name: String, startsWithLetter: Bool) -> String? {
  let bytes = Array(name.utf8)
  if bytes.isEmpty { return "it is empty" }
  if bytes.count > 63 { return "it has \(bytes.count) characters, and 63 is the limit" }
  for byte in bytes where !isLowerAlphanumeric(byte) && byte != UInt8(ascii: "-") {
    return "only `a` to `z`, `0` to `9` and `-` may stand in it"
  }
  if bytes[0] == UInt8(ascii: "-") || bytes[bytes.count - 1] == UInt8(ascii: "-") {
    return "it may not begin or end with `-`"
  }
  if startsWithLetter, bytes[0] <= UInt8(ascii: "9") { return "it must begin with a letter" }
  return nil
}

/// What is wrong with a name as a DNS subdomain (RFC 1123): labels with dots, 253 characters at most. Nil: nothing.
package func dnsSubdomainProblem(_ name: String) -> String? {
  if name.utf8.count > 253 { return "it has more than 253 characters" }
  for label in name.split(separator: ".", omittingEmptySubsequences: false) {
    if let problem = dnsLabelProblem(String(label), startsWithLetter: false) { return problem }
  }
  return nil
}
