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
    )
  ]
}
