extension CodePage {
  private static let visitors = "cookie flag is featureflag = on\nheader staff is x-staff = yes\n"

  static let names: [CodePage] = [
    CodePage(
      .unknownComponent, "A component that is not declared is named.",
      why:
        "Everything that a plan does, it does to a component; without its declaration there is no image, port or version to work with.",
      bad: .shop("deploy wbe 1.0"),
      good: .shop("deploy web 1.0"),
      fix: "Write the name as it is declared, or declare it: `component NAME { … }`."
    ),
    CodePage(
      .undeclaredCookie, "A cookie is named that is nearly a declared one.",
      why:
        "A cookie that is not declared means a cookie of that name with any value. Where the name is close to a declared one it is a slip, and the route would never match.",
      bad: .shop(visitors + "\ndeploy web 1.0\ndeploy web 2.0\nroute web cookie falg -> 2.0"),
      good: .shop(visitors + "\ndeploy web 1.0\ndeploy web 2.0\nroute web cookie flag -> 2.0"),
      fix: "Write the declared name. For a cookie with one value that is used once, write `cookie KEY=VALUE`."
    ),
    CodePage(
      .unknownVersion, "A version is named that the component does not have.",
      why: "A version is a text: `1.10` is not `1.1`. Only versions that the component declares have an image.",
      bad: .shop("deploy web 1.5"),
      good: .shop("deploy web 1.0"),
      fix: "Write one of the component's versions, or declare it: `version 1.5`."
    ),
    CodePage(
      .unknownRelease, "A release is named that is not declared.",
      why: "A release is a set of versions that belong together; `retire` also takes the name of a version.",
      bad: .shop("release spring {\n  web 1.0 -> 2.0\n}\n\ndeploy release sprong"),
      good: .shop("release spring {\n  web 1.0 -> 2.0\n}\n\ndeploy release spring"),
      fix: "Write the name of a declared release."
    ),
    CodePage(
      .unknownHeader, "A header is named that is not declared.",
      why:
        "Unlike a cookie, a header without a value says nothing about who sends it, so it must be declared, or written as `KEY=VALUE`.",
      bad: .shop(visitors + "\ndeploy web 1.0\ndeploy web 2.0\nroute web header crew -> 2.0"),
      good: .shop(visitors + "\ndeploy web 1.0\ndeploy web 2.0\nroute web header staff -> 2.0"),
      fix: "Declare it, as `header crew is x-crew = yes`, or write `header x-crew=yes`."
    ),
    CodePage(
      .unknownProbe, "A probe is named that is not declared.",
      why: "A probe says which request to make. Without it there is nothing to verify.",
      bad: .shop("probe home is GET /\n\ndeploy web 1.0\nverify hoem status 200"),
      good: .shop("probe home is GET /\n\ndeploy web 1.0\nverify home status 200"),
      fix: "Write the name of a declared probe, or declare one: `probe NAME is GET /`."
    ),
    CodePage(
      .unknownPattern, "A pattern is named that is not declared.",
      why: "`verify PROBE NAME` compares the answer with the pattern of that name.",
      bad: .shop("probe home is GET /\npattern votes is 'Cats: \\d+'\n\ndeploy web 1.0\nverify home vote"),
      good: .shop("probe home is GET /\npattern votes is 'Cats: \\d+'\n\ndeploy web 1.0\nverify home votes"),
      fix: "Write the name of a declared pattern, or the expression itself: `verify home matches '…'`."
    ),
    CodePage(
      .unknownMetric, "A metric is named that is not declared.",
      why: "A metric says what to measure and which bound must hold; an unknown one would guard nothing.",
      bad: .shop("metric errors is istio error-rate below 1%\n\ndeploy web 1.0\nverify erors for 5m"),
      good: .shop("metric errors is istio error-rate below 1%\n\ndeploy web 1.0\nverify errors for 5m"),
      fix: "Write the name of a declared metric, or declare one: `metric NAME is …`."
    ),
    CodePage(
      .unknownSecret, "A Secret is named that is not declared.",
      why:
        "A plan refers to Secrets and never holds them. The declaration says which keys must be there, and this is checked before anything is written.",
      bad: .shop(
        web: "  image registry.example.com/web\n  port 8080 http\n  env TOKEN = secret payment TOKEN\n  version 1.0",
        "secret payments has TOKEN\n\ndeploy web 1.0"),
      good: .shop(
        web: "  image registry.example.com/web\n  port 8080 http\n  env TOKEN = secret payments TOKEN\n  version 1.0",
        "secret payments has TOKEN\n\ndeploy web 1.0"),
      fix: "Write the name of a declared Secret, or declare it: `secret NAME has KEY`."
    ),
    CodePage(
      .unknownSecretKey, "A key is asked of a Secret that the declaration does not list.",
      why: "A pod that refers to a missing key never starts (Kubernetes: CreateContainerConfigError).",
      bad: .shop(
        web: "  image registry.example.com/web\n  port 8080 http\n  env from payments TOKN\n  version 1.0",
        "secret payments has TOKEN\n\ndeploy web 1.0"),
      good: .shop(
        web: "  image registry.example.com/web\n  port 8080 http\n  env from payments TOKEN\n  version 1.0",
        "secret payments has TOKEN\n\ndeploy web 1.0"),
      fix: "Write one of the keys behind `has`, or add the key there."
    ),
    CodePage(
      .unknownParameter, "A parameter is used that is not declared.",
      why: "`$name` and `${name}` stand for a declared parameter. Nothing is read from the environment of the process.",
      bad: .shop("parameter pods number = 2\n\ndeploy web 1.0 replicas $podz"),
      good: .shop("parameter pods number = 2\n\ndeploy web 1.0 replicas $pods"),
      fix: "Declare it: `parameter NAME = VALUE`. For a plain dollar sign in a text write `\\$`."
    ),
    CodePage(
      .unknownEnvironment, "The environment that the command line asks for is not declared.",
      why:
        "An environment holds values and required approvals; going on without it would run the defaults somewhere they are not meant for.",
      bad: .shop(
        "environment production {\n  require approve before route\n}\n\ndeploy web 1.0", environment: "prod-eu"),
      good: .shop(
        "environment production {\n  require approve before route\n}\n\ndeploy web 1.0", environment: "production"),
      fix: "Name a declared environment, or declare it: `environment NAME { … }`."
    ),
    CodePage(
      .unknownStep, "A rehearsal or a rollback names a step that the plan does not have.",
      why:
        "`expect fails at` and `rollback to` compare with the name of a step. One that does not exist is never reached, and there is no state after it.",
      bad: .shop(
        "step \"Start\" {\n  deploy web 1.0\n}\n\nrehearsal \"no pods\" {\n  stub web 1.0 never ready\n  expect fails at \"Strat\"\n}"
      ),
      good: .shop(
        "step \"Start\" {\n  deploy web 1.0\n}\n\nrehearsal \"no pods\" {\n  stub web 1.0 never ready\n  expect fails at \"Start\"\n}"
      ),
      fix: "Write the step's name exactly as it stands behind `step`."
    ),
    CodePage(
      .duplicateName, "A name is declared twice.",
      why: "Which of the two a later line means could not be told.",
      bad: .shop("cookie flag is featureflag = on\ncookie flag is beta\n\ndeploy web 1.0"),
      good: .shop("cookie flag is featureflag = on\ncookie beta is beta\n\ndeploy web 1.0"),
      fix: "Remove one of the two, or give it another name."
    ),
    CodePage(
      .missingFile, "A file that the plan names cannot be read.",
      why: "`include`, `patch … with` and `manifest` name files relative to the file in which they stand.",
      bad: .shop("include visitors.rollout\n\ndeploy web 1.0"),
      good: .shop(
        "include visitors.rollout\n\ndeploy web 1.0", files: [("visitors.rollout", "cookie flag is featureflag = on\n")]
      ),
      fix: "Mend the name, or put the file where the plan looks for it."
    ),
    CodePage(
      .includeCycle, "A file includes the file that includes it.",
      why:
        "Declarations that stand in a circle have no first one; mostly, something both files need is in the wrong one.",
      bad: .shop(
        "include visitors.rollout\n\ndeploy web 1.0",
        files: [("visitors.rollout", "include plan.rollout\ncookie flag is featureflag = on\n")]),
      good: .shop(
        "include visitors.rollout\n\ndeploy web 1.0", files: [("visitors.rollout", "cookie flag is featureflag = on\n")]
      ),
      fix: "Remove one of the two lines, or move what both files need into a third."
    ),
    CodePage(
      .includeOutside, "A file outside the plan's folder is named.",
      why: "A plan can be checked out and reviewed as one folder only if everything it reads lies inside.",
      bad: .shop("include ../common/visitors.rollout\n\ndeploy web 1.0"),
      good: .shop(
        "include common/visitors.rollout\n\ndeploy web 1.0",
        files: [("common/visitors.rollout", "cookie flag is featureflag = on\n")]),
      fix: "Move the file into the plan's folder, or widen the folder with `--root DIR`."
    ),
    CodePage(
      .includeNotDeclaration, "An included file holds a step.",
      why: "Steps run in the order of the text, and that order must be readable in one file.",
      bad: .shop("include start.rollout", files: [("start.rollout", "deploy web 1.0\n")]),
      good: .shop(
        "include visitors.rollout\n\ndeploy web 1.0", files: [("visitors.rollout", "cookie flag is featureflag = on\n")]
      ),
      fix: "Move the steps, the lines that act and `on failure` into the plan's own file."
    ),
    CodePage(
      .duplicateSetting, "A setting stands twice in one block, or a member twice in one list.",
      why: "One of the two would win, and a reader cannot see which; in a list, another member was meant.",
      bad: .shop(
        web: "  image registry.example.com/web\n  port 8080 http\n  replicas 2\n  replicas 3\n  version 1.0",
        "deploy web 1.0"),
      good: .shop(
        web: "  image registry.example.com/web\n  port 8080 http\n  replicas 3\n  version 1.0", "deploy web 1.0"),
      fix: "Keep one of the two. A setting of a version wins over the component's."
    ),
    CodePage(
      .parameterNameTaken, "A parameter has the name of something else.",
      why:
        "A parameter named like a component, a release, a cookie or a word of the language makes `$name` and `name` hard to tell apart.",
      bad: .shop("parameter web = blue\n\ndeploy web 1.0"),
      good: .shop("parameter colour = blue\n\ndeploy web 1.0"),
      fix: "Give the parameter another name."
    ),
    CodePage(
      .duplicateMember, "A component stands twice in one release.",
      why:
        "Inside a release one version of a component serves at a time; which of the two lines says so could not be told.",
      bad: .shop("release spring {\n  web 1.0\n  web 2.0\n}\n\ndeploy release spring"),
      good: .shop("release spring {\n  web 1.0 -> 2.0\n}\n\ndeploy release spring"),
      fix: "List the versions on one line, in the order in which they take over: `web 1.0 -> 2.0`."
    ),
    CodePage(
      .parameterCircle, "The value of a parameter is made of itself.",
      why:
        "A value may be made of other parameters, in any order; one of those that stand in a circle must have a value of its own. A chain of more than 256 is taken for a mistake, too.",
      bad: .shop("parameter candidate = $next\nparameter next = \"${candidate}\"\n\ndeploy web $next"),
      good: .shop("parameter candidate = 1.0\nparameter next = \"${candidate}\"\n\ndeploy web $next"),
      fix: "Give one of the parameters a value that is written out."
    ),
  ]
}
