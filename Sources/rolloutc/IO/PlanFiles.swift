import ApplyEngine
import Synchronization

/// Where the bytes of a plan come from: the disk, or a saved plan, which has all of them. Remembers what was read.
final class PlanFiles: Sendable {
  static let tooLarge = IO.ReadError("it is larger than \(longestPlan >> 20) MiB")

  private let saved: [SavedPlan.Source]?
  private let seen = Mutex<[SavedPlan.Source]>([])

  init(_ saved: [SavedPlan.Source]? = nil) { self.saved = saved }

  /// Each file once, in the order in which they were read.
  var all: [SavedPlan.Source] { seen.withLock { $0 } }

  /// Whether a link leads out of `folder`: a plan is one folder, also where somebody else checks it out.
  func leads(_ path: String, outOf folder: String) -> Bool {
    guard saved == nil, let file = IO.realPath(path), let folder = IO.realPath(folder.isEmpty ? "." : folder) else {
      return false
    }
    return !IO.lies(file, in: folder)
  }

  /// - Parameter mustBeFile: the plan may be a pipe, what it names may not.
  func read(_ path: String, mustBeFile: Bool = false) -> Result<[UInt8], IO.ReadError> {
    if let known = all.first(where: { $0.path == path }) { return .success(known.bytes) }
    let result: Result<[UInt8], IO.ReadError>
    if let saved {
      result = saved.first { $0.path == path }.map { .success($0.bytes) } ?? .failure(IO.ReadError("no such file"))
    } else {
      result = IO.read(path, mustBeFile: mustBeFile)
    }
    if case .success(let bytes) = result {
      seen.withLock { $0.append(SavedPlan.Source(path: path, bytes: bytes)) }
    }
    return result
  }
}

extension PlanRequest {
  /// The plan that was saved, with the options that it was saved with.
  init(_ saved: SavedPlan, diagnostics: DiagnosticOutput) {
    self.init(plan: saved.sources[0].path)
    env = saved.environment
    settings = saved.settings
    root = saved.root
    clusterDomain = saved.clusterDomain
    self.diagnostics = diagnostics
    files = PlanFiles(saved.sources)
  }
}
