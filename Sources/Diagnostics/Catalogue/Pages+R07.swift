extension CodePage {
  private static let body = "  image registry.example.com/web\n  port 8080 http\n"

  static let environments: [CodePage] = [
    CodePage(
      .secretInPlan, "A value that looks like a secret stands in the plan.",
      why:
        "A plan is reviewed, stored and printed. The name of the variable, or a password in an address, says that its value should not be.",
      bad: .shop(web: body + "  env DB_PASSWORD = hunter2\n  version 1.0", "deploy web 1.0"),
      good: .shop(
        web: body + "  env DB_PASSWORD = secret store DB_PASSWORD\n  version 1.0",
        "secret store has DB_PASSWORD\n\ndeploy web 1.0"),
      fix: "Refer to a Secret: `env NAME = secret SECRET KEY`."
    ),
    CodePage(
      .environmentUnknownParameter, "An environment sets a parameter that is not declared.",
      why: "The value would go nowhere, and the plan would run with another one than the environment says.",
      bad: .shop(
        "parameter pods number = 1\n\nenvironment production {\n  podz = 6\n}\n\ndeploy web 1.0 replicas $pods"),
      good: .shop(
        "parameter pods number = 1\n\nenvironment production {\n  pods = 6\n}\n\ndeploy web 1.0 replicas $pods"),
      fix: "Write the parameter's name, or declare it: `parameter NAME = VALUE`."
    ),
  ]
}
