internal import CYAML
package import KubernetesModel

/// `value` as one YAML document in block style, without `---`, ending with a line break.
package func yamlBytes(_ value: Value) -> [UInt8] {
  var writer = YAMLWriter()
  writer.write(document: value)
  return writer.finish()
}

/// Writes YAML documents into one growing buffer through libyaml.
///
/// Documents carry no `---` and no `...`: separators and comments are the caller's, by ``write(line:)``. The style of
/// every scalar is chosen by ``ScalarStyle``, never by libyaml.
package struct YAMLWriter: ~Copyable {
  /// libyaml keeps the emitter's address in its own structures and hands `output` to the write handler, so neither may
  /// move while the writer does.
  private let emitter: UnsafeMutablePointer<yaml_emitter_t>
  private let output: UnsafeMutablePointer<[UInt8]>

  package init() {
    emitter = .allocate(capacity: 1)
    emitter.initialize(to: yaml_emitter_t())
    output = .allocate(capacity: 1)
    output.initialize(to: [])
    yaml_emitter_initialize(emitter)
    yaml_emitter_set_output(emitter, appendToOutput, output)
    yaml_emitter_set_unicode(emitter, 1)
    yaml_emitter_set_indent(emitter, 2)
    yaml_emitter_set_width(emitter, -1)
    var event = yaml_event_t()
    event.type = YAML_STREAM_START_EVENT
    event.data.stream_start.encoding = YAML_UTF8_ENCODING
    emit(&event)
  }

  deinit {
    yaml_emitter_delete(emitter)
    emitter.deinitialize(count: 1)
    emitter.deallocate()
    output.deinitialize(count: 1)
    output.deallocate()
  }

  /// The number of bytes written so far.
  package var count: Int { output.pointee.count }

  /// The number of line breaks written so far: the next line's number is one more. O(1).
  package var lineCount: Int { Int(truncatingIfNeeded: emitter.pointee.line) }

  package mutating func reserveCapacity(_ count: Int) { output.pointee.reserveCapacity(count) }

  /// Writes `line` and a line break as they are: a comment, or `---`. A line break inside `line` is the caller's fault.
  package mutating func write(line: String) {
    output.pointee.append(contentsOf: line.utf8)
    output.pointee.append(0x0A)
    emitter.pointee.line &+= 1
  }

  /// Writes one document and a final line break.
  package mutating func write(document: Value) {
    // libyaml forces `---` before all but the first document of a stream; the separators here are the caller's.
    emitter.pointee.state = YAML_EMIT_FIRST_DOCUMENT_START_STATE
    emitter.pointee.open_ended = 0
    var event = yaml_event_t()
    event.type = YAML_DOCUMENT_START_EVENT
    event.data.document_start.implicit = 1
    emit(&event)
    write(document, isRoot: true)
    event = yaml_event_t()
    event.type = YAML_DOCUMENT_END_EVENT
    event.data.document_end.implicit = 1
    emit(&event)
    emitter.pointee.unicode = 1
  }

  /// Whether a text holds characters that turn the direction of what a reviewer sees (Unicode TR 36, "Trojan Source"):
  /// from there on the document is written with `\u` escapes.
  private static func turnsText(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    for i in bytes.indices {
      switch bytes[i] {
      case 0xE2 where i + 2 < bytes.count:
        let (second, third) = (bytes[i + 1], bytes[i + 2])
        if second == 0x80, third == 0x8E || third == 0x8F || third >= 0xAA && third <= 0xAE { return true }
        if second == 0x81, third >= 0xA6, third <= 0xA9 { return true }
      case 0xD8 where i + 1 < bytes.count:
        if bytes[i + 1] == 0x9C { return true }
      default: break
      }
    }
    return false
  }

  /// The bytes written so far; the writer starts again with none.
  package mutating func finish() -> [UInt8] {
    yaml_emitter_flush(emitter)
    let bytes = output.pointee
    output.pointee = []
    emitter.pointee.line = 0
    return bytes
  }

  private func emit(_ event: inout yaml_event_t) {
    // The only errors possible here are those of memory: the sequence of events is well formed, and Swift's strings
    // are valid UTF-8.
    _ = yaml_emitter_emit(emitter, &event)
  }

  private func write(_ value: Value, isRoot: Bool) {
    switch value {
    case .null: write(scalar: "null", .plain)
    case .bool(let b): write(scalar: b ? "true" : "false", .plain)
    case .int(let i): write(scalar: String(i), .plain)
    case .double(let d): write(scalar: text(of: d), .plain)
    case .string(let s): write(string: s, allowsLiteral: !isRoot)
    case .array(let items):
      var event = yaml_event_t()
      event.type = YAML_SEQUENCE_START_EVENT
      event.data.sequence_start.implicit = 1
      event.data.sequence_start.style = YAML_BLOCK_SEQUENCE_STYLE
      emit(&event)
      // Through spans here and below, which lend their elements: no reference is counted, and threads that write
      // documents with common parts do not wait for each other's counts.
      let span = items.span
      for i in span.indices { write(span[i], isRoot: false) }
      event = yaml_event_t()
      event.type = YAML_SEQUENCE_END_EVENT
      emit(&event)
    case .object(let fields):
      var event = yaml_event_t()
      event.type = YAML_MAPPING_START_EVENT
      event.data.mapping_start.implicit = 1
      event.data.mapping_start.style = YAML_BLOCK_MAPPING_STYLE
      emit(&event)
      let span = fields.entries.span
      for i in span.indices {
        write(string: span[i].key, allowsLiteral: false)
        write(span[i].value, isRoot: false)
      }
      event = yaml_event_t()
      event.type = YAML_MAPPING_END_EVENT
      emit(&event)
    }
  }

  private func text(of number: Double) -> String {
    if number.isNaN { return ".nan" }
    if number.isInfinite { return number < 0 ? "-.inf" : ".inf" }
    return floatText(number)
  }

  private func write(string: String, allowsLiteral: Bool) {
    string.utf8.span.withUnsafeBufferPointer { bytes in
      var style = ScalarStyle(for: bytes)
      if style == .literal, !allowsLiteral { style = .doubleQuoted }
      write(bytes, style)
    }
  }

  private func write(scalar: String, _ style: ScalarStyle) {
    scalar.utf8.span.withUnsafeBufferPointer { write($0, style) }
  }

  private func write(_ bytes: UnsafeBufferPointer<UInt8>, _ style: ScalarStyle) {
    // The emitter frees the copy. `yaml_scalar_event_initialize` would check the encoding once more.
    var style = style
    if style != .plain, YAMLWriter.turnsText(bytes) {
      style = .doubleQuoted
      emitter.pointee.unicode = 0
    }
    guard let copy = malloc(bytes.count &+ 1)?.assumingMemoryBound(to: UInt8.self) else { return }
    if let base = bytes.baseAddress { copy.update(from: base, count: bytes.count) }
    copy[bytes.count] = 0
    var event = yaml_event_t()
    event.type = YAML_SCALAR_EVENT
    event.data.scalar.value = copy
    event.data.scalar.length = bytes.count
    event.data.scalar.plain_implicit = 1
    event.data.scalar.quoted_implicit = 1
    event.data.scalar.style =
      switch style {
      case .plain: YAML_PLAIN_SCALAR_STYLE
      case .doubleQuoted: YAML_DOUBLE_QUOTED_SCALAR_STYLE
      case .literal: YAML_LITERAL_SCALAR_STYLE
      }
    emit(&event)
  }
}

private func appendToOutput(
  _ output: UnsafeMutableRawPointer?, _ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int
) -> Int32 {
  guard let output, let bytes else { return 0 }
  output.assumingMemoryBound(to: [UInt8].self).pointee
    .append(contentsOf: UnsafeBufferPointer(start: bytes, count: count))
  return 1
}
