internal import CYAML
package import KubernetesModel

/// Why some bytes are no YAML that a cluster would take, and where: line and column count from 1.
package struct YAMLError: Error, Hashable, Sendable, CustomStringConvertible {
  package var line: Int
  /// Counts characters.
  package var column: Int
  package var message: String

  package init(line: Int, column: Int, message: String) {
    self.line = line
    self.column = column
    self.message = message
  }

  package var description: String { "\(line):\(column): \(message)" }
}

/// One document of a YAML stream.
package struct YAMLDocument: Hashable, Sendable {
  package var value: Value
  /// The line on which its content begins, counted from 1.
  package var line: Int

  package init(value: Value, line: Int) {
    self.value = value
    self.line = line
  }
}

/// Reads all documents of a YAML stream. A document without content is `.null`; a stream of comments has no documents.
///
/// Scalars are resolved as kubectl does (sigs.k8s.io/yaml over yaml.v2, YAML 1.1 without sexagesimals): `yes`, `on` and
/// `y` are truth values, dates are text, keys that are numbers or truth values become text. Unlike yaml.v2, a key that
/// stands twice is an error, and explicit keys win over merged ones (`<<`) wherever they stand, as the merge type
/// demands. Nesting is limited to 256 levels and aliases to a million repeated values, of which a long text is several.
package func parseYAML(_ bytes: [UInt8]) throws(YAMLError) -> [Value] {
  try parseYAMLDocuments(bytes).map(\.value)
}

/// ``parseYAML(_:)`` with the line of each document.
package func parseYAMLDocuments(_ bytes: [UInt8]) throws(YAMLError) -> [YAMLDocument] {
  try bytes.withUnsafeBufferPointer { (buffer) throws(YAMLError) -> [YAMLDocument] in
    var reader = YAMLReader(buffer)
    return try reader.readStream()
  }
}

/// A loop over libyaml's parser events.
private struct YAMLReader: ~Copyable {
  /// What an anchor stands for, and what repeating it costs.
  private struct Node {
    var value: Value
    /// The number of values in it.
    var size: Int
    var height: Int
  }

  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let bytes: UnsafeBufferPointer<UInt8>
  private var event = yaml_event_t()
  private var anchors: [String: Node] = [:]
  private var repeated = 0

  private static let depthLimit = 256
  private static let repetitionLimit = 1_000_000

  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    yaml_parser_initialize(parser)
    yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
  }

  deinit {
    var last = event
    yaml_event_delete(&last)
    yaml_parser_delete(parser)
    parser.deinitialize(count: 1)
    parser.deallocate()
  }

  mutating func readStream() throws(YAMLError) -> [YAMLDocument] {
    guard !bytes.isEmpty else { return [] }
    var documents: [YAMLDocument] = []
    while true {
      try advance()
      switch event.type {
      case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return documents
      case YAML_DOCUMENT_START_EVENT:
        anchors = [:]
        try advance()
        let line = Int(event.start_mark.line) &+ 1
        documents.append(YAMLDocument(value: try readNode(depth: 0).value, line: line))
      default: break
      }
    }
  }

  /// Moves on to the next event; frees the one before.
  private mutating func advance() throws(YAMLError) {
    yaml_event_delete(&event)
    if yaml_parser_parse(parser, &event) == 0 { throw parserError() }
  }

  private func parserError() -> YAMLError {
    let p = parser.pointee
    var message = p.problem.map { String(cString: $0) } ?? "the text could not be read"
    if let context = p.context { message = "\(String(cString: context)): \(message)" }
    if p.error == YAML_READER_ERROR {
      // The reader runs ahead of the scanner, so the marks are behind; it knows the byte.
      var (line, column) = (1, 1)
      for byte in bytes.prefix(Int(truncatingIfNeeded: p.problem_offset)) {
        if byte == 0x0A {
          line &+= 1
          column = 1
        } else if byte & 0xC0 != 0x80 {
          column &+= 1
        }
      }
      return YAMLError(line: line, column: column, message: message)
    }
    return YAMLError(line: Int(p.problem_mark.line) &+ 1, column: Int(p.problem_mark.column) &+ 1, message: message)
  }

  private func error(_ message: String) -> YAMLError {
    YAMLError(line: Int(event.start_mark.line) &+ 1, column: Int(event.start_mark.column) &+ 1, message: message)
  }

  /// Reads the node that the current event begins; leaves the node's last event current.
  private mutating func readNode(depth: Int) throws(YAMLError) -> Node {
    guard depth < Self.depthLimit else { throw error("values are nested deeper than \(Self.depthLimit) levels") }
    switch event.type {
    case YAML_ALIAS_EVENT: return try readAlias(depth: depth)
    case YAML_SCALAR_EVENT:
      let anchor = text(event.data.scalar.anchor)
      let node = Node(value: try scalar(), size: 1 &+ Int(event.data.scalar.length) / 64, height: 1)
      if let anchor { anchors[anchor] = node }
      return node
    case YAML_SEQUENCE_START_EVENT:
      let anchor = text(event.data.sequence_start.anchor)
      try checkTag(event.data.sequence_start.tag, is: .sequence)
      return try readSequence(anchor: anchor, depth: depth)
    case YAML_MAPPING_START_EVENT:
      let anchor = text(event.data.mapping_start.anchor)
      try checkTag(event.data.mapping_start.tag, is: .mapping)
      return try readMapping(anchor: anchor, depth: depth)
    default: throw error("a value was expected")
    }
  }

  private mutating func readAlias(depth: Int) throws(YAMLError) -> Node {
    let name = text(event.data.alias.anchor) ?? ""
    guard let node = anchors[name] else { throw error("there is no anchor `\(name)` before this alias") }
    repeated &+= node.size
    guard repeated <= Self.repetitionLimit else {
      throw error("aliases repeat more than \(Self.repetitionLimit) values")
    }
    guard depth &+ node.height <= Self.depthLimit else {
      throw error("values are nested deeper than \(Self.depthLimit) levels")
    }
    return node
  }

  private mutating func readSequence(anchor: String?, depth: Int) throws(YAMLError) -> Node {
    var items: [Value] = []
    var (size, height) = (1, 1)
    while true {
      try advance()
      if event.type == YAML_SEQUENCE_END_EVENT { break }
      let item = try readNode(depth: depth &+ 1)
      items.append(item.value)
      size &+= item.size
      height = max(height, item.height &+ 1)
    }
    let node = Node(value: .array(items), size: size, height: height)
    if let anchor { anchors[anchor] = node }
    return node
  }

  private mutating func readMapping(anchor: String?, depth: Int) throws(YAMLError) -> Node {
    var entries: [Fields.Entry] = []
    var known: Set<String> = []
    var merge: (position: Int, entries: [Fields.Entry])?
    var (size, height) = (1, 1)
    while true {
      try advance()
      if event.type == YAML_MAPPING_END_EVENT { break }
      if isMergeKey {
        let mark = event.start_mark
        guard merge == nil else { throw error("the key `<<` stands twice in this mapping") }
        try advance()
        let source = try readNode(depth: depth &+ 1)
        size &+= source.size
        height = max(height, source.height &+ 1)
        guard let merged = mergedEntries(source.value) else {
          throw YAMLError(
            line: Int(mark.line) &+ 1, column: Int(mark.column) &+ 1,
            message: "the key `<<` takes a mapping or a sequence of mappings"
          )
        }
        merge = (entries.count, merged)
        continue
      }
      let mark = event.start_mark
      let key = try readKey(depth: depth)
      let isNew = entries.count < 16 ? !entries.contains { $0.key == key } : !known.contains(key)
      guard isNew else {
        throw YAMLError(
          line: Int(mark.line) &+ 1, column: Int(mark.column) &+ 1,
          message: "the key `\(key)` stands twice in this mapping"
        )
      }
      try advance()
      let value = try readNode(depth: depth &+ 1)
      size &+= value.size &+ 1
      height = max(height, value.height &+ 1)
      entries.append(Fields.Entry(key: key, value: value.value))
      if entries.count == 16 { known = Set(entries.map(\.key)) } else if entries.count > 16 { known.insert(key) }
    }
    if let merge {
      let explicit = Set(entries.map(\.key))
      entries.insert(contentsOf: merge.entries.filter { !explicit.contains($0.key) }, at: merge.position)
    }
    let node = Node(value: .object(Fields(entries)), size: size, height: height)
    if let anchor { anchors[anchor] = node }
    return node
  }

  /// `<<` unquoted (https://yaml.org/type/merge.html).
  private var isMergeKey: Bool {
    event.type == YAML_SCALAR_EVENT && event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE
      && event.data.scalar.length == 2 && event.data.scalar.tag == nil
      && event.data.scalar.value[0] == UInt8(ascii: "<") && event.data.scalar.value[1] == UInt8(ascii: "<")
  }

  /// The members that a merge brings in: earlier mappings win. Nil if the value is no mapping nor a sequence of them.
  private func mergedEntries(_ value: Value) -> [Fields.Entry]? {
    if let fields = value.fields { return fields.entries }
    guard let items = value.array else { return nil }
    var entries: [Fields.Entry] = []
    var known: Set<String> = []
    for item in items {
      guard let fields = item.fields else { return nil }
      for entry in fields.entries where known.insert(entry.key).inserted { entries.append(entry) }
    }
    return entries
  }

  private mutating func readKey(depth: Int) throws(YAMLError) -> String {
    guard event.type == YAML_SCALAR_EVENT || event.type == YAML_ALIAS_EVENT else {
      throw error("a key must be text")
    }
    let mark = event.start_mark
    let plain = event.type == YAML_SCALAR_EVENT ? scalarText() : ""
    switch try readNode(depth: depth &+ 1).value {
    case .string(let s): return s
    case .bool(let b): return b ? "true" : "false"
    case .int(let i): return String(i)
    case .double(let d): return plain.isEmpty ? floatText(d) : plain
    case .null, .array, .object:
      throw YAMLError(line: Int(mark.line) &+ 1, column: Int(mark.column) &+ 1, message: "a key must be text")
    }
  }
}

// MARK: - Scalars

extension YAMLReader {
  private func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
    pointer.map { String(cString: $0) }
  }

  /// The current scalar's content. libyaml checked the encoding.
  private func scalarText() -> String {
    let scalar = event.data.scalar
    guard let base = scalar.value else { return "" }
    return String(decoding: UnsafeBufferPointer(start: base, count: scalar.length), as: UTF8.self)
  }

  private func scalar() throws(YAMLError) -> Value {
    let content = scalarText()
    guard let tag = text(event.data.scalar.tag) else {
      return event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? resolved(content) : .string(content)
    }
    switch YAMLTag(tag) {
    case .text: return .string(content)
    case .null, .bool, .int:
      let value = resolved(content)
      switch (YAMLTag(tag), value) {
      case (.null, .null), (.bool, .bool), (.int, .int): return value
      default: throw error("`\(content)` does not fit the tag \(tag)")
      }
    case .float:
      switch resolved(content) {
      case .int(let i): return .double(Double(i))
      case .double(let d): return .double(d)
      case .null, .bool, .string, .array, .object: throw error("`\(content)` does not fit the tag \(tag)")
      }
    case .binary:
      guard let bytes = decodeBase64(content), let text = String(validating: bytes, as: UTF8.self) else {
        throw error("the tag \(tag) needs the base64 of a text in UTF-8")
      }
      return .string(text)
    case .sequence, .mapping, nil: throw error("the tag \(tag) cannot stand here")
    }
  }

  private func checkTag(_ pointer: UnsafeMutablePointer<UInt8>?, is expected: YAMLTag) throws(YAMLError) {
    guard let tag = text(pointer), tag != "!" else { return }
    guard YAMLTag(tag) == expected else { throw error("the tag \(tag) cannot stand here") }
  }
}

/// The tags that Kubernetes' manifests can carry.
private enum YAMLTag {
  case text, null, bool, int, float, binary, sequence, mapping

  init?(_ tag: String) {
    switch tag {
    case "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp": self = .text
    case "tag:yaml.org,2002:null": self = .null
    case "tag:yaml.org,2002:bool": self = .bool
    case "tag:yaml.org,2002:int": self = .int
    case "tag:yaml.org,2002:float": self = .float
    case "tag:yaml.org,2002:binary": self = .binary
    case "tag:yaml.org,2002:seq": self = .sequence
    case "tag:yaml.org,2002:map": self = .mapping
    default: return nil
    }
  }
}
