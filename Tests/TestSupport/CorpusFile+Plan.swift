package import RolloutPlan
internal import Testing

extension CorpusFile {
  /// What the first lines of a plan say of the command line: `#! env NAME`, `#! set NAME VALUE`, `#! root DIR`.
  package var options: ResolutionOptions {
    var options = ResolutionOptions()
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      guard line.hasPrefix("#! ") else { break }
      let words = line.dropFirst(3).split(separator: " ").map(String.init)
      switch words.first {
      case "env" where words.count == 2: options.environment = words[1]
      case "set" where words.count == 3: options.settings.append((words[1], words[2]))
      case "root" where words.count == 2: options.root = words[1]
      default: Issue.record("no such option: \(line)")
      }
    }
    return options
  }

  /// The file as a plan.
  package var resolution: Resolution { resolve(path: path, bytes: bytes, options: options, loader: .repository) }
}

extension FileLoader {
  /// The files of this repository, by their paths in it.
  package static let repository = FileLoader { path in
    Goldens.bytes(path).map { .success($0) } ?? .failure(FileError("no such file"))
  }
}
