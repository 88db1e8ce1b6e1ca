/// Values that differ, numbered as they came. A few are compared one by one, the latest first; of many, one is found by
/// its hash.
package struct Numbered<Element: Hashable> {
  @usableFromInline var elements: [Element] = []
  /// Empty while there are few.
  @usableFromInline var numbers: [Element: Int] = [:]

  /// Up to so many comparisons cost less than a hash: most differ early.
  @inlinable static var few: Int { 8 }

  @inlinable package init() {}

  @inlinable package func number(of element: Element) -> Int? {
    if elements.count > Self.few { return numbers[element] }
    for i in elements.indices.reversed() where elements[i] == element { return i }
    return nil
  }

  /// Gives a number to an element that has none.
  @inlinable package mutating func append(_ element: Element) {
    elements.append(element)
    if elements.count == Self.few + 1 {
      for (i, element) in elements.enumerated() { numbers[element] = i }
    } else if elements.count > Self.few {
      numbers[element] = elements.count - 1
    }
  }

  @inlinable package var count: Int { elements.count }
}

extension Numbered: Sendable where Element: Sendable {}
