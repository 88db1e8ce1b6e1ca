extension CodePage {
  /// What no plan alone can earn: `bad` is a plan that may meet it, `good` one that is prepared.
  static let running: [CodePage] = [
    CodePage(
      .writeRefused, "The API server did not take a write.",
      why:
        "The notes are the server's own words, one cause each: a right that is missing, a field that it does not know, a webhook that says no, a quota.",
      bad: .shop("deploy web 1.0"),
      good: .shop("on failure rollback\n\nstep \"Deploy 1.0\" {\n  deploy web 1.0\n}"),
      fix:
        "Mend what the server names, then `rolloutc resume`. `rolloutc rbac` prints the rights that a plan needs.",
      stage: .running),
    CodePage(
      .notOurs, "An object that the plan would write exists already, and the plan did not make it.",
      why:
        "Somebody else may depend on it. What this plan owns stands in its inventory with the UIDs of the objects; nothing else is changed or deleted.",
      bad: .shop("deploy web 1.0"),
      good: .shop("namespace shop-2\n\ndeploy web 1.0"),
      fix: "Remove or rename one of the two, or take it over by name with `--adopt KIND/NAME`.",
      stage: .running),
    CodePage(
      .fieldConflict, "Others manage fields that the plan wants otherwise.",
      why:
        "Server-side apply keeps who wrote which field. Taking a field from a live controller starts a fight that flaps for ever; so nothing is taken unasked.",
      bad: .shop("deploy web 1.0 replicas 3"),
      good: .shop("deploy web 1.0"),
      fix:
        "Let the owner give the field up, leave it out of the plan, or take it by name with `--take KIND/NAME:FIELD`.",
      stage: .running),
    CodePage(
      .notReady, "A workload does not get ready.",
      why:
        "Its pods crash, their image cannot be pulled, no node has room, or its own deadline is over. The notes have the cause, and the last lines of the container's log.",
      bad: .shop("deploy web 1.0"),
      good: .shop(
        web:
          "  image registry.example.com/web\n  port 8080 http\n  ready when GET /healthz within 2m\n  version 1.0, 2.0",
        "on failure rollback\n\nstep \"Deploy 1.0\" {\n  deploy web 1.0\n}"),
      fix: "Mend the version, or go back: `rolloutc rollback`.",
      stage: .running),
    CodePage(
      .vanished, "An object of the plan was deleted or replaced by somebody else.",
      why: "Whoever did it may have had a reason, so it is not brought back unasked.",
      bad: .shop("deploy web 1.0"),
      good: .shop("step \"Deploy 1.0\" {\n  deploy web 1.0\n}"),
      fix:
        "Find out who and why. Then have it made again: `rolloutc apply PLAN --recreate KIND/NAME`, or `resume` or `rollback` with it. If another object has its name now, `--adopt KIND/NAME` takes that one over.",
      stage: .running),
    CodePage(
      .gateFailed, "What must hold before the next phase does not come true.",
      why:
        "The gateway never answered by the new routes, pods of a stopped version do not end, or a version that should have no traffic still gets some. Going on would hurt a visitor.",
      bad: .shop("deploy web 1.0\n\ndeploy web 2.0\n\nroute web all -> 2.0"),
      good: .shop("on failure rollback\n\nstep \"Deploy 1.0\" {\n  deploy web 1.0\n}"),
      fix: "Look at what the notes name; then `rolloutc resume` waits again.",
      stage: .running),
    CodePage(
      .notApproved, "An approval was refused, or nobody gave one in time.",
      why: "The plan asks a person before it goes on; without a yes the step counts as failed.",
      bad: .shop("deploy web 1.0\n\napprove \"Is it good?\" within 1h"),
      good: .shop("on failure rollback\n\nstep \"Deploy 1.0\" {\n  deploy web 1.0\n  approve \"Is it good?\"\n}"),
      fix: "Answer with `rolloutc approve`, also from another machine, or let the step wait longer.",
      stage: .running),
    CodePage(
      .clusterFailed, "The cluster cannot be worked with.",
      why:
        "It cannot be reached, it does not know Istio's kinds, or the namespace is not as the plan says. Nothing was written.",
      bad: .shop("namespace shop existing\n\ndeploy web 1.0"),
      good: .shop("namespace shop\n\ndeploy web 1.0"),
      fix: "Mend what the note names, then run again.",
      stage: .running),
    CodePage(
      .journalFailed, "The journal cannot be written.",
      why:
        "Every write is written down before it is sent, and outlives a loss of power: only so can a run that was killed be continued. Where that is not possible nothing is sent.",
      bad: .shop("deploy web 1.0"),
      good: .shop("step \"Deploy 1.0\" {\n  deploy web 1.0\n}"),
      fix: "Make room on the disk, or choose another folder with `--journal`.",
      stage: .running),
    CodePage(
      .verifyFailed, "What a `verify` expects did not come back in its time.",
      why:
        "The answers of the last round are in the notes, each different one once: how many there were, the status, the text up to where it stops to fit, and which version gave it, by the routes of which step.",
      bad: .shop("probe home is GET /\n\ndeploy web 1.0\nverify home contains \"Welcome\" within 1s"),
      good: .shop(
        "probe home is GET /\n\non failure rollback\n\nstep \"Deploy 1.0\" {\n  deploy web 1.0\n  verify home contains \"Welcome\"\n}"
      ),
      fix:
        "Look at the version that answered. Where the page is right, mend the pattern, or give it more time with `within`.",
      stage: .running),
    CodePage(
      .cannotAsk, "Nobody answered a `verify`, or there is no way to the gateway.",
      why:
        "A `verify` asks from outside, as a visitor does: at `--gateway`, else at the address of the ingress gateway's Service, else through the API server. The notes have what was tried.",
      bad: .shop("probe home is GET /\n\ndeploy web 1.0\nverify home status 200"),
      good: .shop(
        "probe home is GET /\n\non failure rollback\n\nstep \"Deploy 1.0\" {\n  deploy web 1.0\n  verify home status 200 within 5m\n}"
      ),
      fix: "Say where visitors come in: `--gateway HOST:PORT`.",
      stage: .running),
    CodePage(
      .metricBreached, "A metric left its bounds.",
      why:
        "While a `shift` or a `verify … for` holds, the metric is read again and again; one reading beyond its bound ends it.",
      bad: .shop(
        "metric errors is istio error-rate of web below 1%\n\ndeploy web 1.0\nverify errors for 5m"),
      good: .shop(
        "metric errors is istio error-rate of web below 1%\n\non failure rollback\n\nstep \"Deploy 1.0\" {\n  deploy web 1.0\n  verify errors for 5m\n}"
      ),
      fix: "Find out why before you go on; the failure path has been taken.",
      stage: .running),
    CodePage(
      .metricUnreadable, "A metric cannot be read.",
      why:
        "Prometheus does not answer, refuses the query, gives several series where one number is needed, or had nothing to count all the while, as with a wrong label or where no request came. Without a reading nobody knows whether the version is good.",
      bad: .shop(
        "metric errors is promql \"sum by (pod) (rate(errors_total[1m]))\" below 1\n\ndeploy web 1.0\nverify errors for 5m"
      ),
      good: .shop(
        "metric errors is promql \"sum(rate(errors_total[1m]))\" below 1\n\ndeploy web 1.0\nverify errors for 5m"),
      fix:
        "Name the server with `--prometheus URL`, and let the query give one number: `sum(…)`, `max(…)`. Where few visitors come, let it look for longer.",
      stage: .running),
    CodePage(
      .recordMismatch, "What the cluster remembers of this plan does not fit the plan.",
      why:
        "A run stands in the middle of a step that the file no longer has like that, or another direction is under way. Guessing where to go on could cost an outage.",
      bad: .shop("deploy web 1.0\n\ndeploy web 2.0"),
      good: .shop("deploy web 1.0"),
      fix:
        "Use the plan file as it was when the run began, or finish what is under way with `rolloutc resume`. What a held step asks, and the steps after it, may be edited.",
      stage: .running),
    CodePage(
      .lockLost, "Another run took the lock, or this one could not show in time that it lives.",
      why:
        "Two runs of one plan would undo each other's work. The one without the lock stops before its next write.",
      bad: .shop("deploy web 1.0"),
      good: .shop("step \"Deploy 1.0\" {\n  deploy web 1.0\n}"),
      fix: "See who holds it with `rolloutc status`; `rolloutc unlock` removes the lock of a run that is surely dead.",
      stage: .running),
  ]
}
