import Diagnostics
import RolloutSyntax

/// What a name stands for.
enum Binding: Hashable {
  case known(Int)
  /// A broken line seems to declare it: it exists, and nothing is known about it.
  case poisoned
}

/// One kind of names: components, cookies … A class, as are the tables together: whoever looks up or declares one name of
/// many copies none of the others.
final class NameTable {
  private(set) var bindings: [String: (binding: Binding, range: SourceRange)] = [:]
  /// In the order of declaration, for suggestions.
  private(set) var order: [String] = []
  /// Those that a good line declares, in that order: what a broken line seems to declare is not offered.
  var declared: [String] { order.filter { bindings[$0]?.binding != .poisoned } }
  /// Names that were reported, and where among the diagnostics.
  var reported: [String: Int] = [:]
  /// What names that cannot be names are when they are mended, and the names as they stand.
  private var mended: [String: String] = [:]

  /// Declares `name`; gives the range of an earlier declaration where there is one.
  func declare(_ name: String, _ binding: Binding, at range: SourceRange) -> SourceRange? {
    if let earlier = bindings[name] {
      // What a broken line seems to declare is no reason to reject what a good line declares.
      if earlier.binding == .poisoned {
        bindings[name] = (binding, range)
        return nil
      }
      return earlier.range
    }
    bindings[name] = (binding, range)
    order.append(name)
    return nil
  }

  var hasMended: Bool { !mended.isEmpty }

  /// Lets `name`, which cannot be one, be looked up as it should be written, too.
  func mend(_ name: String, as right: String) { mended[right] = name }

  /// Ends that, where another one is declared by the right name; gives the wrong one.
  func forgetMended(_ right: String) -> String? { mended.removeValue(forKey: right) }

  subscript(name: String) -> (binding: Binding, range: SourceRange)? {
    bindings[name] ?? (mended.isEmpty ? nil : mended[name].flatMap { bindings[$0] })
  }

  /// A line broke before its name could be read: any unknown name may be the one it declared.
  var hasNamelessDeclaration = false
}

final class NameTables {
  let components = NameTable()
  let releases = NameTable()
  let cookies = NameTable()
  let headers = NameTable()
  let secrets = NameTable()
  let probes = NameTable()
  let patterns = NameTable()
  let metrics = NameTable()
  let parameters = NameTable()
  let environments = NameTable()
  let steps = NameTable()
  let rehearsals = NameTable()
  /// Versions, by component index.
  var versions: [NameTable] = []
  var parameterValues: [Parameter] = []
}

/// A text and where it stands.
struct SpannedText: Hashable {
  var value: String
  var range: SourceRange
}

struct Parameter {
  enum Kind: String { case number, percent, duration, text, version }

  /// A value may be made of other parameters, wherever they are declared, so it is read when it is asked for.
  enum Reading { case unread, begun, done }

  var name: String
  var kind: Kind
  /// The plan writes the kind: its value is a text, or a version, wherever it is put.
  var isTyped = false
  var nameRange: SourceRange
  /// What the plan, or the chosen environment, writes as its value; nil: the command line gives it, or nothing could be
  /// read.
  var source: (token: Int, tree: SyntaxTree)?
  var reading = Reading.unread
  var value = ""
  /// There is no value of the kind.
  var isFaulty = false
}

extension Resolver {
  enum Kind { case component, release, cookie, header, secret, probe, pattern, metric }

  private func path(_ kind: Kind) -> KeyPath<NameTables, NameTable> {
    switch kind {
    case .component: \.components
    case .release: \.releases
    case .cookie: \.cookies
    case .header: \.headers
    case .secret: \.secrets
    case .probe: \.probes
    case .pattern: \.patterns
    case .metric: \.metrics
    }
  }

  private func code(_ kind: Kind) -> (Code, String) {
    switch kind {
    case .component: (.unknownComponent, "component")
    case .release: (.unknownRelease, "release")
    case .cookie: (.undeclaredCookie, "cookie")
    case .header: (.unknownHeader, "header")
    case .secret: (.unknownSecret, "secret")
    case .probe: (.unknownProbe, "probe")
    case .pattern: (.unknownPattern, "pattern")
    case .metric: (.unknownMetric, "metric")
    }
  }

  /// What the name at `token` stands for; nil, and reported once, where nothing of the kind is declared.
  /// - Parameter onlyIfClose: report only where a similar name exists: the line is broken anyhow.
  func lookUp(_ kind: Kind, _ token: Int, in tree: SyntaxTree, onlyIfClose: Bool = false) -> Int? {
    guard let name = reference(kind, token, in: tree, isBroken: onlyIfClose) else { return nil }
    return lookUp(kind, name, onlyIfClose: onlyIfClose)
  }

  /// The name at `token`. What is declared is named by its name, wherever it is used; releases are named as versions are,
  /// and versions are values.
  func reference(_ kind: Kind, _ token: Int, in tree: SyntaxTree, isBroken: Bool = false) -> SpannedText? {
    guard let name = text(token, in: tree) else { return nil }
    guard kind != .release, !isBroken, usesParameter(token, in: tree) else { return name }
    // A parameter that should have been the name is reported once, with an edit of all its uses.
    reportOnce(tree.file.text(name.range), in: path(kind), at: name.range) {
      .nameFromParameter(tree.file.text(name.range), noun: code(kind).1, value: name.value, at: name.range)
    }
    return name
  }

  func lookUp(_ kind: Kind, _ name: SpannedText, onlyIfClose: Bool = false) -> Int? {
    let path = path(kind)
    switch binding(of: name, in: path) {
    case .known(let index): return index
    case .poisoned: return nil
    case nil:
      let table = names[keyPath: path]
      // Versions are all close to each other.
      if doubtfulWords.contains(name.value) || table.hasNamelessDeclaration && kind == .release { return nil }
      // Whose report has an edit has a similar name.
      if let index = table.reported[name.value] {
        mend(name.range, with: index)
        return nil
      }
      // Its Service's name is surer than any that is only similar.
      let meant = kind == .component ? plan.components.first { $0.service == name.value }?.name : nil
      let similar = meant ?? nearest(to: name.value, in: table.order, allowsOne: false)
      if similar == nil, onlyIfClose || table.hasNamelessDeclaration { return nil }
      if similar == nil, isFollowUp(name) { return nil }
      reportOnce(name.value, in: path, at: name.range) {
        if let meant {
          return .nameOfService(name.value, of: meant, at: name.range, declared: table[meant]?.range)
        }
        if kind == .component, let manifest = manifest(withService: name.value) {
          let form = statement(at: name.range)?.form
          return .serviceOfManifest(name.value, path: manifest, at: name.range, isCall: form == .calls)
        }
        let (code, noun) = code(kind)
        return .unknownName(
          code, noun, name.value, at: name.range, similar: similar,
          declared: similar.flatMap { table[$0]?.range }, known: table.declared)
      }
      return nil
    }
  }

  /// What the name stands for. Where its declaration has an edit that gives it another name, this use is mended with it.
  func binding(of name: SpannedText, in path: KeyPath<NameTables, NameTable>) -> Binding? {
    let table = names[keyPath: path]
    let known = table[name.value]
    if table.hasMended, known != nil, let index = table.reported[name.value] { mend(name.range, with: index) }
    return known?.binding
  }

  /// Reports a name that cannot be one. Where it is certain what it should be, it is known by that, too, and the edit
  /// reaches its uses: one fault, one diagnostic.
  func reportBadName(
    _ name: SpannedText, what: String, problem: String, in path: KeyPath<NameTables, NameTable>, label: String
  ) {
    let isParameter = path == \.parameters
    let right = dnsLabelRepair(name.value).flatMap { right in
      names[keyPath: path][right] == nil && !(isParameter && Keyword(right) != nil) ? right : nil
    }
    let count = diagnostics.count
    report(
      .badName(
        name.value, what: what, problem: problem, at: name.range, repaired: right, label: label,
        startsWithLetter: path == \.components))
    guard let right, diagnostics.count > count else { return }
    names[keyPath: path].mend(name.value, as: right)
    names[keyPath: path].reported[name.value] = count
  }

  /// What is declared by the name that another declaration should have had: how that one is to be called is open.
  func withdrawMendedName(_ right: String, in path: KeyPath<NameTables, NameTable>) {
    guard let wrong = names[keyPath: path].forgetMended(right), let index = names[keyPath: path].reported[wrong],
      diagnostics.indices.contains(index)
    else { return }
    diagnostics[index].fixIts = []
    diagnostics[index].help = "give it another name"
  }

  /// Reports an unknown name once. Where it stands again, the edit of that report mends it too.
  func reportOnce(
    _ name: String, in path: KeyPath<NameTables, NameTable>, at range: SourceRange, _ make: () -> Diagnostic
  ) {
    if let index = names[keyPath: path].reported[name] {
      mend(range, with: index)
      return
    }
    let count = diagnostics.count
    report(make())
    names[keyPath: path].reported[name] = diagnostics.count > count ? count : -1
  }

  /// Adds the name at `range` to the edit of the diagnostic at `index`, where it is the same name.
  func mend(_ range: SourceRange, with index: Int) {
    guard diagnostics.indices.contains(index), let first = diagnostics[index].fixIts.first?.edits.first,
      let file = sources[range.file], first.range.file == range.file,
      !diagnostics[index].fixIts[0].edits.contains(where: { $0.range == range })
    else { return }
    let (written, text) = (file.text(first.range), file.text(range))
    if written == text {
      diagnostics[index].fixIts[0].edits.append(Edit(range, first.replacement))
      return
    }
    // One parameter as `$name`, as `${name}` and, in an environment, as `name`.
    func bare(_ text: String) -> String { text.filter { !"${}".contains($0) } }
    guard bare(written) == bare(text) else { return }
    let name = bare(first.replacement)
    let spelled = text.hasPrefix("${") ? "${\(name)}" : text.hasPrefix("$") ? "$\(name)" : name
    diagnostics[index].fixIts[0].edits.append(Edit(range, spelled))
  }

  /// A line that already has an error, and a name of another kind: the line's words are in another order than meant.
  private func isFollowUp(_ name: SpannedText) -> Bool {
    guard let last = diagnostics.last, last.severity == .error, last.primary.range.file == name.range.file,
      last.primary.range.end <= name.range.start, let file = sources[name.range.file]
    else { return false }
    let between = file.bytes[Int(last.primary.range.end)..<Int(name.range.start)]
    guard !between.contains(UInt8(ascii: "\n")) else { return false }
    return Keyword(name.value) != nil || Resolver.allTables.contains { names[keyPath: $0][name.value] != nil }
  }

  /// The statement in whose line the range stands.
  private func statement(at range: SourceRange) -> StatementNode? {
    guard let tree = trees.first(where: { $0.file.id == range.file }) else { return nil }
    return tree.statements.first { node in
      let line = tree.range(of: node)
      return line.start <= range.start && range.end <= line.end
    }
  }

  func component(_ token: Int?, in tree: SyntaxTree, onlyIfClose: Bool = false) -> ComponentID? {
    guard let token else { return nil }
    return lookUp(.component, token, in: tree, onlyIfClose: onlyIfClose).map { ComponentID($0) }
  }

  /// The version of `component` that the token names.
  func version(_ token: Int?, of component: ComponentID?, in tree: SyntaxTree, onlyIfClose: Bool = false) -> VersionID?
  {
    guard let token, let component, let name = text(token, in: tree) else { return nil }
    return version(name, of: component, onlyIfClose: onlyIfClose)
  }

  func version(_ name: SpannedText, of component: ComponentID, onlyIfClose: Bool = false) -> VersionID? {
    guard names.versions.indices.contains(component.index) else { return nil }
    let table = names.versions[component.index]
    switch table[name.value]?.binding {
    case .known(let index): return VersionID(component, index)
    case .poisoned: return nil
    case nil:
      let similar = nearest(to: name.value, in: table.order, allowsOne: false)
      if onlyIfClose && similar == nil || table.hasNamelessDeclaration { return nil }
      if doubtfulWords.contains(name.value) { return nil }
      reportOnce(name.value, in: \.versions[component.index], at: name.range) {
        let declaration = plan.components.indices.contains(component.index) ? plan[component] : nil
        return .unknownVersion(
          name.value, of: declaration?.name ?? "", at: name.range, declared: declaration?.nameRange,
          known: table.declared, similar: similar, release: memberOfRelease(name.value, component))
      }
      return nil
    }
  }

  /// The versions that `component` has in the release of that name; nil where there is none.
  private func memberOfRelease(_ name: String, _ component: ComponentID) -> [String]? {
    guard let release = plan.releases.first(where: { $0.name == name }) else { return nil }
    return release.members.first { $0.component == component }?.versions.map { plan[$0].name } ?? []
  }
}
