package import CSSSelectors

/// The text of the first element of `page` that `selector` finds; nil where it finds none.
///
/// libxml2's HTML parser forgives what browsers forgive. The encoding is the response's `charset`; without one it is
/// UTF-8 where the bytes are UTF-8, and otherwise what the page says of itself.
package func elementText(
  in page: [UInt8], contentType: String?, selector: ElementSelector
) throws(HTMLError) -> String? {
  let page = try HTMLPage(page, encoding: encoding(of: page, contentType: contentType))
  return page.first(selector).map { page.text(of: $0) }
}

func encoding(of page: [UInt8], contentType: String?) -> String? {
  if let charset = contentType.flatMap(charset) { return charset }
  // Only ASCII leaves it open: an encoding that shifts by escapes looks like that.
  guard page.contains(where: { $0 >= 0x80 }), String(validating: page, as: UTF8.self) != nil else { return nil }
  return "utf-8"
}

/// `text/html; charset="ISO-8859-1"` (RFC 9110, 8.3).
private func charset(_ contentType: String) -> String? {
  for parameter in contentType.split(separator: ";").dropFirst() {
    let sides = parameter.split(separator: "=", maxSplits: 1)
    guard sides.count == 2, sides[0].filter({ $0 != " " && $0 != "\t" }).lowercased() == "charset" else { continue }
    let value = sides[1].filter { $0 != " " && $0 != "\t" && $0 != "\"" && $0 != "'" }
    return value.isEmpty ? nil : String(value)
  }
  return nil
}
