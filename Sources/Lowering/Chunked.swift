/// An array in chunks. A copy in which few elements are changed shares the other chunks, and what differs between two
/// copies is found without a look at what they share: the configurations of a plan differ in little.
package struct Chunked<Element: Sendable>: Sendable {
  @inlinable static var size: Int { 32 }

  @usableFromInline var chunks: [[Element]]
  @usableFromInline package internal(set) var count: Int

  @inlinable package init(_ elements: [Element] = []) {
    chunks = []
    count = 0
    for element in elements { append(element) }
  }

  @inlinable package var indices: Range<Int> { 0..<count }

  package subscript(i: Int) -> Element {
    @inlinable @inline(__always) _read { yield chunks[i / Self.size][i % Self.size] }
    @inlinable @inline(__always) _modify { yield &chunks[i / Self.size][i % Self.size] }
  }

  @inlinable package mutating func append(_ element: Element) {
    if count % Self.size == 0 { chunks.append([]) }
    chunks[chunks.count - 1].append(element)
    count += 1
  }

  /// Calls `visit` with every index at which the two may differ: not with those whose chunk they share. Both have the
  /// same count.
  func visitUnshared(with other: Chunked, _ visit: (Int) -> Void) {
    for c in chunks.indices where !isShared(c, with: other) {
      for i in c * Self.size..<min((c + 1) * Self.size, count) { visit(i) }
    }
  }

  private func isShared(_ c: Int, with other: Chunked) -> Bool {
    chunks[c].withUnsafeBufferPointer { a in
      other.chunks[c].withUnsafeBufferPointer { b in a.baseAddress == b.baseAddress }
    }
  }
}

extension Chunked: Equatable where Element: Equatable {
  package static func == (a: Self, b: Self) -> Bool {
    guard a.count == b.count else { return false }
    var isSame = true
    a.visitUnshared(with: b) { i in if isSame, a[i] != b[i] { isSame = false } }
    return isSame
  }

  /// The indices at which the two differ, in order. Both have the same count.
  func differences(from other: Chunked) -> [Int] {
    var all: [Int] = []
    visitUnshared(with: other) { i in if self[i] != other[i] { all.append(i) } }
    return all
  }
}

extension Chunked: Hashable where Element: Hashable {
  package func hash(into hasher: inout Hasher) { for i in indices { hasher.combine(self[i]) } }
}
