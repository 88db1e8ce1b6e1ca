import Diagnostics
import KubernetesModel
import Lowering
import RolloutPlan
import RolloutSyntax
import SafetyChecks
import YAMLCoding

/// Called by libFuzzer with every input that it makes: the whole way of a plan, from bytes to YAML that reads back. The
/// laws of `PipelineFuzzTests`, as traps.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let resolution = resolve(path: "fuzz.rollout", bytes: bytes)
  for diagnostic in resolution.diagnostics {
    guard let file = resolution.sources[diagnostic.primary.range.file] else { preconditionFailure("no such file") }
    precondition(Int(diagnostic.primary.range.end) <= file.bytes.count, "a range outside")
  }
  guard let plan = resolution.checked else {
    precondition(resolution.diagnostics.hasErrors, "no plan, and no error")
    return 0
  }
  let compiled = compile(plan)
  // The proof of a plan with thousands of moments is right to take its time; a hang shows in the small ones.
  let phases = compiled.steps.flatMap(\.segments).flatMap(\.phases)
  if phases.count <= 40 { _ = check(compiled, plan: plan) }
  for object in phases.flatMap(\.writes).compactMap(\.object) {
    guard let back = try? parseYAML(yamlBytes(object)) else { preconditionFailure("the YAML cannot be read") }
    precondition(back == [object], "the YAML reads back as something else")
    _ = jsonBytes(object)
  }
  return 0
}
