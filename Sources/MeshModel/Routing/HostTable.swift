/// Elements by host: those of a name are found by hash, and only the few of wildcards are looked through.
struct HostTable<Element> {
  typealias Entry = (host: String, element: Element)

  private var named: [String: [Entry]] = [:]
  private var wildcards: [Entry] = []

  /// Keeps the entries of a host, and those of all wildcards, sorted by `precedes`; equal ones as they come.
  mutating func insert(_ element: Element, of host: String, by precedes: (Element, Element) -> Bool) {
    if HostName.isWildcard(host) {
      wildcards.insert((host, element)) { precedes($0.element, $1.element) }
    } else {
      named[host, default: []].insert((host, element)) { precedes($0.element, $1.element) }
    }
  }

  mutating func remove(of host: String, where isMeant: (Element) -> Bool) {
    if HostName.isWildcard(host) {
      wildcards.removeAll { isMeant($0.element) }
    } else if var entries = named.removeValue(forKey: host) {
      entries.removeAll { isMeant($0.element) }
      if !entries.isEmpty { named[host] = entries }
    }
  }

  /// The entries whose host covers `host`, sorted by `precedes`. O(those of that name and of wildcards).
  func covering(_ host: String, by precedes: (Element, Element) -> Bool) -> [Entry] {
    // Names that are equal in Swift alone are of one entry.
    let exact = (named[host] ?? []).filter { HostName.matches(host, pattern: $0.host) }
    if wildcards.isEmpty { return exact }
    var all: [Entry] = []
    var next = exact.startIndex
    for entry in wildcards where HostName.matches(host, pattern: entry.host) {
      while next < exact.endIndex, !precedes(entry.element, exact[next].element) {
        all.append(exact[next])
        next += 1
      }
      all.append(entry)
    }
    return all + exact[next...]
  }

  func covers(_ host: String) -> Bool {
    named[host]?.contains { HostName.matches(host, pattern: $0.host) } == true
      || wildcards.contains { HostName.matches(host, pattern: $0.host) }
  }
}

extension HostTable: Sendable where Element: Sendable {}

/// The VirtualServices that are bound to one gateway.
struct GatewayRules: Sendable {
  /// The oldest first.
  private(set) var all: [VirtualService] = []
  private var byHost = HostTable<VirtualService>()

  mutating func insert(_ rule: VirtualService) {
    all.insert(rule) { $0.metadata.precedes($1.metadata) }
    for host in rule.hosts { byHost.insert(rule, of: host) { $0.metadata.precedes($1.metadata) } }
  }

  mutating func remove(_ rule: VirtualService) {
    all.removeAll { $0 === rule }
    for host in rule.hosts { byHost.remove(of: host) { $0 === rule } }
  }

  /// Those that a request for `host` may meet, the oldest first, each with those of its hosts that cover it.
  func covering(_ host: String) -> [(host: String, element: VirtualService)] {
    byHost.covering(host) { $0.metadata.precedes($1.metadata) }
  }
}
