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
      let documents = try parseYAML(bytes)
      guard documents.count == 1, case .object? = documents.first else {
        report(.badYAML("\(origin) is no single mapping", at: range))
        return
      }
      if let field = protectedField(documents[0], target) {
        report(.protectedField(field, at: range))
        return
      }
      if case .deployment = target, let reason = refusal(ofDeploymentPatch: documents[0]) {
        report(.badYAML("\(origin) makes a Deployment that Kubernetes does not take: \(reason)", at: range))
        return
      }
      if case .object(kind: "Secret", let name) = target, holdsSecrets(documents[0]) {
        report(.secretInManifest(name, path: path, at: range))
        return
      }
      if let field = strayField(documents[0], target) {
        report(
          .badYAML(
            "\(origin) has `\(field)` beside `spec`, where no such object has it: `{spec: {\(field): …}}`?", at: range))
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
  private func protectedField(_ patch: Value, _ target: Patch.Target) -> String? {
    // Null takes away what stands there, with all that is in it.
    let holders = [
      ["metadata"], ["metadata", "labels"], ["spec"], ["spec", "template"], ["spec", "template", "metadata"],
      ["spec", "template", "metadata", "labels"],
    ]
    for path in holders {
      var value: Value? = patch
      for key in path { value = value?[key] }
      if value == .null { return path.joined(separator: ".") }
    }
    for key in ["apiVersion", "kind"] where patch[key] != nil { return key }
    for key in ["name", "namespace"] where patch.at("metadata", key) != nil { return "metadata.\(key)" }
    for key in ["app.kubernetes.io/managed-by", "app.kubernetes.io/part-of"]
    where patch.at("metadata", "labels", key) != nil {
      return "metadata.labels[\(key)]"
    }
    // Which pods are the ingress of a cluster, the plan cannot know.
    let isGateway = if case .object(kind: "Gateway", _) = target { true } else { false }
    if patch.at("spec", "selector") != nil, !isGateway { return "spec.selector" }
    for key in ["app", "version"] where patch.at("spec", "template", "metadata", "labels", key) != nil {
      return "spec.template.metadata.labels.\(key)"
    }
    if patch.at("spec", "host") != nil { return "spec.host" }
    return nil
  }

  func resolveManifest(_ statement: StatementView) {
    guard let token = statement.first(.file), let file = readFile(token, in: statement.tree) else { return }
    do {
      var objects: [Value] = []
      for document in try parseYAMLDocuments(file.bytes) {
        if case .null = document.value { continue }
        let items = document.value["kind"]?.string == "List" ? document.value["items"]?.array ?? [] : [document.value]
        for object in items {
          guard let id = ObjectID(object), object["apiVersion"]?.string != nil else {
            report(
              .badManifest(
                "the document at line \(document.line) of `\(file.path)` is no Kubernetes object: it needs `apiVersion`, `kind` and `metadata.name`",
                at: file.range))
            return
          }
          if let problem = nameProblem(id) {
            report(
              .badManifest(
                "the object at line \(document.line) of `\(file.path)` is none that Kubernetes takes: \(problem)",
                at: file.range))
            return
          }
          if id.kind == "Secret", holdsSecrets(object) {
            report(.secretInManifest(id.name, path: file.path, at: file.range))
            return
          }
          objects.append(object)
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
      if objects.isEmpty { return report(.badManifest("`\(file.path)` holds no object", at: file.range)) }
      plan.manifests.append(Manifest(path: file.path, objects: objects, range: statement.range))
    } catch {
      report(.badManifest("`\(file.path)` is no YAML: line \(error.line): \(error.message)", at: file.range))
    }
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
  }
}
