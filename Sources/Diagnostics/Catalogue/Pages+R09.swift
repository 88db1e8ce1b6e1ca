extension CodePage {
  static let style: [CodePage] = [
    CodePage(
      .missingLanguage, "The plan does not say in which edition of the language it is written.",
      why: "A later edition may give the same words another meaning; a plan that says its own keeps its meaning.",
      bad: "plan shop\n\ncomponent web {\n  image registry.example.com/web\n  version 1.0\n}\n\ndeploy web 1.0",
      good:
        "plan shop\nlanguage 1\n\ncomponent web {\n  image registry.example.com/web\n  version 1.0\n}\n\ndeploy web 1.0",
      fix: "Write `language 1` below the plan's name."
    ),
    CodePage(
      .allowWithoutReason, "A lint is silenced without a reason.",
      why: "Who reads the plan later must be able to tell whether the reason still holds.",
      bad: .shop("deploy web 1.0\ndeploy web 2.0  # rolloutc: allow never-routed"),
      good: .shop("deploy web 1.0\ndeploy web 2.0  # rolloutc: allow never-routed -- warms its caches for tomorrow"),
      fix: "Write the reason behind `--`."
    ),
    CodePage(
      .unknownSlug, "`allow` names something that is no lint.",
      why: "The comment has no effect. Errors cannot be allowed.",
      bad: .shop("deploy web 1.0\nroute web 10% -> 1.0  # rolloutc: allow no-efect -- shows the form"),
      good: .shop("deploy web 1.0\nroute web 10% -> 1.0  # rolloutc: allow no-effect -- shows the form"),
      fix: "Write the lint's name, as its page gives it."
    ),
    CodePage(
      .unknownDirective, "A comment begins with `rolloutc:` and says nothing that is known.",
      why: "The only directive is `allow`. A slip in it would leave a lint that somebody meant to silence.",
      bad: .shop("deploy web 1.0  # rolloutc: alow no-effect -- shows the form"),
      good: .shop("deploy web 1.0  # the first version"),
      fix: "Write `# rolloutc: allow SLUG -- REASON`, or another comment."
    ),
    CodePage(
      .unusedAllow, "A lint is allowed where nothing earns it.",
      why:
        "The comment outlived what it was written for, or stands at another line than it was meant for; the next slip there would go unseen. Nothing is said in plans with parameters or environments, where another value may need it, of what stands in included files, and of what only the proof finds.",
      bad: .shop("deploy web 1.0  # rolloutc: allow no-effect -- shows the form"),
      good: .shop("deploy web 1.0"),
      fix: "Take the comment away."
    ),
  ]
}
