import DiagnosticRendering
import Diagnostics
import KubernetesModel
import MeshModel
import RolloutPlan
import SafetyChecks
import YAMLCoding

/// `check AFTER --against BEFORE`: folders of plain YAML, read as kubectl reads them.
struct FolderRequest {
  /// The oldest first.
  var folders: [String]
  /// Where an object stands that does not say it.
  var namespace: String
  var clusterDomain: String
  /// A plan that says who should be served by what.
  var intent: PlanRequest?
  /// Claims may be deleted, with the data on them.
  var mayDeleteVolumes: Bool
  var diagnostics: DiagnosticOutput

  func run() throws {
    var sources = SourceSet()
    var notes: [String] = []
    var stages: [FolderStage] = []
    for folder in folders { stages.append(try stage(folder, &sources, &notes)) }
    let options = FolderCheckOptions(
      mesh: MeshOptions(clusterDomain: clusterDomain), intent: try intent.map(read), mayDeleteVolumes: mayDeleteVolumes)
    let (found, coverage) = check(folders: stages, options: options)
    if diagnostics.format == .human { for note in notes { IO.standardError("note: \(safeText(note))\n") } }
    diagnostics.show(found, sources, always: true)
    if diagnostics.refuses(found) { IO.exit(Exit.usage) }
    guard diagnostics.format == .human else { return }
    IO.standardError(
      """
      no fault on the way: \(counted(coverage.changes, "object")) changed, \
      \(counted(coverage.flows, "kind")) of requests, \(counted(coverage.configurations, "configuration"))

      """)
  }

  /// What an intent says about images is not asked for, and not looked at.
  private func read(_ request: PlanRequest) throws -> FolderIntent {
    let resolution = try request.resolved()
    let found = resolution.diagnostics.filter { $0.code != .missingImage }
    if found.hasErrors {
      diagnostics.show(found.filter { $0.severity == .error }, resolution.sources, always: true)
      IO.exit(Exit.usage)
    }
    guard let plan = resolution.plan,
      let intent = FolderIntent(plan, folders: folders.count, options: MeshOptions(clusterDomain: clusterDomain))
    else {
      let steps = counted(resolution.plan?.steps.count ?? 0, "step")
      throw Failure(
        "`\(request.plan)` has \(steps), and there are \(folders.count) folders: write one step for all of them, one for each, or none",
        code: Exit.usage)
    }
    return intent
  }

  private func stage(_ folder: String, _ sources: inout SourceSet, _ notes: inout [String]) throws -> FolderStage {
    var stage = FolderStage(name: folder, objects: [:])
    let root = IO.isDirectory(folder) ? IO.realPath(folder) : nil
    for path in try files(folder, in: root, &notes) {
      if path.hasSuffix("kustomization.yaml") || path.hasSuffix("kustomization.yml") {
        if !listsItsFolder(path) {
          notes.append("\(path) is not followed: build it first, with `kubectl kustomize`")
        }
        continue
      }
      let bytes: [UInt8]
      switch IO.read(path, mustBeFile: root != nil) {
      case .success(let read): bytes = read
      case .failure(let error): throw Failure("cannot read `\(path)`: \(error.message)", code: Exit.usage)
      }
      let file = sources.add(path: path, bytes: bytes)
      let documents: [YAMLDocument]
      do { documents = try parseYAMLDocuments(bytes) } catch {
        throw Failure("\(path):\(error)", code: Exit.usage)
      }
      let starts = lineStarts(bytes)
      let allowances = allowances(bytes, starts)
      for document in documents where document.value != .null {
        let start = document.line - 1 < starts.count ? starts[document.line - 1] : 0
        let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
        for value in items(document.value) {
          guard let object = placed(value), let id = ObjectID(object) else {
            throw Failure("\(path):\(document.line): this is no Kubernetes object", code: Exit.usage)
          }
          if let other = stage.objects[id], let path = sources[other.range.file]?.path {
            notes.append("\(id) stands in \(path) too; the last one counts")
          }
          stage.objects[id] = PlacedObject(
            id: id, value: object, range: SourceRange(file: file, start..<end),
            allowed: allowances.last { $0.firstLine <= document.line }?.slugs ?? [])
        }
      }
    }
    return stage
  }

  /// A kustomization that is nothing but the list of the files beside it, as those of `rolloutc PLAN --out` are: all of them
  /// are read, and nothing is left to be followed.
  private func listsItsFolder(_ path: String) -> Bool {
    guard case .success(let bytes) = IO.read(path, mustBeFile: true), let documents = try? parseYAMLDocuments(bytes),
      documents.count == 1, let fields = documents[0].value.fields,
      fields.keys.allSatisfy({ ["apiVersion", "kind", "resources"].contains($0) })
    else { return false }
    let resources = (fields["resources"]?.array ?? []).map { $0.string ?? "" }
    let slash = path.lastIndex(of: "/")
    let own = slash.map { String(path[path.index(after: $0)...]) } ?? path
    let beside = IO.names(in: slash.map { String(path[...$0]) } ?? ".") ?? []
    let others = beside.filter { name in
      name != own && !name.hasPrefix(".") && [".yaml", ".yml", ".json"].contains(where: name.hasSuffix)
    }
    return Set(resources) == Set(others)
  }

  /// The comments `# rolloutc: allow SLUG -- REASON` of each document. One without a reason allows nothing.
  private func allowances(_ bytes: [UInt8], _ starts: [Int]) -> [(firstLine: Int, slugs: Set<String>)] {
    var all: [(firstLine: Int, slugs: Set<String>)] = [(1, [])]
    for (n, start) in starts.enumerated() {
      let line = String(decoding: bytes[start...].prefix { $0 != 0x0A }, as: UTF8.self)
      if line.hasPrefix("---") { all.append((n + 1, [])) }
      guard let mark = line.firstRange(of: "# rolloutc: allow ") else { continue }
      let rest = line[mark.upperBound...]
      guard let dashes = rest.firstRange(of: " -- "), rest[dashes.upperBound...].contains(where: { $0 != " " }) else {
        continue
      }
      let slugs = rest[..<dashes.lowerBound].split { $0 == " " || $0 == "," }.map(String.init)
      all[all.count - 1].slugs.formUnion(slugs)
    }
    return all
  }

  /// The file, or every YAML and JSON file below the folder, in the order of their names. Links to folders are not
  /// followed, and those to files only within `root`, the whole folder without links.
  private func files(_ path: String, in root: String?, _ notes: inout [String]) throws -> [String] {
    guard let root else { return [path] }
    guard let names = IO.names(in: path) else { throw Failure("cannot read `\(path)`", code: Exit.usage) }
    var all: [String] = []
    for name in names where !name.hasPrefix(".") {
      let inner = path.hasSuffix("/") ? path + name : path + "/" + name
      if IO.isDirectory(inner) {
        if IO.isLink(inner) {
          notes.append("\(inner) is a link to a folder, and not followed")
        } else {
          all += try files(inner, in: root, &notes)
        }
      } else if [".yaml", ".yml", ".json"].contains(where: name.hasSuffix) {
        if let place = IO.realPath(inner), !IO.lies(place, in: root) {
          throw Failure("`\(inner)` is a link to a place outside `\(root)`", code: Exit.usage)
        }
        all.append(inner)
      }
    }
    return all
  }

  /// The members of a List, else the object itself.
  private func items(_ value: Value) -> [Value] {
    guard let kind = value["kind"]?.string, kind.hasSuffix("List"), let items = value["items"]?.array else {
      return [value]
    }
    return items.flatMap(self.items)
  }

  /// With a namespace, where its kind has one.
  private func placed(_ value: Value) -> Value? {
    guard case .object(var fields) = value, let kind = fields["kind"]?.string,
      var metadata = fields["metadata"]?.fields
    else { return nil }
    let isOfCluster =
      kind == "Namespace" || kind.hasPrefix("Cluster") || kind == "CustomResourceDefinition"
      || kind == "PersistentVolume" || kind == "StorageClass"
    if !isOfCluster, metadata["namespace"] == nil {
      metadata["namespace"] = .string(namespace)
      fields["metadata"] = .object(metadata)
    }
    return .object(fields)
  }

  private func lineStarts(_ bytes: [UInt8]) -> [Int] {
    var starts = [0]
    for (i, byte) in bytes.enumerated() where byte == 0x0A { starts.append(i + 1) }
    return starts
  }
}
