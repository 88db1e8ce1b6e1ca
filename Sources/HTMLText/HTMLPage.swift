internal import CXML

/// A page as a tree of elements and texts, in the order of its text.
struct HTMLPage {
  struct Node {
    enum Content {
      case element(name: String, attributes: [(name: String, value: String)])
      case text(String)
    }

    var content: Content
    /// -1 for the outermost.
    var parent: Int
    /// One behind its last descendant.
    var end: Int
  }

  private(set) var nodes: [Node] = []

  /// - Parameter encoding: what is known from outside; nil for what the page says itself.
  init(_ bytes: [UInt8], encoding: String?) throws(HTMLError) {
    if let why = cxml_load() { throw HTMLError(message: String(cString: why)) }
    var page = cxml_page()
    let isOpen = bytes.withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress?.assumingMemoryBound(to: CChar.self) else { return false }
      return cxml_open(&page, start, buffer.count, encoding)
    }
    guard isOpen else { return }
    defer { cxml_close(&page) }
    var parent = -1
    func close(_ index: Int) {
      nodes[index].end = nodes.count
      parent = nodes[index].parent
    }
    while true {
      switch cxml_next(&page) {
      case cxml_end:
        while parent >= 0 { close(parent) }
        return
      case cxml_element:
        let isEmpty = cxml_is_empty(&page)
        let name = text(cxml_name(&page)).lowercased()
        var attributes: [(name: String, value: String)] = []
        while cxml_next_attribute(&page) {
          attributes.append((text(cxml_name(&page)).lowercased(), text(cxml_value(&page))))
        }
        nodes.append(Node(content: .element(name: name, attributes: attributes), parent: parent, end: nodes.count + 1))
        if !isEmpty { parent = nodes.count - 1 }
      case cxml_text:
        nodes.append(Node(content: .text(text(cxml_value(&page))), parent: parent, end: nodes.count + 1))
      case cxml_element_end: if parent >= 0 { close(parent) }
      default: break
      }
    }
  }

  private func text(_ pointer: UnsafePointer<CChar>?) -> String { pointer.map { String(cString: $0) } ?? "" }
}

/// Why pages cannot be read at all.
package struct HTMLError: Error, Hashable, Sendable {
  package var message: String
}
