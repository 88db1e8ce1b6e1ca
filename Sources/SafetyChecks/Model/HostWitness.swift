/// Names that visitors of `host` ask for. Of a wildcard these are one that nothing names, and each of `known`, which a
/// server or a route has for itself: what is the most specific takes the request (Envoy: "domain search order").
/// - Parameter known: hosts as servers and routes write them, wildcards and `NAMESPACE/HOST` among them.
func hostWitnesses(of host: String, known: Set<String>) -> [String] {
  guard host.hasPrefix("*") else { return [host] }
  let any = host == "*" ? "example.com" : "any" + host.dropFirst()
  let own = Set(known.map { String($0.split(separator: "/").last ?? "") })
  return [any]
    + own.filter { !$0.hasPrefix("*") && !$0.isEmpty && (host == "*" || $0.hasSuffix(host.dropFirst())) }.sorted()
}
