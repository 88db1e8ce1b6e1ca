import ApplyEngine

/// The files that a command is asked to write, looked at before it does anything else.
struct Outputs {
  private var files: [(option: String, path: String)] = []

  /// - Parameter files: what each option names; nil where it is not given.
  /// Throws where a name is none, or where two options name one file, of which one would be lost.
  init(_ files: [(option: String, path: String?)]) throws {
    for case (let option, let path?) in files {
      try Outputs.check(path, option)
      if let other = self.files.first(where: { IO.place(of: $0.path) == IO.place(of: path) }), !IO.isSpecial(path) {
        throw Failure(
          "`\(other.option)` and `\(option)` name the same file, `\(path)`; nothing was done", code: Exit.usage)
      }
      self.files.append((option, path))
    }
  }

  /// A name that can be written to: standard output has the command's own output.
  static func check(_ path: String, _ option: String) throws {
    if path.isEmpty { throw Failure("`\(option)` names no file; nothing was done", code: Exit.usage) }
    if path == "-" {
      throw Failure(
        "`\(option) -` names no file; for a file of that name write `./-`; nothing was done", code: Exit.usage)
    }
  }

  /// Throws where one of the files is the plan or something that it was read from, however both are spelt.
  func refuse(over plan: PlanRequest) throws {
    for (_, path) in files {
      guard let place = IO.realPath(path), let source = plan.files.all.first(where: { IO.realPath($0.path) == place })
      else { continue }
      let what = source.path == plan.plan ? "the plan itself" : "a file that the plan is made of"
      throw Failure("`\(path)` is \(what); nothing was changed", code: Exit.usage)
    }
  }
}
