import Diagnostics
import RolloutSyntax

/// Turns trees into a ``Plan``, in passes: load the files, declare every name, resolve what the declarations say, resolve
/// the steps. Each pass reports what it finds and goes on.
///
/// A name is reported once. What a broken line may have declared or meant is *poisoned*: nothing is said about it again.
final class Resolver {
  let options: ResolutionOptions
  let loader: FileLoader
  var sources = SourceSet()
  var trees: [SyntaxTree] = []
  var diagnostics: [Diagnostic] = []
  var plan = Plan(name: "plan", nameRange: SourceRange(file: FileID(0), start: 0, end: 0))
  var hasPlanStatement = false
  let names = NameTables()
  /// By declarations; and by lines of steps, each of which counts from where it stands.
  var taint = Taint()
  var stepTaint = Taint()
  /// A line of a release is not understood: who is in it is not known.
  var hasBrokenRelease = false
  var requiredApprovals: Set<Form> = []
  /// How many values of parameters are being read, each for the one before it.
  var parameterDepth = 0
  /// The statements that fill each component and each of its versions, for the second pass.
  var componentStatements: [(component: ComponentID, statement: StatementView)] = []
  var releaseStatements: [(release: ReleaseID, statement: StatementView)] = []
  /// Versions with a broken line: what seems to be missing there may stand in it.
  var brokenVersions: Set<VersionID> = []
  /// Health checks that name no port, of versions that have none, or none that could answer.
  var checksWithoutPort: [VersionID: [(range: SourceRange, isLive: Bool)]] = [:]
  /// Ports of which the plan does not say what they speak.
  var portsWithoutProtocol: Set<SourceRange> = []
  var pendingEnv: [(VersionID, [PendingEnv])] = []
  var unsaidCalls: [UnsaidCalls] = []
  /// Whom a lint says to be called, by where it stands.
  var unsaidCallees: [SourceRange: [ComponentID]] = [:]
  /// Where the parser found faults, and the words that stand there.
  var faultyLines: [FileID: FaultyLines] = [:]
  /// An include could not be read: what it declares is not known.
  var hasMissingFile = false
  /// A name or a value of the declarations or the steps is wrong: what lints say about the order of steps may follow from it.
  var hasWrongNames = false
  /// Of a `namespace` line.
  var namespaceRange: SourceRange?
  var doubtfulWords: Set<String> = []
  /// Secrets whose line has a fault: their keys are not known.
  var brokenSecrets: Set<String> = []
  /// Secret keys that were reported: each once.
  var reportedKeys: [[String]: Int] = [:]
  /// The `expose` lines by what visitors come in by.
  var waysIn: [WayIn: [Int]] = [:]
  /// Lines of which a host, a path or a name is wrong: what else they would meet is not known.
  var brokenExposures: Set<SourceRange> = []
  private var loaded: Set<String> = []

  init(options: ResolutionOptions, loader: FileLoader) {
    self.options = options
    self.loader = loader
  }

  func report(_ diagnostic: Diagnostic) {
    if !isSilenced(diagnostic) { diagnostics.append(aboutParameter(diagnostic)) }
  }

  // MARK: - Files

  /// A line that may have been an `include`.
  private func isBroken(_ statement: StatementView) -> Bool {
    guard statement.form == nil else { return statement.node.isBroken }
    return statement.node.header.contains { token in
      statement.tree.tokens[token].kind == .word
        && (statement.tree.tokens[token].keyword == .include || statement.tree.word(token).hasSuffix(".rollout"))
    }
  }

  /// Parses the plan, then what it includes, depth first.
  func load(path: String, bytes: [UInt8]) {
    let normalized = normalizedPath(path)
    let root = options.root.map { normalizedPath($0) } ?? directory(of: normalized)
    load(path: path, normalized: normalized, bytes: bytes, root: root, stack: [normalized])
  }

  private func load(path: String, normalized: String, bytes: [UInt8], root: String, stack: [String]) {
    loaded.insert(normalized)
    let id = sources.add(path: path, bytes: bytes)
    guard let file = sources[id] else { return }
    let tree = parse(file)
    trees.append(tree)
    diagnostics.append(contentsOf: tree.diagnostics)
    for index in tree.roots {
      let statement = tree[index]
      if statement.form == nil || statement.form == .include, isBroken(statement) { hasMissingFile = true }
      guard statement.form == .include, let token = statement.first(.file) else { continue }
      let range = tree.range(ofToken: token)
      if usesParameter(token, in: tree) {
        hasMissingFile = true
        report(.fileFromParameter(tree.file.text(range), at: range))
        continue
      }
      guard let name = plainText(token, in: tree) else { continue }
      let target = normalizedPath(joined(directory(of: normalized), name))
      if stack.contains(target) {
        report(.includeCycle(name, at: range))
      } else if name.hasPrefix("/") || !isInside(target, root) {
        hasMissingFile = true
        report(.includeOutside(name, at: range))
      } else if loaded.contains(target) {
        continue
      } else {
        switch loader.read(target) {
        case .success(let bytes):
          load(path: target, normalized: target, bytes: bytes, root: root, stack: stack + [target])
        case .failure(let error):
          hasMissingFile = true
          report(.missingFile(name, error.message, at: range))
        }
      }
    }
  }

  /// Reads the file that `patch … with` or `manifest` names.
  func readFile(_ token: Int, in tree: SyntaxTree) -> (path: String, bytes: [UInt8], range: SourceRange)? {
    let range = tree.range(ofToken: token)
    guard let name = text(token, in: tree) else { return nil }
    let from = normalizedPath(tree.file.path)
    let target = normalizedPath(joined(directory(of: from), name.value))
    let root = options.root.map { normalizedPath($0) } ?? directory(of: normalizedPath(trees[0].file.path))
    guard !name.value.hasPrefix("/"), isInside(target, root) else {
      report(.includeOutside(name.value, at: range))
      return nil
    }
    switch loader.read(target) {
    case .success(let bytes): return (target, bytes, range)
    case .failure(let error):
      report(.missingFile(name.value, error.message, at: range))
      return nil
    }
  }

  /// Reads a file name before parameters are known: words and texts without parameters.
  private func plainText(_ token: Int, in tree: SyntaxTree) -> String? {
    switch tree.tokens[token].kind {
    case .word: return tree.word(token)
    case .text:
      let parts = TokenText.parts(tree.tokens[token], in: tree.file)
      var result = ""
      for part in parts {
        guard case .literal(let text) = part else { return nil }
        result += text
      }
      return result
    default: return nil
    }
  }
}

/// What visitors of an `expose` line ask for, as the line writes it.
struct WayIn: Hashable {
  var port: Int
  var gateway: String?
  var host: String
  var path: String
}

/// What broken lines may have been about: checks of order say nothing about it.
struct Taint: Sendable {
  var everything = false
  var components: Set<ComponentID> = []

  func covers(_ id: ComponentID) -> Bool { everything || components.contains(id) }

  mutating func formUnion(_ other: Taint) {
    everything = everything || other.everything
    components.formUnion(other.components)
  }
}

/// `a/b/../c` → `a/c`; keeps a leading `/` and leading `..`.
func normalizedPath(_ path: String) -> String {
  var parts: [Substring] = []
  let isAbsolute = path.hasPrefix("/")
  for part in path.split(separator: "/", omittingEmptySubsequences: true) {
    if part == "." { continue }
    if part == "..", let last = parts.last, last != ".." {
      parts.removeLast()
    } else if part == "..", isAbsolute {
      continue
    } else {
      parts.append(part)
    }
  }
  var normalized = isAbsolute ? "/" : ""
  for (i, part) in parts.enumerated() {
    if i > 0 { normalized += "/" }
    normalized += part
  }
  return normalized
}

func directory(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "" }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}

func joined(_ directory: String, _ name: String) -> String {
  directory.isEmpty || name.hasPrefix("/") ? name : directory == "/" ? "/" + name : directory + "/" + name
}

func isInside(_ path: String, _ directory: String) -> Bool {
  if directory.isEmpty { return !path.hasPrefix("/") && !path.hasPrefix("../") && path != ".." }
  return path.hasPrefix(directory == "/" ? "/" : directory + "/")
}
