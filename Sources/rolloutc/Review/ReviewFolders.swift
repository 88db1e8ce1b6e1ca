import KubernetesModel
import Lowering
import RolloutPlan
import YAMLCoding

/// `--out DIR`: the review as folders that plain kubectl and GitOps tools can use.
///
/// ```
/// DIR/.rolloutc                      the marker: whose review this is, and every file of it
/// DIR/NN-slug[/M]/apply/             what the step changes, in its last form
/// DIR/NN-slug[/M]/delete/            what the step deletes, as names
/// DIR/NN-slug[/M]/state/             everything that should exist after it
/// DIR/NN-slug[/M]/phases/NN-kind/    the same changes in the order that is safe: apply, then delete, then wait
/// ```
/// Each folder has a `kustomization.yaml`, so `kubectl apply -k DIR/NN-slug/phases/01-prepare` works.
struct ReviewFolders {
  let review: Review
  private static let marker = ".rolloutc"
  /// What stands in the marker: whose review it is.
  private var owner: String { "plan \(review.plan.name)" }

  /// Writes everything beside `folder` first and then puts it in place: whole or not at all. Gives the number of files.
  ///
  /// A folder that cannot be moved (a mount point, or one whose own folder may not be written) is written inside: everything
  /// first, and then each step takes its place, one after another.
  func write(to folder: String) throws -> Int {
    let path = try place(of: folder)
    let held = HeldSignals()
    defer { held.release() }
    let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    let files = files()
    do {
      try removeLeftovers(of: path)
      try checkReplaceable(path, as: folder)
      if IO.isDirectory(path), !IO.mayChange(parent) { return try exchange(files, in: path, held) }
      let fresh = "\(path).rolloutc-\(IO.processID)"
      do {
        let kept = kept(in: path, besides: topNames(files))
        try stage(marked(files, besides: kept, in: path), in: fresh, held)
        if IO.exists(path) {
          let old = "\(path).rolloutc-old-\(IO.processID)"
          if IO.moved(path, to: old) != nil {
            IO.removeTree(fresh)
            return try exchange(files, in: path, held)
          }
          do {
            for name in kept { try IO.move("\(old)/\(name)", to: "\(fresh)/\(name)") }
            try IO.move(fresh, to: path)
          } catch {
            for name in kept { try? IO.move("\(fresh)/\(name)", to: "\(old)/\(name)") }
            try? IO.move(old, to: path)
            throw error
          }
          IO.removeTree(old)
        } else {
          try IO.makeDirectory(parent)
          try IO.move(fresh, to: path)
        }
      } catch {
        IO.removeTree(fresh)
        throw error
      }
    } catch var failure as Failure {
      // What a person knows of is the folder that they named.
      for name in ["\(path).rolloutc-\(IO.processID)", "\(path)/\(Self.fresh)\(IO.processID)", path] {
        failure.message = failure.message.replacing(name, with: folder)
      }
      throw failure
    }
    return files.count
  }

  private static let fresh = ".rolloutc-new-"
  private static let old = ".rolloutc-old-"

  /// What the files make in the folder itself, but for its marker.
  private func topNames(_ files: [(name: String, bytes: [UInt8])]) -> Set<String> {
    Set(files.compactMap { $0.name.split(separator: "/").first.map(String.init) }).subtracting([Self.marker])
  }

  /// One step of a review takes the place of that step alone: what stays of the others. A folder of a step that the plan has
  /// no longer, or under another name or number, would be taken for one of its steps.
  private func kept(in path: String, besides own: Set<String>) -> [String] {
    guard review.steps.count < review.compiled.steps.count else { return [] }
    let steps = Set(review.compiled.steps.map(\.folder))
    return (IO.names(in: path) ?? []).filter { steps.contains($0) && !own.contains($0) }
  }

  private func stage(_ files: [(name: String, bytes: [UInt8])], in fresh: String, _ held: HeldSignals) throws {
    for (name, bytes) in files {
      let target = fresh + "/" + name
      if let slash = target.lastIndex(of: "/") { try IO.makeDirectory(String(target[..<slash])) }
      try IO.write(bytes, toFile: target)
      if held.isPending { throw Failure("stopped; nothing was changed") }
    }
  }

  /// The files, with what stays beside them in the marker.
  private func marked(
    _ files: [(name: String, bytes: [UInt8])], besides kept: [String], in path: String
  ) -> [(name: String, bytes: [UInt8])] {
    files.map { file in
      guard file.name == Self.marker else { return file }
      let more = kept.flatMap { folder in
        IO.isDirectory("\(path)/\(folder)") ? IO.files(below: "\(path)/\(folder)").map { "\(folder)/\($0)\n" } : []
      }
      return (file.name, file.bytes + more.flatMap { Array($0.utf8) })
    }
  }

  /// Writes into a folder that stays where it is. What was there comes back where something fails; a run that is killed
  /// leaves some steps as they were and others new, and a marker that knows of both, so that the next run puts it right.
  private func exchange(
    _ files: [(name: String, bytes: [UInt8])], in path: String, _ held: HeldSignals
  ) throws -> Int {
    let (fresh, old) = ("\(path)/\(Self.fresh)\(IO.processID)", "\(path)/\(Self.old)\(IO.processID)")
    let before = (IO.names(in: path) ?? []).filter { $0 != Self.marker }
    let own = topNames(files)
    let kept = kept(in: path, besides: own)
    let replaced = before.filter { !kept.contains($0) }
    let marker = "\(path)/\(Self.marker)"
    let formerMarker: [UInt8]? = if case .success(let bytes) = IO.read(marker) { bytes } else { nil }
    var undo: [(from: String, to: String)] = []
    func move(_ from: String, to: String) throws {
      try IO.move(from, to: to)
      undo.append((to, from))
    }
    do {
      let marked = marked(files, besides: kept, in: path).first { $0.name == Self.marker }?.bytes ?? []
      let both = self.marked(files, besides: before, in: path).first { $0.name == Self.marker }?.bytes ?? []
      try IO.write(both, toFile: marker)
      try stage(files.filter { $0.name != Self.marker }, in: fresh, held)
      try IO.makeDirectory(old)
      for name in replaced { try move("\(path)/\(name)", to: "\(old)/\(name)") }
      for name in own.sorted() { try move("\(fresh)/\(name)", to: "\(path)/\(name)") }
      try IO.write(marked, toFile: marker)
    } catch {
      for (from, to) in undo.reversed() { try? IO.move(from, to: to) }
      if let formerMarker { try? IO.write(formerMarker, toFile: marker) } else { IO.removeTree(marker) }
      IO.removeTree(fresh)
      IO.removeTree(old)
      throw error
    }
    IO.removeTree(fresh)
    IO.removeTree(old)
    return files.count
  }

  /// The folder without links and detours: what is moved away must not be on the way to what takes its place.
  private func place(of folder: String) throws -> String {
    var path = folder
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    if path.isEmpty { throw Failure("`--out` needs the name of a folder; nothing was changed", code: Exit.usage) }
    if let real = IO.realPath(path), let current = IO.realPath("."), IO.lies(current, in: real) {
      throw Failure(
        "`\(folder)` is the folder that you stand in, or one above it, and would be replaced as a whole; name a folder in it; nothing was changed",
        code: Exit.usage)
    }
    return IO.place(of: path)
  }

  /// Removes what a run that was killed left beside the folder, or puts back what it had moved away.
  private func removeLeftovers(of path: String) throws {
    let slash = path.lastIndex(of: "/")
    let parent = slash.map { String(path[...$0]) } ?? "./"
    let head = (slash.map { path[path.index(after: $0)...] } ?? path[...]) + ".rolloutc-"
    for name in IO.names(in: parent) ?? [] where name.hasPrefix(head) {
      let isOld = name.dropFirst(head.count).hasPrefix("old-")
      guard let process = Int32(name.dropFirst(head.count + (isOld ? 4 : 0))), process > 0, !IO.isRunning(process)
      else { continue }
      let leftover = parent + name
      guard let inside = IO.names(in: leftover), inside.isEmpty || inside.contains(ReviewFolders.marker) else {
        continue
      }
      if isOld, !IO.exists(path) { try IO.move(leftover, to: path) } else { IO.removeTree(leftover) }
    }
    // The same inside a folder that stays where it is, and that is ours by its marker.
    guard IO.exists("\(path)/\(ReviewFolders.marker)") else { return }
    for head in [Self.fresh, Self.old] {
      for name in IO.names(in: path) ?? [] where name.hasPrefix(head) {
        guard let process = Int32(name.dropFirst(head.count)), process > 0, !IO.isRunning(process) else { continue }
        IO.removeTree("\(path)/\(name)")
      }
    }
  }

  /// Only an empty folder, or one that an earlier run wrote, is replaced, and nothing that somebody else put there is lost.
  private func checkReplaceable(_ path: String, as name: String) throws {
    guard IO.exists(path) else { return }
    guard IO.isDirectory(path), let names = IO.names(in: path) else {
      throw Failure("`\(name)` is not a folder that can be written; nothing was changed", code: Exit.usage)
    }
    if names.isEmpty { return }
    if names.contains(ReviewFolders.marker) {
      // `01-deploy-1-0`
      let others = names.filter { file in
        file != ReviewFolders.marker && !(file.utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } ?? false)
      }
      if case .success(let bytes) = IO.read("\(path)/\(ReviewFolders.marker)") {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        guard lines.isEmpty || lines[0] == owner else {
          throw Failure(
            "`\(name)` holds the review of another plan (\(oneLine(lines[0]))), which would be lost; remove it, or name another folder; nothing was changed",
            code: Exit.usage)
        }
        let known = Set(lines)
        let foreign = IO.files(below: path).sorted().first { !known.contains($0) && $0 != ReviewFolders.marker }
        // Reviews of before there were lists are taken as they are.
        if lines.count > 1, let foreign {
          throw Failure(
            "`\(foreign)` in `\(name)` was not written by rolloutc, and would be lost; move it, or name another folder; nothing was changed",
            code: Exit.usage)
        }
      }
      guard let other = others.min() else { return }
      throw Failure(
        "`\(other)` in `\(name)` was not written by rolloutc, and would be lost; move it, or name another folder; nothing was changed",
        code: Exit.usage)
    }
    throw Failure(
      "`\(name)` is not empty and was not written by rolloutc; name another folder, or empty it; nothing was changed",
      code: Exit.usage)
  }

  // MARK: - Files

  private func files() -> [(name: String, bytes: [UInt8])] {
    var files: [(String, [UInt8])] = []
    var lines = ReviewLines(review: review)
    var standing = review.compiled.start
    for index in review.compiled.steps.indices {
      let step = review.compiled.steps[index]
      defer { standing = step.segments.last?.after ?? standing }
      guard review.steps.contains(index) else { continue }
      // It changes nothing, and has its place in the order all the same.
      if step.segments.isEmpty {
        files += self.files(changing: [], in: step.folder, lines)
        files += self.files(standing: standing, in: step.folder, lines)
      }
      for (m, segment) in step.segments.enumerated() {
        lines.advance(to: index, segment: m)
        let folder = step.segments.count > 1 ? "\(step.folder)/\(m + 1)" : step.folder
        files += self.files(of: segment, in: folder, lines)
      }
    }
    let names = files.map { $0.0 + "\n" }.sorted().joined()
    return [(ReviewFolders.marker, Array((owner + "\n" + names).utf8))] + files
  }

  private func files(of segment: CompiledSegment, in folder: String, _ lines: ReviewLines) -> [(String, [UInt8])] {
    var files: [(String, [UInt8])] = []
    var last: [ObjectID: Write] = [:]
    var order: [ObjectID] = []
    for (p, phase) in segment.phases.enumerated() {
      for write in phase.writes {
        if last[write.id] == nil { order.append(write.id) }
        last[write.id] = write
      }
      let number = p + 1 < 10 ? "0\(p + 1)" : "\(p + 1)"
      let phaseFolder = "\(folder)/phases/\(number)-\(phase.kind.rawValue)"
      files += self.files(
        in: phaseFolder, documents: phase.writes.compactMap { document($0, $0.object, lines) },
        notes: (review.warning.map { [$0] } ?? []) + phase.writes.filter { $0.object == nil }.map { "delete \($0.id)" }
          + phase.gates.map { "then wait until \($0.words(in: review.plan.namespace))" })
    }
    files += self.files(changing: order.compactMap { last[$0] }, in: folder, lines)
    files += self.files(standing: segment.after, in: folder, lines)
    return files
  }

  /// `apply/` and `delete/`, each where there is something in it: kubectl refuses a kustomization without resources.
  private func files(changing writes: [Write], in folder: String, _ lines: ReviewLines) -> [(String, [UInt8])] {
    let deleted = writes.compactMap { $0.object == nil ? document($0, $0.previous.map(identity), lines) : nil }
    let applied = writes.compactMap { document($0, $0.object, lines) }
    return
      (applied.isEmpty
      ? [] : files(in: "\(folder)/apply", documents: applied, notes: review.warning.map { [$0] } ?? []))
      + (deleted.isEmpty ? [] : files(in: "\(folder)/delete", documents: deleted, notes: []))
  }

  /// `state/`.
  private func files(standing: Standing, in folder: String, _ lines: ReviewLines) -> [(String, [UInt8])] {
    let objects = standing.image.entries.map { Document(object: $0.object, places: lines.places($0.id, $0.origin)) }
    return files(in: "\(folder)/state", documents: objects, notes: [])
  }

  private func document(_ write: Write, _ object: Value?, _ lines: ReviewLines) -> Document? {
    object.map { Document(object: $0, places: lines.places(write.id, write.origin)) }
  }

  /// Just enough for `kubectl delete -k`.
  private func identity(_ object: Value) -> Value {
    var metadata: Fields = ["name": object.at("metadata", "name") ?? ""]
    if let namespace = object.at("metadata", "namespace") { metadata["namespace"] = namespace }
    return ["apiVersion": object["apiVersion"] ?? "v1", "kind": object["kind"] ?? "", "metadata": .object(metadata)]
  }

  /// An object, and the lines of the plan that it comes from.
  private struct Document {
    var object: Value
    var places: [String]
  }

  private func files(in folder: String, documents: [Document], notes: [String]) -> [(String, [UInt8])] {
    var files: [(String, [UInt8])] = []
    var names: [Value] = []
    var taken: Set<String> = []
    for document in documents {
      guard let id = ObjectID(document.object) else { continue }
      var name = "\(id.kind.lowercased())-\(id.name).yaml"
      if !taken.insert(name).inserted {
        name = "\(id.kind.lowercased())-\(id.group)-\(id.namespace)-\(id.name).yaml"
        taken.insert(name)
      }
      var writer = YAMLWriter()
      for line in ReviewLines.comments(document.places) { writer.write(line: line) }
      writer.write(document: document.object)
      files.append(("\(folder)/\(name)", writer.finish()))
      names.append(.string(name))
    }
    var writer = YAMLWriter()
    for note in notes { writer.write(line: "# \(oneLine(note))") }
    writer.write(document: [
      "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": .array(names),
    ])
    files.append(("\(folder)/kustomization.yaml", writer.finish()))
    return files
  }
}
