/// The `expose` lines of a plan, in the order of the text. Those of a component, and those that stand beside each other,
/// are found without a look at the others.
package struct ExposureList: Sendable, ExpressibleByArrayLiteral, RandomAccessCollection, MutableCollection {
  /// What lines have in common whose requests are asked about in the same lists of routes.
  private struct Door: Hashable {
    let port: Int
    let gateway: String?
    let hosts: Set<String>

    init(_ exposure: Exposure) {
      port = exposure.port
      gateway = exposure.gateway
      hosts = Set(exposure.hosts)
    }
  }

  private var lines: [Exposure] = []
  private var byComponent: [ComponentID: [Int]] = [:]
  private var byDoor: [Door: [Int]] = [:]

  package init() {}

  package init(arrayLiteral lines: Exposure...) {
    for line in lines { append(line) }
  }

  package var startIndex: Int { 0 }
  package var endIndex: Int { lines.count }

  package subscript(e: Int) -> Exposure {
    get { lines[e] }
    set {
      forget(e)
      lines[e] = newValue
      note(e)
    }
  }

  package mutating func append(_ line: Exposure) {
    lines.append(line)
    note(lines.count - 1)
  }

  /// The indices of the lines of a component, in order.
  package func indices(of component: ComponentID) -> [Int] { byComponent[component] ?? [] }

  /// The lines of a component, in order.
  package func lines(of component: ComponentID) -> [Exposure] { indices(of: component).map { lines[$0] } }

  /// The lines with the port, the gateway and the hosts of `line`, in order; itself among them where it is of the list.
  package func lines(beside line: Exposure) -> [Exposure] { (byDoor[Door(line)] ?? []).map { lines[$0] } }

  private mutating func note(_ e: Int) {
    byComponent[lines[e].component, default: []].insert(sorted: e)
    byDoor[Door(lines[e]), default: []].insert(sorted: e)
  }

  private mutating func forget(_ e: Int) {
    byComponent[lines[e].component]?.removeAll { $0 == e }
    byDoor[Door(lines[e])]?.removeAll { $0 == e }
  }
}

extension [Int] {
  fileprivate mutating func insert(sorted number: Int) {
    insert(number, at: last.map { $0 < number } ?? true ? endIndex : firstIndex { $0 > number } ?? endIndex)
  }
}
