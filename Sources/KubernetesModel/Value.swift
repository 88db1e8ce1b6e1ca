/// A Kubernetes object, or any part of one: JSON's data model with the order of keys kept.
package enum Value: Hashable, Sendable {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case array([Value])
  case object(Fields)

  /// Texts are equal byte by byte, as they are for a server: `é` of one character is not `e` with an accent.
  package static func == (a: Value, b: Value) -> Bool {
    switch (a, b) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.int(let a), .int(let b)): a == b
    case (.double(let a), .double(let b)): a == b
    case (.string(let a), .string(let b)): a.hasSameBytes(as: b)
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)): a == b
    default: false
    }
  }

  /// The value of `key`, or nil where this is no object or has no such key.
  package subscript(key: String) -> Value? {
    if case .object(let fields) = self { fields[key] } else { nil }
  }

  /// The element at `index`, or nil where this is no array or is too short.
  package subscript(index: Int) -> Value? {
    if case .array(let items) = self, items.indices.contains(index) { items[index] } else { nil }
  }

  package var string: String? { if case .string(let s) = self { s } else { nil } }
  package var int: Int? { if case .int(let i) = self { i } else { nil } }
  /// A number as Kubernetes keeps weights and counts of pods; of one that no int32 can hold the nearest that it can, so that
  /// what is made of it does not overflow.
  package var int32: Int? { int.map { min(max($0, Int(Int32.min)), Int(Int32.max)) } }
  package var bool: Bool? { if case .bool(let b) = self { b } else { nil } }
  package var array: [Value]? { if case .array(let a) = self { a } else { nil } }
  package var fields: Fields? { if case .object(let f) = self { f } else { nil } }

  /// The value at a path of keys: `object.at("metadata", "name")`. Most paths are short and often asked for: no array is
  /// made for them.
  package func at(_ first: String, _ second: String) -> Value? { self[first]?[second] }
  package func at(_ first: String, _ second: String, _ third: String) -> Value? { self[first]?[second]?[third] }

  package func at(_ first: String, _ second: String, _ third: String, _ fourth: String, _ more: String...) -> Value? {
    guard var value = at(first, second, third)?[fourth] else { return nil }
    for key in more {
      guard let next = value[key] else { return nil }
      value = next
    }
    return value
  }
}

/// The members of an object in the order in which they were written. A lookup is linear: Kubernetes objects are small,
/// and emitting in order matters more.
package struct Fields: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package var key: String
    package var value: Value

    package init(key: String, value: Value) {
      self.key = key
      self.value = value
    }
  }

  package var entries: [Entry]

  package init(_ entries: [Entry] = []) { self.entries = entries }

  package var isEmpty: Bool { entries.isEmpty }
  package var count: Int { entries.count }
  package var keys: [String] { entries.map(\.key) }

  package subscript(key: String) -> Value? {
    get {
      for i in entries.indices where entries[i].key == key { return entries[i].value }
      return nil
    }
    set {
      if let i = entries.firstIndex(where: { $0.key == key }) {
        if let newValue { entries[i].value = newValue } else { entries.remove(at: i) }
      } else if let newValue {
        entries.append(Entry(key: key, value: newValue))
      }
    }
  }

  /// Two objects are equal if they hold the same members, in whatever order.
  package static func == (a: Fields, b: Fields) -> Bool {
    guard a.entries.count == b.entries.count else { return false }
    if a.isIdentical(to: b) { return true }
    for (i, entry) in a.entries.enumerated() {
      let other = b.entries[i]
      if other.key.hasSameBytes(as: entry.key) {
        if other.value != entry.value { return false }
      } else if b.entries.first(where: { $0.key.hasSameBytes(as: entry.key) })?.value != entry.value {
        return false
      }
    }
    return true
  }

  /// One array in memory, and so equal; states that follow each other share most of what they hold. False says nothing.
  package func isIdentical(to other: Fields) -> Bool {
    entries.withUnsafeBufferPointer { a in
      other.entries.withUnsafeBufferPointer { b in a.count == b.count && a.baseAddress == b.baseAddress }
    }
  }

  package func hash(into hasher: inout Hasher) {
    var combined = 0
    for entry in entries {
      var h = Hasher()
      h.combine(entry.key)
      h.combine(entry.value)
      combined ^= h.finalize()
    }
    hasher.combine(combined)
  }
}

extension Fields: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, Value)...) {
    entries = elements.map { Entry(key: $0.0, value: $0.1) }
  }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int) { self = .int(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(arrayLiteral elements: Value...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, Value)...) {
    self = .object(Fields(elements.map { Fields.Entry(key: $0.0, value: $0.1) }))
  }
}

extension String {
  /// `==` asks whether two texts read the same, however their characters are composed.
  fileprivate func hasSameBytes(as other: String) -> Bool {
    // What has the same sixteen bytes is one text, be they its characters or where they stand.
    if unsafeBitCast(self, to: SIMD2<UInt64>.self) == unsafeBitCast(other, to: SIMD2<UInt64>.self) { return true }
    return self == other && utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
  }
}
