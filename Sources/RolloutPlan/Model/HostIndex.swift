/// Which of many lists of hosts have one in common with another: exact hosts are found by hash, so that lists without a
/// `*` cost what they have in common.
package struct HostIndex: Sendable {
  private var exact: [String: [Int]] = [:]
  private var wildcards: [(host: String, list: Int)] = []
  private var all: [(host: String, list: Int)] = []
  /// Those that stand for every host.
  private var empty: [Int] = []
  private var count = 0

  /// A list without a host stands for every one.
  package init(_ lists: [[String]] = []) {
    for hosts in lists { append(hosts) }
  }

  /// Adds a list, whose number is how many there were before.
  package mutating func append(_ hosts: [String]) {
    for host in hosts {
      all.append((host, count))
      if host.hasPrefix("*") { wildcards.append((host, count)) } else { exact[host, default: []].append(count) }
    }
    if hosts.isEmpty { empty.append(count) }
    count += 1
  }

  /// The numbers of the lists that have a host in common with `hosts`, in order.
  package func meeting(_ hosts: [String]) -> [Int] {
    if hosts.isEmpty { return Array(0..<count) }
    var found = Set(empty)
    for host in hosts {
      if host.hasPrefix("*") {
        for other in all where hostsMeet(host, other.host) { found.insert(other.list) }
      } else {
        found.formUnion(exact[host] ?? [])
        for other in wildcards where hostsMeet(host, within: other.host) { found.insert(other.list) }
      }
    }
    return found.sorted()
  }
}
