import Diagnostics
import RolloutSyntax

/// R02: names.
extension Diagnostic {
  static func unknownName(
    _ code: Code, _ noun: String, _ name: String, at range: SourceRange, similar: String?, declared: SourceRange?,
    known: [String], prefix: String = "", isOption: Bool = false, isText: Bool = false
  ) -> Diagnostic {
    let help: String?
    if let similar {
      help = "a similar name is `\(prefix)\(similar)`"
    } else if known.isEmpty {
      help =
        isText
        ? nil
        : "no \(noun) is declared; declare one with `\(noun) NAME …`\(isOption ? ", or leave the option out" : "")"
    } else {
      let shown = known.prefix(8).map { "`\(prefix)\($0)`" }.joined(separator: ", ")
      help = "declared here: \(shown)\(known.count > 8 ? " and \(known.count - 8) more" : "")"
    }
    var fixIts: [FixIt] = []
    if let similar, !isOption {
      let text = isText ? "\"\(similar)\"" : prefix + similar
      fixIts = [FixIt("write `\(prefix)\(similar)`", [Edit(range, text)])]
    }
    return Diagnostic(
      code, "there is no \(noun) named `\(name)`",
      at: Label(range, isOption ? "asked for on the command line" : "not declared"),
      secondary: declared.map { [Label($0, "`\(similar ?? "")` is declared here")] } ?? [], help: help, fixIts: fixIts)
  }

  /// - Parameter release: the declared release that the word behind `all` names.
  static func deployAll(release: String?, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unknownComponent, "there is no component named `all`", at: Label(range, "not declared"),
      help: release.map { "all of a release is deployed by `deploy release \($0)`" }
        ?? "write a line for each component; a release is deployed as one by `deploy release RELEASE`",
      fixIts: release == nil ? [] : [FixIt("write `release`", [Edit(range, "release")])])
  }

  /// - Parameter release: the declared one that the next word names.
  static func misspelledRelease(_ word: String, release: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unknownComponent, "there is no component named `\(word)`", at: Label(range, "not declared"),
      help: "all of a release is deployed by `deploy release \(release)`",
      fixIts: [FixIt("write `release`", [Edit(range, "release")])])
  }

  /// - Parameter next: what stays.
  static func retireWithoutRelease(_ name: String, at range: SourceRange, upTo next: SourceRange) -> Diagnostic {
    let removed = SourceRange(file: range.file, start: range.start, end: next.start)
    return Diagnostic(
      .unknownComponent, "there is no component named `release`", at: Label(range, "not declared"),
      help: "leave `release` out: `retire \(name)` retires the release of that name, and else each version of it",
      fixIts: [FixIt("leave `release` out", [Edit(removed, "")])])
  }

  static func statusWithoutWord(_ status: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unknownPattern, "there is no pattern named `\(status)`", at: Label(range, "not declared"),
      help: "a status is asked for by `status \(status)`",
      fixIts: [FixIt("write `status \(status)`", [Edit(range, "status \(status)")])])
  }

  static func textWithoutWord(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unknownPattern, "there is no pattern named `\(text)`", at: Label(range, "not declared"),
      help: "a text that the answer must hold comes behind `contains`, and one that it must be behind `equals`")
  }

  /// - Parameter path: the manifest that has a Service of that name.
  static func serviceOfManifest(_ name: String, path: String, at range: SourceRange, isCall: Bool) -> Diagnostic {
    Diagnostic(
      .unknownComponent, "there is no component named `\(name)`", at: Label(range, "not declared"),
      notes: [
        "`\(path)` has a Service of that name; how its pods come and go is not the plan's, and nothing is proved of calls to them"
      ],
      help: isCall
        ? "only components can be called: leave it out, or make it a component"
        : "write its address as a value: `env NAME = \(name)`, or make it a component")
  }

  /// A component is named by what the cluster calls it.
  static func nameOfService(_ name: String, of component: String, at range: SourceRange, declared: SourceRange?)
    -> Diagnostic
  {
    let written = Keyword(component) == nil ? component : "\"\(component)\""
    return Diagnostic(
      .unknownComponent, "there is no component named `\(name)`", at: Label(range, "the Service of `\(component)`"),
      secondary: declared.map { [Label($0, "`\(component)` is declared here")] } ?? [],
      notes: ["a plan names components; what the cluster calls them stands behind `service`"],
      help: "`\(name)` is the Service's name of `\(component)`: write `\(written)`",
      fixIts: [FixIt("write `\(written)`", [Edit(range, written)])])
  }

  /// `"${host of api}:3550"`
  /// - Parameter service: what the component is called in the cluster.
  static func addressInText(_ name: String, service: String, at range: SourceRange, isHost: Bool) -> Diagnostic {
    Diagnostic(
      .unknownParameter, "there is no parameter named `\(name)`", at: Label(range, "not a parameter"),
      notes: ["`env NAME = host of COMPONENT`, `port of` and `url of` are values of their own, and stand in no text"],
      help: isHost
        ? "write the name of its Service: `\(service)`"
        : "write the whole address: the host is `\(service)`, and `env NAME = url of COMPONENT` has the port and the scheme with it",
      fixIts: isHost ? [FixIt("write `\(service)`", [Edit(range, service)])] : [])
  }

  static func unclosedParameter(at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unknownParameter, "`${` is never closed", at: Label(range, "no `}` in this text"),
      help: #"write `${NAME}` for a parameter, and `\$` for a dollar sign"#)
  }

  static func unknownVersion(
    _ name: String, of component: String, at range: SourceRange, declared: SourceRange?, known: [String],
    similar: String?, release: [String]? = nil
  ) -> Diagnostic {
    if let release {
      let only = release.count == 1 ? release[0] : nil
      let versions = release.map { "`\($0)`" }.joined(separator: ", ")
      return Diagnostic(
        .unknownVersion, "`\(name)` is a release, and a version of `\(component)` is wanted",
        at: Label(range, "not a version"),
        help: release.isEmpty
          ? "`\(component)` is not in that release" : "in that release `\(component)` is \(versions)",
        fixIts: only.map { [FixIt("write `\($0)`", [Edit(range, $0)])] } ?? [])
    }
    // `1.0#note`: the blank before the comment is missing.
    if let hash = name.firstIndex(of: "#"), known.contains(String(name[..<hash])) {
      let repaired = "\(name[..<hash]) \(name[hash...])"
      return Diagnostic(
        .unknownVersion, "`\(component)` has no version `\(name)`", at: Label(range, "all one word"),
        help: "a comment begins behind a blank: `\(repaired)`",
        fixIts: [FixIt("write `\(repaired)`", [Edit(range, repaired)])])
    }
    // `web:2.0`, as an image is named.
    if name.hasPrefix(component + ":"), known.contains(String(name.dropFirst(component.count + 1))) {
      let version = String(name.dropFirst(component.count + 1))
      return Diagnostic(
        .unknownVersion, "`\(component)` has no version `\(name)`", at: Label(range, "with its component"),
        help: "here the version stands alone: `\(version)`",
        fixIts: [FixIt("write `\(version)`", [Edit(range, version)])])
    }
    // `2.0` is no misspelt `1.0`, nor `v2` a `v1`: it was forgotten.
    let isNumber = name.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }
    func digitless(_ text: String) -> [UInt8] { text.utf8.filter { !(0x30...0x39).contains($0) } }
    let typo = similar.flatMap { isNumber || digitless(name) == digitless($0) ? nil : $0 }
    return Diagnostic(
      .unknownVersion, "`\(component)` has no version `\(name)`", at: Label(range, "not declared"),
      secondary: declared.map { [Label($0, "`\(component)` is declared here")] } ?? [],
      help: typo.map { "a similar version is `\($0)`" }
        ?? (known.isEmpty
          ? "declare it with `version \(name)`"
          : "its versions are \(known.map { "`\($0)`" }.joined(separator: ", ")); declare it with `version \(name)`"),
      fixIts: typo.map { [FixIt("write `\($0)`", [Edit(range, $0)])] } ?? [])
  }

  static func joinedByColon(_ name: String, component: String, version: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unknownRelease, "there is no release or version named `\(name)`", at: Label(range, "not declared"),
      help: "a component and its version are two words: `\(component) \(version)`",
      fixIts: [FixIt("write `\(component) \(version)`", [Edit(range, "\(component) \(version)")])])
  }

  static func unknownSecretKey(
    _ key: String, secret: String, keys: [String], at range: SourceRange, declared: SourceRange?
  ) -> Diagnostic {
    // `MYSQL_PASSWORD` is no misspelt `MYSQL_ROOT_PASSWORD`: what is handed out is not to be guessed.
    let similar = nearest(to: key, in: keys).flatMap {
      editDistance(Array(key.unicodeScalars), Array($0.unicodeScalars)) <= 2 ? $0 : nil
    }
    return Diagnostic(
      .unknownSecretKey, "the secret `\(secret)` has no key `\(key)`", at: Label(range, "not in `has`"),
      secondary: declared.map { [Label($0, "`\(secret)` is declared here")] } ?? [],
      help: similar.map { "a similar key is `\($0)`" }
        ?? "its keys are \(keys.map { "`\($0)`" }.joined(separator: ", "))",
      fixIts: similar.map { [FixIt("write `\($0)`", [Edit(range, $0)])] } ?? [])
  }

  static func duplicate(_ message: String, at range: SourceRange, earlier: SourceRange) -> Diagnostic {
    Diagnostic(
      .duplicateName, message, at: Label(range, "again here"), secondary: [Label(earlier, "first here")],
      help: "remove one of them, or give it another name")
  }

  static func duplicateSetting(_ message: String, at range: SourceRange, earlier: SourceRange) -> Diagnostic {
    Diagnostic(
      .duplicateSetting, message, at: Label(range, "again here"), secondary: [Label(earlier, "first here")],
      help: "keep one of the two")
  }

  /// - Parameter removing: the second one with the comma before it; nil where more than blanks may lie between.
  static func memberTwice(_ member: String, at range: SourceRange, earlier: SourceRange, removing: SourceRange?)
    -> Diagnostic
  {
    var diagnostic = duplicateSetting("`\(member)` stands twice in one list", at: range, earlier: earlier)
    if let removing { diagnostic.fixIts = [FixIt("remove the second one", [Edit(removing, "")])] }
    return diagnostic
  }

  static func duplicateMember(_ component: String, release: String, at range: SourceRange, earlier: SourceRange)
    -> Diagnostic
  {
    Diagnostic(
      .duplicateMember, "`\(component)` stands twice in release `\(release)`", at: Label(range, "again here"),
      secondary: [Label(earlier, "first here")], help: "list its versions on one line: `\(component) 1.0 -> 1.1`")
  }

  static func missingFile(_ name: String, _ reason: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .missingFile, "cannot read `\(name)`: \(reason)", at: Label(range, "named here"),
      help: "a file name is relative to the file that names it")
  }

  static func fileFromParameter(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .missingFile, "`\(text)` cannot name a file to include: parameters are known only when all files are read",
      at: Label(range, "a parameter stands for values only"), help: "write the name of the file")
  }

  static func includeCycle(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .includeCycle, "`\(name)` includes the file that includes it", at: Label(range, "closes the circle"),
      help: "move what both need into a third file")
  }

  static func includeOutside(_ name: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .includeOutside, "`\(name)` lies outside the plan's folder", at: Label(range, "not allowed"),
      help: "move the file beside the plan, or widen the folder with `--root DIR`")
  }

  static func includeNotDeclaration(_ range: SourceRange) -> Diagnostic {
    Diagnostic(
      .includeNotDeclaration, "an included file holds declarations only", at: Label(range, "a step"),
      help: "steps stand in the plan's own file, where their order can be read")
  }

  static func parameterNameTaken(
    _ name: String, isKeyword: Bool, at range: SourceRange, other: SourceRange? = nil, noun: String = ""
  ) -> Diagnostic {
    Diagnostic(
      .parameterNameTaken,
      isKeyword
        ? "a parameter cannot be named `\(name)`: it is a word of the language"
        : "a parameter cannot be named `\(name)`: a \(noun) has that name", at: Label(range, "taken"),
      secondary: other.map { [Label($0, "the \(noun) `\(name)`")] } ?? [], help: "give the parameter another name")
  }
}

/// R01 and R09: what the plan as a whole must say.
extension Diagnostic {
  static func missingPlan(at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .missingPlan, "the plan has no name", at: Label(range, "`plan NAME` is missing"),
      help: "begin the file with `plan NAME`", fixIts: [FixIt("name the plan", [Edit(range, "plan my-plan\n")])])
  }

  static func notLast(at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .notLast, "`rollback` is the last line of its step", at: Label(range, "more lines follow"),
      help: "move what follows into a step of its own, before or after")
  }

  static func regexQuotes(_ text: String, at range: SourceRange) -> Diagnostic {
    let isSafe = !text.contains("'") && !text.contains("\\") && !text.contains("\n")
    return Diagnostic(
      .regexQuotes, "a regular expression stands in single quotes", at: Label(range, "in double quotes"),
      notes: ["in double quotes a backslash begins an escape, in single quotes nothing is special"],
      help: "write '\(text)'", fixIts: isSafe ? [FixIt("use single quotes", [Edit(range, "'\(text)'")])] : [])
  }

  static func missingLanguage(at range: SourceRange) -> Diagnostic {
    let after = SourceRange(file: range.file, start: range.end, end: range.end)
    return Diagnostic(
      .missingLanguage, "the plan does not say which edition of the language it is written in",
      at: Label(range, "edition 1 is assumed"), help: "write `language 1` below the plan's name",
      fixIts: [FixIt("insert `language 1`", [Edit(after, "\nlanguage 1")])])
  }

  /// - Parameter mark: makes a reason of what stands behind the slug; nil where nothing does.
  static func allowWithoutReason(_ slug: String, at range: SourceRange, mark: Edit? = nil) -> Diagnostic {
    Diagnostic(
      .allowWithoutReason, "`\(slug)` is allowed without a reason",
      at: Label(range, mark == nil ? "no reason" : "the reason begins with `--`"),
      help: "write why: `# rolloutc: allow \(slug) -- REASON`",
      fixIts: mark.map { [FixIt("put `--` before the reason", [$0])] } ?? [])
  }

  /// - Parameter line: the comment with what goes with it; nil where more is said in it.
  static func unusedAllow(_ slug: String, at range: SourceRange, line: SourceRange?) -> Diagnostic {
    Diagnostic(
      .unusedAllow, "nothing here would be reported as `\(slug)`", at: Label(range, "has no effect"),
      help: "take it away",
      fixIts: line.map { [FixIt("remove the comment", [Edit($0, "")])] } ?? [])
  }

  /// - Parameter word: where `slug` stands in the comment.
  static func unknownSlug(_ slug: String, at range: SourceRange, word: SourceRange? = nil) -> Diagnostic {
    if let code = Catalogue.codes.first(where: { $0.id == slug.uppercased() }), code.canBeAllowed {
      return Diagnostic(
        .unknownSlug, "`\(slug)` is a code, and a lint is allowed by its slug", at: Label(range, "has no effect"),
        help: "write `\(code.slug)`",
        fixIts: word.map { [FixIt("write `\(code.slug)`", [Edit($0, code.slug)])] } ?? [])
    }
    let allowed = Catalogue.codes.filter(\.canBeAllowed).map(\.slug)
    if Catalogue.code(named: slug) != nil {
      return Diagnostic(
        .unknownSlug, "`\(slug)` is an error and cannot be allowed", at: Label(range, "has no effect"),
        help: "mend what it reports")
    }
    let similar = nearest(to: slug, in: allowed)
    return Diagnostic(
      .unknownSlug, slug.isEmpty ? "nothing is named after `allow`" : "there is no lint named `\(slug)`",
      at: Label(range, "has no effect"),
      help: similar.map { "a similar name is `\($0)`" }
        ?? "each diagnostic's page names its slug: `rolloutc explain CODE`")
  }

  static func unknownDirective(_ text: String, at range: SourceRange) -> Diagnostic {
    Diagnostic(
      .unknownDirective, "`\(text)` is no directive", at: Label(range, "has no effect"),
      help: "write `# rolloutc: allow SLUG -- REASON`, or another comment")
  }
}
