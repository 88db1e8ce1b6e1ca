internal import RolloutPlan

/// The components, callees before callers; those that call each other in a cycle stand together, in the order of the
/// plan.
///
/// Tarjan's algorithm emits each strongly connected component after all that it reaches, which is the order we want.
/// It keeps its own stack: a chain of calls may be as long as the plan.
func callOrder(_ plan: Plan) -> [Int] {
  let count = plan.components.count
  var callees = [[Int]](repeating: [], count: count)
  for (i, component) in plan.components.enumerated() {
    var seen = Set<Int>()
    for version in component.versions {
      for callee in version.calls where callee.index < count && seen.insert(callee.index).inserted {
        callees[i].append(callee.index)
      }
    }
  }

  var order: [Int] = []
  order.reserveCapacity(count)
  var number = [Int](repeating: -1, count: count)
  var low = [Int](repeating: 0, count: count)
  var isOpen = [Bool](repeating: false, count: count)
  var open: [Int] = []
  var path: [(node: Int, next: Int)] = []
  var counter = 0

  func enter(_ node: Int) {
    number[node] = counter
    low[node] = counter
    counter += 1
    open.append(node)
    isOpen[node] = true
    path.append((node, 0))
  }

  for root in 0..<count where number[root] < 0 {
    enter(root)
    while let top = path.last {
      if top.next < callees[top.node].count {
        path[path.count - 1].next += 1
        let callee = callees[top.node][top.next]
        if number[callee] < 0 {
          enter(callee)
        } else if isOpen[callee] {
          low[top.node] = min(low[top.node], number[callee])
        }
        continue
      }
      path.removeLast()
      if let parent = path.last { low[parent.node] = min(low[parent.node], low[top.node]) }
      guard low[top.node] == number[top.node] else { continue }
      var group: [Int] = []
      while let node = open.popLast() {
        isOpen[node] = false
        group.append(node)
        if node == top.node { break }
      }
      order.append(contentsOf: group.sorted())
    }
  }
  return order
}

/// `1.9` before `1.10`: runs of digits compare as numbers, the rest as bytes.
func isVersionOrdered(_ a: String, _ b: String) -> Bool {
  let x = Array(a.utf8)
  let y = Array(b.utf8)
  func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
  /// The run of digits at `i`, without leading zeros.
  func run(_ bytes: [UInt8], _ i: inout Int) -> ArraySlice<UInt8> {
    while i < bytes.count, bytes[i] == 0x30 { i += 1 }
    let start = i
    while i < bytes.count, isDigit(bytes[i]) { i += 1 }
    return bytes[start..<i]
  }
  var i = 0
  var j = 0
  while i < x.count, j < y.count {
    if isDigit(x[i]), isDigit(y[j]) {
      let p = run(x, &i)
      let q = run(y, &j)
      if p.count != q.count { return p.count < q.count }
      if !p.elementsEqual(q) { return p.lexicographicallyPrecedes(q) }
    } else {
      if x[i] != y[j] { return x[i] < y[j] }
      i += 1
      j += 1
    }
  }
  if x.count - i != y.count - j { return x.count - i < y.count - j }
  return x.lexicographicallyPrecedes(y)
}
