import Diagnostics
import KubernetesModel
import RolloutSyntax
import YAMLCoding

/// What a plan says of objects in YAML: patches and manifests.
extension Resolver {
  func resolvePatch(_ statement: StatementView) {
    let tree = statement.tree
    var target: Patch.Target?
    if let token = statement.first(.component) {
      guard let component = component(token, in: tree) else { return }
      switch statement.first(of: .deployment, .service, .route, .rule) {
      case .deployment?:
        var chosen: VersionID?
        if let token = statement.first(.version) {
          guard let version = version(token, of: component, in: tree) else { return }
          chosen = version
        }
        target = .deployment(component, version: chosen)
      case let word?:
        if let token = statement.first(.version) {
          let range = tree.range(ofToken: token)
          let blank = SourceRange(file: range.file, start: tree.tokens[token].leading, end: range.start)
          report(.patchVersion(word.text, at: range, blank: blank))
          return
        }
        target = word == .service ? .service(component) : word == .route ? .route(component) : .rule(component)
      case nil: return
      }
    } else if let kind = text(.kind, of: statement), let name = text(.name, of: statement) {
      guard kind.value.utf8.first.map({ $0 >= 0x41 && $0 <= 0x5A }) ?? false, kind.value.utf8.allSatisfy(isAlphanumeric)
      else {
        report(.badKind(kind.value, at: kind.range))
        return
      }
      guard dnsSubdomain(name, what: "name of an object") != nil else { return }
      target = .object(kind: kind.value, name: name.value)
    }
    guard let target else { return }
    var bytes: [UInt8]
    let range: SourceRange
    var path: String?
    if let token = statement.first(.file) {
      guard let file = readFile(token, in: tree) else { return }
      (bytes, range, path) = (file.bytes, file.range, file.path)
    } else {
      guard let token = statement.first(.text), let text = text(token, in: tree) else { return }
      (bytes, range) = (Array(text.value.utf8), text.range)
    }
    let origin = path ?? "the patch"
    do {
      var documents = try parseYAML(bytes)
      if let token = statement.first(.text), documents.count == 1 {
        documents[0] = keepingTexts(documents[0], of: token, in: tree, target.group, target.kind)
      }
      guard documents.count == 1, case .object? = documents.first else {
        report(.badYAML("\(origin) is no single mapping", at: range))
        return
      }
      if let part = ["metadata", "spec"].first(where: {
        documents[0][$0].map { $0 != .null && $0.fields == nil } ?? false
      }) {
        report(.badYAML("`\(part)` in \(origin) is no mapping", at: range))
        return
      }
      let protected = protectedFields(in: documents[0], target)
      if !protected.isEmpty {
        report(.protectedFields(protected, at: range))
        return
      }
      // Of kinds that only a manifest knows, the group is not known here.
      if let directive = strayDirective(documents[0], isBuiltIn: target.group == "unknown" || isBuiltIn(target.group)) {
        report(
          .badYAML(
            "`\(directive)` in \(origin) is a directive that a patch of \(target.kind) does not know", at: range,
            help: "write the fields as they are to be; `null` takes one away"))
        return
      }
      if target.kind == "Deployment", let (list, key) = keylessElement(in: documents[0]) {
        report(
          .badYAML(
            "an element of `\(list)` in \(origin) has no `\(key)`: it would be one more, with nothing else in it",
            at: range, help: "say with `\(key)` which one is meant"))
        return
      }
      var isRefused = false
      if target.kind == "Deployment", let reason = refusal(ofDeploymentPatch: documents[0]) {
        report(
          .badYAML(
            "\(origin) makes a Deployment that Kubernetes does not take: \(reason)", at: range,
            help: "leave it out, or give it a value that Kubernetes takes"))
        isRefused = true
      }
      if let reason = refusal(ofIstioObject: documents[0], kind: target.kind), target.group.hasSuffix(".istio.io") {
        report(
          .badYAML(
            "\(origin) makes a \(target.kind) that Istio does not take: \(reason)", at: range,
            help: "give it a value that Istio takes"))
        isRefused = true
      }
      if target.kind == "VirtualService", !isRefused, let rule = strandedRule(inPatch: documents[0]) {
        report(
          .badYAML(
            "\(origin) makes a VirtualService that Istio does not take: \(rule.reason)", at: range, help: rule.help))
        isRefused = true
      }
      let unquoted = unquotedTexts(in: documents[0], group: target.group, kind: target.kind)
      if !unquoted.isEmpty { report(.unquotedText(unquoted, in: origin, at: range)) }
      if isRefused || !unquoted.isEmpty { return }
      if case .object(kind: "Secret", let name) = target, holdsSecrets(documents[0]) {
        report(.secretInManifest(name, path: path, at: range))
        return
      }
      if let field = strayField(documents[0], target) {
        let problem =
          field == "$patch"
          ? "\(origin) has `$patch` for the object as a whole: a patch changes fields of it"
          : "\(origin) has `\(field)` beside `spec`, where no such object has it: `{spec: {\(field): …}}`?"
        report(.badYAML(problem, at: range))
        return
      }
      for (field, similar) in KnownFields.unknown(in: documents[0], of: target.kind) {
        report(.unknownField(field, of: target.kind, similar: similar, at: range))
      }
      for effect in unfollowedEffects(of: documents[0]) {
        report(.notFollowed("`\(effect.field)`", effect.reason, at: range))
      }
      plan.patches.append(Patch(target: target, value: documents[0], range: statement.range))
    } catch {
      report(.badYAML("\(origin) is no YAML: line \(error.line): \(error.message)", at: range))
    }
  }

  /// What a parameter puts into a patch is no YAML of the plan's author: `1.10` of a version stays that, and so does what
  /// goes where only text can stand. Elsewhere, where the plan says no kind, the slot decides, as YAML reads it.
  private func keepingTexts(_ value: Value, of token: Int, in tree: SyntaxTree, _ group: String, _ kind: String)
    -> Value
  {
    guard tree.tokens[token].kind == .text else { return value }
    let (open, close): (Character, Character) = ("\u{E000}", "\u{E001}")
    var marked = ""
    var parameters: [Parameter] = []
    for part in TokenText.parts(tree.tokens[token], in: tree.file) {
      switch part {
      case .literal(let text):
        if text.contains(open) { return value }
        marked += text
      case .parameter(let name, let at):
        guard let parameter = parameter(name, at: at) else { return value }
        marked += "\(open)\(parameters.count)\(close)"
        parameters.append(parameter)
      case .unclosed: return value
      }
    }
    guard !parameters.isEmpty, let documents = try? parseYAML(Array(marked.utf8)), documents.count == 1 else {
      return value
    }
    func filled(_ text: String) -> (text: String, isText: Bool)? {
      var (result, isText, isFilled) = ("", false, false)
      var rest = text[...]
      while let start = rest.firstIndex(of: open) {
        guard let end = rest[start...].firstIndex(of: close), let number = Int(rest[rest.index(after: start)..<end]),
          parameters.indices.contains(number)
        else { return nil }
        let parameter = parameters[number]
        result += rest[..<start] + parameter.value
        isFilled = true
        if parameter.isTyped, parameter.kind == .text || parameter.kind == .version { isText = true }
        rest = rest[rest.index(after: end)...]
      }
      return isFilled ? (result + rest, isText) : nil
    }
    func look(_ value: Value, _ marked: Value, _ path: [String]) -> Value {
      switch (value, marked) {
      case (.object(var fields), .object(let others)) where fields.count == others.count:
        for i in fields.entries.indices {
          let key = fields.entries[i].key
          fields.entries[i].value = look(fields.entries[i].value, others.entries[i].value, path + [key])
        }
        return .object(fields)
      case (.array(let items), .array(let others)) where items.count == others.count:
        return .array(items.indices.map { look(items[$0], others[$0], path) })
      case (.null, .string(let text)), (.bool, .string(let text)), (.int, .string(let text)),
        (.double, .string(let text)):
        guard let filled = filled(text), filled.isText || takesOnlyText(at: path, group: group, kind: kind) else {
          return value
        }
        return .string(filled.text)
      default: return value
      }
    }
    return look(value, documents[0], [])
  }

  /// Ports of a PeerAuthentication that no selector narrows: the plan's own is for the whole namespace, and a patch never
  /// gives it a selector.
  func checkPatchedPolicies() {
    for patch in plan.patches {
      guard case .object(kind: "PeerAuthentication", let name) = patch.target, namesPortsForEverybody(patch.value)
      else {
        continue
      }
      let isNarrow = plan.manifests.lazy.flatMap(\.objects).contains { object in
        ObjectID(object).map {
          $0.kind == "PeerAuthentication" && $0.name == name
            && ($0.namespace.isEmpty || $0.namespace == plan.namespace)
        } ?? false && hasSelector(object)
      }
      if isNarrow { continue }
      report(
        .badYAML(
          "the patch makes a PeerAuthentication that Istio does not take: `portLevelMtls` is for pods that a `selector` names, and `\(name)` is for the whole namespace",
          at: patch.range,
          help: "write a PeerAuthentication of its own, with a `selector`, and take it in by `manifest`"))
    }
  }

  /// Retries without a number of them, which no other patch brings either: the plan's own rules have none.
  func checkPatchedRetries() {
    let routes = plan.patches.filter { $0.target.kind == "VirtualService" }
    let counted = routes.flatMap { $0.value.at("spec", "http")?.array ?? [] }.filter(hasAttempts)
    for patch in routes {
      let isIdle = idleRetries(in: patch.value).contains { rule in
        !counted.contains { $0["name"] == nil || rule["name"] == nil || $0["name"] == rule["name"] }
      }
      if isIdle {
        report(
          .badYAML(
            "the patch makes a VirtualService that Istio does not take: \(idleRetriesReason)", at: patch.range,
            help: "say with `attempts` how often, or leave the rest of `retries` out"))
      }
    }
  }

  /// A field at the top of a patch that objects of this kind do not have there. Of kinds in manifests nobody knows.
  private func strayField(_ patch: Value, _ target: Patch.Target) -> String? {
    if case .object(let kind, _) = target,
      !["Namespace", "Gateway", "PeerAuthentication", "PersistentVolumeClaim"].contains(kind)
    {
      return nil
    }
    return patch.fields?.entries.first { !["apiVersion", "kind", "metadata", "spec"].contains($0.key) }?.key
  }

  /// What a patch may never change: names, namespaces, selectors, ownership labels.
  private func protectedFields(in patch: Value, _ target: Patch.Target) -> [String] {
    // Null takes away what stands there, with all that is in it.
    let holders = [
      ["metadata"], ["metadata", "labels"], ["spec"], ["spec", "template"], ["spec", "template", "metadata"],
      ["spec", "template", "metadata", "labels"],
    ]
    let emptied = holders.filter { $0.reduce(patch) { value, key in value?[key] } == .null }
    let changed = protectedPaths(ofKind: target.kind).filter { path in
      path.reduce(patch) { value, key in value?[key] } != nil
    }
    return (emptied + changed).map { path in
      path.dropFirst().reduce(path[0]) { text, key in text + (key.contains("/") ? "[\(key)]" : ".\(key)") }
    }
  }

  /// A directive of strategic merges that is not followed: it would be written as a field. Custom resources know none.
  private func strayDirective(_ patch: Value, isBuiltIn: Bool) -> String? {
    switch patch {
    case .object(let fields):
      for entry in fields.entries {
        if entry.key.hasPrefix("$"), !isBuiltIn || entry.key != "$patch" { return entry.key }
        if let found = strayDirective(entry.value, isBuiltIn: isBuiltIn) { return found }
      }
      return nil
    case .array(let items): return items.lazy.compactMap { self.strayDirective($0, isBuiltIn: isBuiltIn) }.first
    default: return nil
    }
  }

  func resolveManifest(_ statement: StatementView) {
    guard let token = statement.first(.file), let file = readFile(token, in: statement.tree) else { return }
    do {
      var objects: [Value] = []
      var isWhole = true
      for document in try parseYAMLDocuments(file.bytes) {
        if case .null = document.value { continue }
        let items = document.value["kind"]?.string == "List" ? document.value["items"]?.array ?? [] : [document.value]
        for object in items {
          // All that is wrong with a file is said at once.
          let problem = problem(of: object, in: file.path, line: document.line, at: file.range)
          if let problem {
            isWhole = false
            if !diagnostics.contains(problem) { report(problem) }
            continue
          }
          guard let id = ObjectID(object) else { continue }
          objects.append(withoutNulls(object, group: id.group, kind: id.kind))
          let isRoute = id.group == "networking.istio.io" && (id.kind == "VirtualService" || id.kind == "Gateway")
          let partly = "requests to paths and hosts that the plan does not name are not followed through it"
          if let reason = unfollowedEffect(of: id) ?? (isRoute ? partly : nil) {
            report(.notFollowed("\(id)", reason, at: file.range))
          }
          for effect in unfollowedEffects(of: object) {
            report(.notFollowed("`\(effect.field)` of \(id)", effect.reason, at: file.range))
          }
        }
      }
      guard isWhole else { return }
      if objects.isEmpty { return report(.badManifest("`\(file.path)` holds no object", at: file.range)) }
      plan.manifests.append(Manifest(path: file.path, objects: objects, range: statement.range))
    } catch {
      report(.badManifest("`\(file.path)` is no YAML: line \(error.line): \(error.message)", at: file.range))
    }
  }

  /// Why an object of a manifest cannot be taken.
  private func problem(of object: Value, in path: String, line: Int, at range: SourceRange) -> Diagnostic? {
    guard let id = ObjectID(object), object["apiVersion"]?.string != nil else {
      return .badManifest(
        "the document at line \(line) of `\(path)` is no Kubernetes object: it needs `apiVersion`, `kind` and `metadata.name`",
        at: range)
    }
    if let problem = nameProblem(id) {
      return .badManifest(
        "the object at line \(line) of `\(path)` is none that Kubernetes takes: \(problem)", at: range)
    }
    if id.group.hasSuffix(".istio.io"), let reason = refusal(ofIstioObject: object, kind: id.kind) {
      return .badManifest("the object at line \(line) of `\(path)` is none that Istio takes: \(reason)", at: range)
    }
    if id.group == "networking.istio.io", id.kind == "VirtualService", !idleRetries(in: object).isEmpty {
      return .badManifest(
        "the object at line \(line) of `\(path)` is none that Istio takes: \(idleRetriesReason)", at: range)
    }
    if id.group == "security.istio.io", id.kind == "PeerAuthentication", namesPortsForEverybody(object) {
      return .badManifest(
        "the object at line \(line) of `\(path)` is none that Istio takes: `portLevelMtls` is for pods that a `selector` names",
        at: range)
    }
    let unquoted = unquotedTexts(in: object, group: id.group, kind: id.kind)
    if !unquoted.isEmpty { return .unquotedText(unquoted, in: "\(id) of `\(path)`", at: range) }
    if id.kind == "Secret", holdsSecrets(object) { return .secretInManifest(id.name, path: path, at: range) }
    return nil
  }

  /// The file of a manifest that has a Service of that name. What is wrong with the file is said elsewhere.
  func manifest(withService name: String) -> String? {
    for tree in trees {
      for index in tree.roots where tree.statements[index].form == .manifest {
        guard let token = tree[index].first(.file), let file = text(token, in: tree)?.value else { continue }
        let path = normalizedPath(joined(directory(of: normalizedPath(tree.file.path)), file))
        guard case .success(let bytes) = loader.read(path), let documents = try? parseYAML(bytes) else { continue }
        let objects = documents.flatMap { $0["kind"]?.string == "List" ? $0["items"]?.array ?? [] : [$0] }
        if objects.contains(where: { ObjectID($0).map { $0.kind == "Service" && $0.name == name } ?? false }) {
          return path
        }
      }
    }
    return nil
  }

  /// Names are parts of paths, of URLs and of files. Those of RBAC may hold nearly anything else; all others are DNS names.
  private func nameProblem(_ id: ObjectID) -> String? {
    let kind = Array(id.kind.utf8)
    guard kind.count <= 63, kind.allSatisfy({ $0 >= 0x30 && isLowerAlphanumeric($0 | 0x20) }) else {
      return "the kind `\(id.kind)` has other characters than letters and digits"
    }
    if id.group == "rbac.authorization.k8s.io" {
      let isPlain = id.name.utf8.allSatisfy {
        $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "%")
      }
      if !isPlain || id.name == "." || id.name == ".." || id.name.utf8.count > 253 {
        return "`\(id.name)` cannot be a name"
      }
    } else if let problem = dnsSubdomainProblem(id.name) {
      return "`\(id.name)` cannot be a name: \(problem)"
    }
    if !id.namespace.isEmpty, let problem = dnsLabelProblem(id.namespace, startsWithLetter: false) {
      return "`\(id.namespace)` cannot be a namespace: \(problem)"
    }
    return nil
  }

  private func holdsSecrets(_ secret: Value) -> Bool {
    ["data", "stringData"].contains { key in
      if case .object(let fields)? = secret[key] { !fields.isEmpty } else { false }
    }
      // The same data once more.
      || secret.at("metadata", "annotations", "kubectl.kubernetes.io/last-applied-configuration") != nil
  }
}

/// An object without fields that are null, as Kubernetes reads them: left out, and empty where only a text can stand, as of
/// a key of a ConfigMap. A server-side apply that named them would own them.
private func withoutNulls(_ object: Value, group: String, kind: String) -> Value {
  func look(_ value: Value, _ path: [String]) -> Value? {
    switch value {
    case .null: takesOnlyText(at: path.dropLast() + ["any"], group: group, kind: kind) ? .string("") : nil
    case .object(let fields):
      .object(
        Fields(
          fields.entries.compactMap { entry in
            look(entry.value, path + [entry.key]).map { Fields.Entry(key: entry.key, value: $0) }
          }))
    case .array(let items): .array(items.map { $0 == .null ? $0 : look($0, path) ?? $0 })
    case .bool, .int, .double, .string: value
    }
  }
  return look(object, []) ?? object
}
