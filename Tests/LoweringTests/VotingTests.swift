import KubernetesModel
import Lowering
import RolloutPlan
import Testing

struct VotingTests {
  @Test func everyPhaseOfTheVotingPlan() throws {
    let compiled = compile(votingPlan())
    #expect(compiled.problems.isEmpty)
    let text = dump(compiled)
    #expect(try matchesGolden(text, "voting"), "\(text)")
  }

  @Test func backToTheStart() throws {
    let compiled = compile(votingPlan())
    let back = compiled.renderer.rollback(
      from: compiled.steps[2].segments[0].after, to: State(), stamp: "rollback")
    #expect(
      Set(back.image.entries.map(\.id.description)) == [
        "Namespace/voting", "PersistentVolumeClaim/mysql-pv-claim",
      ])
  }
}
