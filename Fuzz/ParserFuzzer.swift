import Diagnostics
import RolloutSyntax

/// Called by libFuzzer with every input that it makes: the laws of `PropertyTests`, as traps.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let tree = parse(SourceFile(id: FileID(0), path: "fuzz.rollout", bytes: bytes))
  precondition(tree.printed == bytes, "the tree does not print back")
  precondition(tree.diagnostics.count <= tree.tokens.count + bytes.count, "too many diagnostics")
  for diagnostic in tree.diagnostics {
    for edit in diagnostic.fixIts.flatMap(\.edits) { precondition(Int(edit.range.end) <= bytes.count, "a range outside") }
    precondition(Int(diagnostic.primary.range.end) <= bytes.count, "a range outside")
  }
  guard let once = formatted(tree) else { return 0 }
  let again = parse(SourceFile(id: FileID(0), path: "fuzz.rollout", bytes: once))
  precondition(!again.diagnostics.hasErrors, "the formatter broke the plan")
  precondition(formatted(again) == once, "formatting twice is not formatting once")
  return 0
}
