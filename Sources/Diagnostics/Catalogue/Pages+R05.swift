extension CodePage {
  static let safety: [CodePage] = [
    CodePage(
      .downtime, "A change must stop a workload before it can start it again.",
      why: """
        A volume belongs to one pod at a time, so a workload on one is replaced by stopping it first (Kubernetes: \
        Recreate). Who asks in between gets an error. That can be right, but somebody has to say so.
        """,
      bad: .shop(
        web: "  image registry.example.com/web\n  port 8080 http\n  volume uploads 1Gi at /data\n  version 1.0, 2.0",
        "step \"Start\" {\n  deploy web 1.0\n}\n\nstep \"Replace\" {\n  deploy web 1.0 replicas 0\n  deploy web 2.0\n  route web all -> 2.0\n}"
      ),
      good: .shop(
        web: "  image registry.example.com/web\n  port 8080 http\n  volume uploads 1Gi at /data\n  version 1.0",
        "step \"Start\" {\n  deploy web 1.0\n}"),
      fix: "Keep the data in a component of its own that stays, or say why the pause is right.",
      stage: .safety
    )
  ]
}
