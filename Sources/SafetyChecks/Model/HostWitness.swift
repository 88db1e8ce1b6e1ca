/// Names that visitors of `host` ask for, in lower case. Of a wildcard these are one that nothing names, and one of each of
/// `known` within it, which a server or a route has for itself: what is the most specific takes the request (Envoy: "domain
/// search order").
/// - Parameter known: hosts as servers and routes write them, wildcards and `NAMESPACE/HOST` among them.
func hostWitnesses(of host: String, known: Set<String>) -> [String] {
  guard host.hasPrefix("*") else { return [host] }
  let end = host.dropFirst().lowercased()
  let any = host == "*" ? "example.com" : "any" + end
  var own: Set<String> = []
  for text in known {
    let name = (text.split(separator: "/").last ?? "").lowercased()
    if name.isEmpty || name == "*" { continue }
    let witness = name.hasPrefix("*") ? "any" + name.dropFirst() : name
    if host == "*" || witness.hasSuffix(end), witness != any { own.insert(witness) }
  }
  return [any] + own.sorted()
}
