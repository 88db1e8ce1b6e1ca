extension CodePage {
  static let rehearsals: [CodePage] = [
    CodePage(
      .stubNeverAsked, "A rehearsal has a stub that no step ever asks.",
      why:
        "The rehearsal seems to cover something that it does not: no step verifies the probe or metric, waits for an approval, or deploys the version.",
      bad: .shop("deploy web 1.0\n\nrehearsal \"somebody says no\" {\n  stub approve no\n  expect done\n}"),
      good: .shop(
        "deploy web 1.0\napprove\n\nrehearsal \"somebody says no\" {\n  stub approve no\n  expect fails at \"deploy web 1.0\"\n}"
      ),
      fix: "Remove the stub, or add the line that it is about."
    ),
    CodePage(
      .unmetExpectation, "A rehearsal did not end as its block says.",
      why:
        "`rolloutc rehearse` ran the plan in a sandbox with the stubs of the block. The notes show what failed, or who served instead.",
      bad: .shop(
        "step \"Deploy 1.0\" {\n  deploy web 1.0\n}\n\nrehearsal \"it never gets ready\" {\n  stub web 1.0 never ready\n  expect done\n}"
      ),
      good: .shop(
        "step \"Deploy 1.0\" {\n  deploy web 1.0\n}\n\nrehearsal \"it never gets ready\" {\n  stub web 1.0 never ready\n  expect fails at \"Deploy 1.0\"\n}"
      ),
      fix: "Mend the plan, or expect what it really does.",
      stage: .running),
    CodePage(
      .failedRequests, "Visitors met errors while a plan was rehearsed.",
      why:
        "They had been served before, and the plan does not take the entry away. The notes have the first of them: when, who, the flag that Envoy would log, and the hop that failed. Where the plan itself is proved, the cause is an answer: here everybody is led to a version that answers with 503, and nothing looks at it before.",
      bad: .shop(
        "step \"Start\" {\n  deploy web 1.0\n}\n\nstep \"Next\" {\n  deploy web 2.0\n  route web all -> 2.0\n}\n\nrehearsal \"2.0 answers with errors\" {\n  stub web 2.0 answers status 503\n  expect done\n}"
      ),
      good: .shop(
        "step \"Start\" {\n  deploy web 1.0\n}\n\nstep \"Next\" {\n  deploy web 2.0\n  approve \"Does 2.0 answer?\"\n  route web all -> 2.0\n}\n\nrehearsal \"2.0 answers with errors\" {\n  stub web 2.0 answers status 503\n  stub approve no\n  expect fails at \"Next\"\n}"
      ),
      fix:
        "Look at the version before the line that leads visitors to it: by an `approve`, or by a `verify` of the few who have a cookie. `rolloutc check` names the moment and the write; `rolloutc trace` follows the request.",
      stage: .running),
  ]
}
