extension Catalogue {
  /// The page of every code, in the order of the codes.
  package static let pages: [CodePage] =
    CodePage.syntax + CodePage.names + CodePage.values + CodePage.routing + CodePage.safety + CodePage.folders
    + CodePage.output + CodePage.environments + CodePage.rehearsals + CodePage.style + CodePage.running
    + CodePage.preflight

  package static func page(for code: Code) -> CodePage? { pages.first { $0.code == code } }
}

extension CodePage {
  /// The page as it is printed, in Markdown that reads well as plain text.
  package var text: String {
    let kind = code.severity == .warning ? "warning" : "error"
    var text = "# \(code.id) \(code.slug) (\(kind))\n\n\(title)\n\n\(why)\n"
    let (badTitle, goodTitle) =
      switch stage {
      case .plan, .safety: ("A plan that earns it", "A plan that does not")
      case .folder: ("A folder that earns it", "A folder that does not")
      case .running: ("A plan that may meet it", "A plan that is prepared")
      }
    text += "\n## \(badTitle)\n\n\(bad.text)"
    text += "\n## \(goodTitle)\n\n\(good.text)"
    text += "\n## What to do\n\n\(fix)\n"
    if code.canBeAllowed {
      let place = stage == .folder ? "for an object, in its document" : "in place"
      text += "\nTo silence it \(place): `\(code.allowance)`\n"
    }
    return text
  }
}

extension CodePage.Example {
  /// The plan and its files as code blocks.
  fileprivate var text: String {
    var text = environment.map { "With `--env \($0)`:\n\n" } ?? ""
    text += "```\(isYAML ? "yaml" : "rollout")\n\(plan.trimmedLineBreaks)\n```\n"
    for file in files {
      let language = file.path.hasSuffix(".rollout") ? "rollout" : "yaml"
      text += "\nand in `\(file.path)`:\n\n```\(language)\n\(file.text.trimmedLineBreaks)\n```\n"
    }
    return text
  }
}

extension String {
  var trimmedLineBreaks: Substring {
    var slice = self[...]
    while slice.first == "\n" { slice = slice.dropFirst() }
    while slice.last == "\n" { slice = slice.dropLast() }
    return slice
  }
}
