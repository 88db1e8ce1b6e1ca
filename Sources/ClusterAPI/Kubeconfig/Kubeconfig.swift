package import KubernetesModel
internal import YAMLCoding

/// One or more kubeconfig files, merged but not yet understood: an entry that nobody uses may hold anything.
///
/// Merging is client-go's: maps by name, the first file that has an entry gives the whole of it, and the first
/// `current-context` that is not empty wins. Each entry remembers its file, which relative paths count from and errors
/// name.
package struct Kubeconfig: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package var name: String
    /// The body under `cluster`, `user` or `context`.
    package var body: Value
    package var file: String
  }

  package var clusters: [String: Entry] = [:]
  package var users: [String: Entry] = [:]
  package var contexts: [String: Entry] = [:]
  package var currentContext: String?
  /// The files that were read, in order.
  package var files: [String] = []

  package init() {}

  /// Reads one file's text.
  package init(_ bytes: [UInt8], file: String) throws(KubeconfigError) {
    files = [file]
    let documents: [Value]
    do throws(YAMLError) {
      documents = try parseYAML(bytes)
    } catch {
      // Not the parser's excerpt: it may hold a token.
      throw KubeconfigError(
        file: file, "this is no YAML: line \(error.line), column \(error.column): \(error.message)")
    }
    // An empty file is a kubeconfig without entries.
    guard let root = documents.first, root != .null else { return }
    guard root.fields != nil else { throw KubeconfigError(file: file, "this is no kubeconfig: it holds no mapping") }
    if let kind = root["kind"]?.string, kind != "Config" {
      throw KubeconfigError(file: file, "this is no kubeconfig: its kind is \(kind), not Config")
    }
    clusters = try Self.entries(root, "clusters", "cluster", file)
    users = try Self.entries(root, "users", "user", file)
    contexts = try Self.entries(root, "contexts", "context", file)
    switch root["current-context"] {
    case nil, .null?: break
    case .string(let name)?: currentContext = name.isEmpty ? nil : name
    default: throw KubeconfigError(file: file, "`current-context` is no text")
    }
  }

  private static func entries(
    _ root: Value, _ list: String, _ key: String, _ file: String
  ) throws(KubeconfigError) -> [String: Entry] {
    guard let value = root[list], value != .null else { return [:] }
    guard let items = value.array else { throw KubeconfigError(file: file, "`\(list)` is no list") }
    var entries: [String: Entry] = [:]
    for (i, item) in items.enumerated() {
      guard let name = item["name"]?.string else {
        throw KubeconfigError(file: file, "`\(list)[\(i)]` has no `name`")
      }
      guard entries[name] == nil else {
        throw KubeconfigError(file: file, entry: "\(key) \"\(name)\"", "this name stands twice")
      }
      entries[name] = Entry(name: name, body: item[key] ?? .null, file: file)
    }
    return entries
  }

  /// Adds what `other` has and this has not.
  package mutating func merge(_ other: Kubeconfig) {
    clusters.merge(other.clusters) { first, _ in first }
    users.merge(other.users) { first, _ in first }
    contexts.merge(other.contexts) { first, _ in first }
    currentContext = currentContext ?? other.currentContext
    files += other.files
  }
}

/// What loading looks at besides the files.
package struct KubeconfigSources: Sendable {
  /// `--kubeconfig`: this file alone, and it must exist.
  package var explicitPath: String?
  package var environment: [String: String]
  package var files: FileReader

  package init(explicitPath: String? = nil, environment: [String: String], files: FileReader) {
    self.explicitPath = explicitPath
    self.environment = environment
    self.files = files
  }

  /// The merged kubeconfig, or nil where there is none at all: then the pod's own service account may serve.
  ///
  /// Order: the explicit file; the files of `$KUBECONFIG` (missing ones are skipped); `~/.kube/config`.
  package func load() throws(KubeconfigError) -> Kubeconfig? {
    if let explicitPath {
      switch files.read(explicitPath) {
      case .success(let bytes): return try Kubeconfig(bytes, file: explicitPath)
      case .failure(let problem): throw KubeconfigError(file: explicitPath, "\(problem)")
      }
    }
    let paths: [String]
    if let variable = environment["KUBECONFIG"], !variable.isEmpty {
      paths = variable.split(separator: ":").map(String.init)
    } else if let home = environment["HOME"], !home.isEmpty {
      paths = ["\(home)/.kube/config"]
    } else {
      paths = []
    }
    var merged: Kubeconfig?
    var seen: Set<String> = []
    for path in paths where seen.insert(path).inserted {
      switch files.read(path) {
      case .success(let bytes):
        let next = try Kubeconfig(bytes, file: path)
        if merged == nil { merged = next } else { merged?.merge(next) }
      case .failure(.missing): continue
      case .failure(let problem): throw KubeconfigError(file: path, "\(problem)")
      }
    }
    return merged
  }
}
