package import Diagnostics
package import RolloutPlan
package import Testing

extension CodePage.Example {
  /// Resolved as `rolloutc check plan.rollout` would, with the files beside it.
  package func resolved(_ changed: [UInt8]? = nil) -> Resolution {
    var options = ResolutionOptions()
    options.environment = environment
    let files = files
    return resolve(
      path: "plan.rollout", bytes: changed ?? bytes, options: options,
      loader: FileLoader { path in
        if let file = files.first(where: { $0.path == path }) { return .success(Array(file.text.utf8)) }
        return .failure(FileError("no such file"))
      })
  }
}

extension CodePage: CustomTestStringConvertible {
  package var testDescription: String { code.id }
}
