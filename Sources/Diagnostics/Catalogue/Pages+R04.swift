extension CodePage {
  private static let two = "deploy web 1.0\ndeploy web 2.0\n"
  private static let body = "  image registry.example.com/web\n  port 8080 http\n"

  /// A shop and a basket at a path within the shop's, both behind one host.
  private static func nested(_ steps: String) -> Example {
    Example(
      """
      plan shop
      language 1

      expose web on port 80
      expose basket on port 80 path /basket

      component web {
        image registry.example.com/web
        port 8080 http
        version 1.0, 2.0
      }

      component basket {
        image registry.example.com/basket
        port 8080 http
        version 1.0
      }

      \(steps)
      """)
  }

  static let routing: [CodePage] = [
    CodePage(
      .routeToUndeployed, "Traffic is sent to a version of which nothing runs at this point.",
      why:
        "Visitors who are routed there would get a 503 (Envoy: UH). A version with `replicas 0` runs nowhere either.",
      bad: .shop("deploy web 1.0\nroute web all -> 2.0"),
      good: .shop("deploy web 1.0\ndeploy web 2.0\nroute web all -> 2.0"),
      fix: "Deploy the version before the line that routes to it."
    ),
    CodePage(
      .retireLive, "Something is to be retired that still gets traffic.",
      why:
        "Its pods would go while requests are sent to them. A mirror and a call from another component count as traffic too. Nothing of the line is done.",
      bad: .shop(two + "route web 50% -> 2.0\nretire 1.0"),
      good: .shop(two + "route web all -> 2.0\nretire 1.0"),
      fix: "Route everybody elsewhere first; the notes say what still leads there."
    ),
    CodePage(
      .neverRouted, "A version is deployed, and no step ever sends anybody there.",
      why:
        "With `routing pinned` a new version is dark until it is routed. One that stays dark costs pods and proves nothing.",
      bad: .shop("deploy web 1.0\ndeploy web 2.0"),
      good: .shop("deploy web 1.0\ndeploy web 2.0\nroute web 10% -> 2.0"),
      fix: "Route to it, or leave the `deploy` out."
    ),
    CodePage(
      .unreachableVerify, "A `verify` cannot see what it is meant to see.",
      why:
        "Either nothing serves the component yet, so the step can only fail, or it asks as a visitor for whom there is no rule, and sees what everybody sees.",
      bad: .shop(
        "cookie flag is featureflag = on\nprobe home is GET /\n\n" + two + "verify home status 200 as cookie flag"),
      good: .shop(
        "cookie flag is featureflag = on\nprobe home is GET /\n\n" + two
          + "route web cookie flag -> 2.0\nverify home status 200 as cookie flag"),
      fix: "Move the line behind the `deploy` or `route` that it is about."
    ),
    CodePage(
      .shadowedRoute, "A rule stands behind one that takes all its requests.",
      why:
        "Cookie and header rules keep the order in which they were first set, and the first match wins; the later rule never sees a request.",
      bad: .shop(two + "route web cookie beta -> 2.0\nroute web cookie beta=yes -> 2.0"),
      good: .shop(two + "route web cookie beta=yes -> 2.0\nroute web cookie beta -> 2.0"),
      fix: "Set the narrower rule first, or take the wider one away with `unroute`."
    ),
    CodePage(
      .shareDoesNotRise, "A share becomes smaller, or does not change.",
      why:
        "`route web 10% -> 2.0` sets the share, it does not add to it. A release that goes forward makes shares larger.",
      bad: .shop(two + "route web 20% -> 2.0\nwait 5m\nroute web 10% -> 2.0"),
      good: .shop(two + "route web 10% -> 2.0\nwait 5m\nroute web 20% -> 2.0"),
      fix: "Write a higher share; `0%` ends one."
    ),
    CodePage(
      .callerWithoutCallee, "A member of a release calls a component of which the release has no version.",
      why: "Versions of a release reach only versions of their own release, so these calls have nowhere to go.",
      bad: .tiers("release spring {\n  web 1.0\n}\n\nrelease summer {\n  web 2.0\n  api 1.0 -> 2.0\n}"),
      good: .tiers("release spring {\n  web 1.0\n  api 1.0\n}\n\nrelease summer {\n  web 2.0\n  api 2.0\n}"),
      fix: "Add the component to the release, or leave it out of all releases: then all share it."
    ),
    CodePage(
      .cookieNotDeclared, "A cookie is used that is not declared.",
      why:
        "`cookie beta` then means a cookie called `beta` with any value, also one that somebody else sets for another reason.",
      bad: .shop(two + "route web cookie beta -> 2.0"),
      good: .shop("cookie beta is beta = yes\n\n" + two + "route web cookie beta -> 2.0"),
      fix: "Declare it with the value that counts."
    ),
    CodePage(
      .overlappingRoutes, "A request can match two rules that lead to different versions.",
      why: "The rule that was set first wins, so the order of two lines decides where a visitor with both ends up.",
      bad: .shop(two + "route web cookie beta=yes -> 2.0\nroute web header x-plan=free -> 1.0"),
      good: .shop(two + "route web cookie group=beta -> 2.0\nroute web cookie group=free -> 1.0"),
      fix: "Let the two ask for values of one cookie or header, or allow the order with a reason."
    ),
    CodePage(
      .innerVisitorRoute, "A cookie or header rule for a component that is called from inside.",
      why: "A mesh does not pass cookies and headers on; the rule matches only if every caller forwards them.",
      bad: .tiers("deploy api 1.0\ndeploy api 2.0\ndeploy web 1.0\nroute api header x-user=test -> 2.0"),
      good: .tiers(
        """
        release old {
          web 1.0
          api 1.0
        }

        release new {
          web 2.0
          api 2.0
        }

        deploy release old
        deploy release new
        route web header x-user=test -> 2.0
        """),
      fix: "Put the versions that belong together into a release, and route at the entry."
    ),
    CodePage(
      .sharesOver100, "The shares of a component add up to more than 100%.",
      why: "Each line sets the share of one version and leaves the others as they are.",
      bad: .shop(
        web: body + "  version 1.0, 2.0, 3.0",
        two + "deploy web 3.0\nroute web 60% -> 2.0\nroute web 50% -> 3.0"),
      good: .shop(
        web: body + "  version 1.0, 2.0, 3.0",
        two + "deploy web 3.0\nroute web 60% -> 2.0\nroute web 40% -> 3.0"),
      fix: "Lower another share first, or end it with `0%`."
    ),
    CodePage(
      .rollbackPastDestroyed, "A rollback would need data that an earlier line destroys.",
      why:
        "`with volumes` deletes the claims and what is on them. This is found when the plan is checked, not when the data is gone.",
      bad: .shop(
        web: body + "  version 1.0 {\n    volume uploads 1Gi at /data\n  }\n  version 2.0",
        """
        step "Install" {
          deploy web 1.0
        }

        step "Move" {
          deploy web 2.0
          route web all -> 2.0
          retire web 1.0 with volumes
        }

        step "Back" {
          rollback to "Install"
        }
        """),
      good: .shop(
        web: body + "  version 1.0 {\n    volume uploads 1Gi at /data\n  }\n  version 2.0",
        """
        step "Install" {
          deploy web 1.0
        }

        step "Move" {
          deploy web 2.0
          route web all -> 2.0
          retire web 1.0
        }

        step "Back" {
          rollback to "Install"
        }
        """),
      fix: "Put `retire … with volumes` into the last step, after everything that may fail."
    ),
    CodePage(
      .nothingToRetire, "Nothing of what is to be retired is deployed at this point.",
      why: "The line would do nothing. `retire RELEASE` takes only versions that no other release lists.",
      bad: .shop("deploy web 1.0\nretire 2.0"),
      good: .shop("deploy web 1.0\ndeploy web 2.0\nretire 2.0"),
      fix: "Leave the line out, or check the order of the steps."
    ),
    CodePage(
      .versionInNoRelease, "A component stands in releases, and one of its versions in none.",
      why: "Whom this version may call, and who may call it, is said nowhere.",
      bad: .shop("release spring {\n  web 1.0\n}\n\ndeploy release spring"),
      good: .shop("release spring {\n  web 1.0 -> 2.0\n}\n\ndeploy release spring"),
      fix: "List the version in a release, or remove it."
    ),
    CodePage(
      .sharedCallerConflict, "A version that is in several releases calls a component that differs between them.",
      why:
        "A pod's labels decide where its calls go, and these pods have one set of labels: they cannot go to two places.",
      bad: .tiers("release old {\n  api 1.0\n}\n\nrelease new {\n  api 2.0\n}"),
      good: .tiers("release old {\n  web 1.0\n  api 1.0\n}\n\nrelease new {\n  web 2.0\n  api 2.0\n}"),
      fix: "Give each release a version of the caller of its own, or the same version of what it calls."
    ),
    CodePage(
      .incompleteRelease, "A version gets traffic and calls a component of which nothing is deployed.",
      why: "Its calls would end in a 503 (Envoy: UH). Checked at each place where the plan observes or ends a step.",
      bad: .tiers("deploy web 1.0"),
      good: .tiers("step \"Start\" {\n  deploy api 1.0\n  deploy web 1.0\n}"),
      fix: "Deploy what is called before, or in the same segment; `deploy release` does it for all its members."
    ),
    CodePage(
      .nothingToUnroute, "A rule is to be taken away that is not there.",
      why: "Either the selector differs from the one that was set, or `route … all` has cleared it already.",
      bad: .shop(two + "route web cookie beta=yes -> 2.0\nunroute web cookie beta=no"),
      good: .shop(two + "route web cookie beta=yes -> 2.0\nunroute web cookie beta=yes"),
      fix: "Name a rule that an earlier line has set, or remove the line."
    ),
    CodePage(
      .notExposed, "A probe asks a component that no request from outside reaches.",
      why:
        "Probes go in through the gateway, as visitors do. A component that is only called from inside has no way in.",
      bad: .tiers("probe price is GET /price on api"),
      good: .tiers("probe price is GET /price on web"),
      fix: "Ask an exposed component, or expose this one."
    ),
    CodePage(
      .shiftEndsEarly, "A shift ends below 100%, and nothing follows.",
      why: "The plan would end with two versions that share the visitors.",
      bad: .shop(two + "shift web -> 2.0 through 10%, 50% every 5m"),
      good: .shop(two + "shift web -> 2.0 through 10%, 50%, 100% every 5m"),
      fix: "End with `100%`, or route the component in a later line."
    ),
    CodePage(
      .noEffect, "A line changes nothing.",
      why:
        "What it asks for is so already. Mostly a line stands twice, or an earlier one has done more than was meant. `replicas` has no effect where a patch leaves the number of pods to an autoscaler.",
      bad: .shop("deploy web 1.0\ndeploy web 1.0"),
      good: .shop("deploy web 1.0\ndeploy web 1.0 replicas 3"),
      fix: "Remove it."
    ),
    CodePage(
      .stickyNotPossible, "Visitors are to be kept by a cookie where no cookie arrives.",
      why: "`sticky` hands a cookie to each visitor at the gateway, so the component must be exposed and speak http.",
      bad: .tiers(
        "deploy api 1.0\ndeploy api 2.0\ndeploy web 1.0\nshift api -> 2.0 through 10%, 100% every 5m sticky for 1h"),
      good: .tiers("deploy api 1.0\ndeploy api 2.0\ndeploy web 1.0\nshift api -> 2.0 through 10%, 100% every 5m"),
      fix: "Leave `sticky` out, or shift an exposed component."
    ),
    CodePage(
      .waitForUndeployed, "The plan waits for a version that is not deployed at this point.",
      why: "Nothing would ever become ready, and the run would wait until its time is up.",
      bad: .shop("deploy web 1.0\nwait until web 2.0 ready"),
      good: .shop("deploy web 2.0\nwait until web 2.0 ready"),
      fix: "Deploy the version before this line."
    ),
    CodePage(
      .notInFailureBlock, "A statement that waits for a person stands in an `on failure` block.",
      why: "A failure path must end by itself: it may run at night.",
      bad: .shop("on failure {\n  approve\n  rollback\n}\n\nstep \"Start\" {\n  deploy web 1.0\n}"),
      good: .shop("on failure {\n  rollback\n}\n\nstep \"Start\" {\n  deploy web 1.0\n}"),
      fix: "Remove it. Without any `on failure` the run stops where it is and holds for a person."
    ),
    CodePage(
      .rollbackTarget, "`rollback to` names no earlier step.",
      why:
        "A rollback goes to the state after a step that has run, or to the `start`. A name that no step has at all is R0213.",
      bad: .shop(
        "step \"Install\" {\n  deploy web 1.0\n}\n\nstep \"Back\" {\n  deploy web 1.0 replicas 3\n  rollback to \"Again\"\n}\n\nstep \"Again\" {\n  deploy web 1.0 replicas 3\n}"
      ),
      good: .shop(
        "step \"Install\" {\n  deploy web 1.0\n}\n\nstep \"Grow\" {\n  deploy web 1.0 replicas 3\n}\n\nstep \"Back\" {\n  rollback to \"Install\"\n}"
      ),
      fix: "Write the name of an earlier step as it stands there, or `rollback to start`."
    ),
    CodePage(
      .roundRobin, "With `routing open`, two versions answer by turns from here on.",
      why:
        "Until a component is routed, or a second release with it is deployed, Kubernetes balances over all its pods.",
      bad: .shop("routing open\n\ndeploy web 1.0\ndeploy web 2.0\nroute web all -> 2.0"),
      good: .shop("routing open\n\ndeploy web 1.0\nroute web all -> 1.0\ndeploy web 2.0\nroute web all -> 2.0"),
      fix: "Route the component before the second version is deployed, or leave `routing open` out."
    ),
    CodePage(
      .needsHTTP, "A line looks into requests of a component that speaks no http.",
      why: """
        Cookies, headers, probes and mirrors are about requests. The mesh sees requests only in http, http2 and grpc; \
        everything else it routes connection by connection, so such a rule would match nothing.
        """,
      bad: .shop(
        web: "  image registry.example.com/web\n  port 5432 tcp\n  version 1.0, 2.0",
        "deploy web 1.0\ndeploy web 2.0\nroute web cookie beta=1 -> 2.0"),
      good: .shop(
        web: "  image registry.example.com/web\n  port 5432 tcp\n  version 1.0, 2.0",
        "deploy web 1.0\ndeploy web 2.0\nroute web 10% -> 2.0\nroute web all -> 2.0"),
      fix: "Move connections, by `all` or by a share; or declare the port as what it speaks."
    ),
    CodePage(
      .portLost, "A version is to take over requests, and has not the port by which they come.",
      why: """
        Callers dial a port. Of a share or a shift such a version gets only what comes by ports that it has: calls to the \
        other port all stay with the version that has it, so that nothing is tried out. Once everybody is led to the new \
        version, nobody is left who answers there.
        """,
      bad: .tiers(
        api:
          "  image registry.example.com/api\n  port 8080 http\n  version 1.0\n  version 2.0 {\n    port 9090 http\n  }",
        "deploy api 1.0\ndeploy web 1.0\ndeploy api 2.0\nroute api 50% -> 2.0"),
      good: .tiers(
        api:
          "  image registry.example.com/api\n  port 8080 http\n  version 1.0\n  version 2.0 {\n    port 8080 http\n    port 9090 http\n  }",
        "deploy api 1.0\ndeploy web 1.0\ndeploy api 2.0\nroute api 50% -> 2.0"),
      fix:
        "Give the new version the old port, too, until no caller uses it; where its container listens on another, that one stands behind `target`: `port 8080 http target 9090`. Or move the callers with it, in a release."
    ),
    CodePage(
      .portGone, "Callers or visitors are led to a version that has none of the ports by which they come.",
      why: """
        Callers dial a port, and nobody answers at it any more: their requests fail from this line on. Where the callers \
        change with the version, in the same step, nothing is lost. Visitors come by an `expose` line: the version that takes \
        them over, or some of them, needs a port that speaks what they speak (an http port, one for gRPC, for connections one that speaks the same, or plain `tcp`).
        """,
      bad: .tiers(
        api:
          "  image registry.example.com/api\n  port 8080 http\n  version 1.0\n  version 2.0 {\n    port 9090 http\n  }",
        "deploy api 1.0\ndeploy web 1.0\ndeploy api 2.0\nroute api all -> 2.0"),
      good: .tiers(
        api:
          "  image registry.example.com/api\n  port 8080 http\n  version 1.0\n  version 2.0 {\n    port 8080 http\n    port 9090 http\n  }",
        "deploy api 1.0\ndeploy web 1.0\ndeploy api 2.0\nroute api all -> 2.0"),
      fix:
        "Give the new version the old port, too, until no caller uses it; where its container listens on another, that one stands behind `target`: `port 8080 http target 9090`. Or move the callers with it, in a release."
    ),
    CodePage(
      .shrinksUnsaid, "A `deploy` without `replicas` makes a version smaller.",
      why: """
        `deploy` again scales. Without a number the version gets the replicas that its component declares, or 1, whatever it \
        had before: pods that serve visitors go.
        """,
      bad: .shop("deploy web 1.0 replicas 4\ndeploy web 1.0"),
      good: .shop("deploy web 1.0 replicas 4\ndeploy web 1.0 replicas 2"),
      fix: "Say the number, as `replicas 4`; or declare it, as `replicas 4` in the component."
    ),
    CodePage(
      .callUnsaid, "A component is given the address of another one, and does not say that it calls it.",
      why:
        "Only what `calls` names is proved: that somebody is there to answer, at that port, in the caller's release. It decides what comes up and goes first, too. `host of`, `port of` and `url of` are mostly there to be called.",
      bad: .tiers(web: "  env API_URL = url of api", "deploy api 1.0\ndeploy web 1.0"),
      good: .tiers(web: "  env API_URL = url of api\n  calls api", "deploy api 1.0\ndeploy web 1.0"),
      fix:
        "Name it in `calls`. Where the address is only passed on, as to a browser, allow the line with your reason."
    ),
    CodePage(
      .nobodyCalls, "A component that nobody calls, and that is not exposed, gets a second version.",
      why: """
        What is proved is proved for requests that the plan knows: those of visitors, by `expose`, and those of components, by \
        `calls`. Of a component that has neither nothing can be said: its versions may be stopped while somebody outside of \
        the plan still calls them.
        """,
      bad: Example(
        """
        plan jobs
        language 1

        component api {
          image registry.example.com/api
          port 8080 http
          version 1.0, 2.0
        }

        deploy api 1.0
        deploy api 2.0
        route api all -> 2.0
        """),
      good: .tiers("deploy api 1.0\ndeploy web 1.0\ndeploy api 2.0\nroute api all -> 2.0"),
      fix:
        "Say who calls it, with `calls`. Where that is somebody outside of the plan, `# rolloutc: allow nobody-calls -- WHY`."
    ),
    CodePage(
      .portUnserved, "A component is given the address of another one, at a port that its Service has not.",
      why: """
        Callers dial the Service, at its port; `target` is where the container listens, and nobody else asks there. At a port \
        that the Service has not, nobody answers. Nothing is said where a patch gives the Service other ports.
        """,
      bad: .tiers(
        web: "  calls api\n  env API_URL = \"http://api:3000\"",
        api: "  image registry.example.com/api\n  port 80 http target 3000\n  version 1.0",
        "deploy api 1.0\ndeploy web 1.0"),
      good: .tiers(
        web: "  calls api\n  env API_URL = url of api",
        api: "  image registry.example.com/api\n  port 80 http target 3000\n  version 1.0",
        "deploy api 1.0\ndeploy web 1.0"),
      fix: "Write a port of the Service, or leave it to the plan: `url of`, `host of` and `port of`."
    ),
    CodePage(
      .fewerPods, "A version takes over from one that has more than twice as many pods.",
      why: """
        A canary of one pod is enough for a tenth of the visitors. When it takes over from ten pods, all come to the one: it \
        is ready, so that nothing else says so, and it may bear them or not. The numbers are those of the plan; nothing is \
        said where a patch or an autoscaler has them.
        """,
      bad: .shop("deploy web 1.0 replicas 10\ndeploy web 2.0 replicas 1\nroute web 10% -> 2.0\nroute web all -> 2.0"),
      good: .shop(
        "deploy web 1.0 replicas 10\ndeploy web 2.0 replicas 1\nroute web 10% -> 2.0\ndeploy web 2.0 replicas 10\nroute web all -> 2.0"
      ),
      fix: "Deploy the version with the pods that everybody needs before it takes over: `deploy web 2.0 replicas 10`."
    ),
    CodePage(
      .mirrorReplaced, "A mirror takes the place of one to another version.",
      why: """
        A component has one mirror: copies of its requests go to one version. A second `mirror` line ends the first, and the \
        version that it was for gets nothing any more. Once everybody is led to that version, its mirror is over by itself.
        """,
      bad: .shop(
        web: body + "  version 1.0, 2.0, 3.0",
        "deploy web 1.0\ndeploy web 2.0\ndeploy web 3.0\nmirror web 10% -> 2.0\nwait 10m\nmirror web 10% -> 3.0"),
      good: .shop(
        web: body + "  version 1.0, 2.0, 3.0",
        "deploy web 1.0\ndeploy web 2.0\ndeploy web 3.0\nmirror web 10% -> 2.0\nwait 10m\nmirror web 0% -> 2.0\nmirror web 10% -> 3.0"
      ),
      fix: "Say that the first one ends, by `mirror web 0% -> 2.0`; to try two versions, mirror to one after the other."
    ),
    CodePage(
      .stickyDropped, "A share was sticky, and a later line sets it without `sticky`.",
      why: """
        `sticky` keeps each visitor on the side that answered first, by a cookie. It is part of the share: a `route` with a \
        percentage, or a `shift` without `sticky`, sets the share anew, the cookie counts no more, and every request is dealt \
        out by the share alone. Visitors who were kept on one version see now one and now the other. Once everybody is led \
        to one version, there is nothing to keep.
        """,
      bad: .shop(
        two
          + "shift web -> 2.0 through 20% every 10m sticky for 1d\nshift web -> 2.0 through 50%, 100% every 10m"),
      good: .shop(
        two
          + "shift web -> 2.0 through 20% every 10m sticky for 1d\nshift web -> 2.0 through 50%, 100% every 10m sticky for 1d"
      ),
      fix: "Repeat `sticky for` at each `shift`, and move a sticky share by `shift` and not by `route`."
    ),
    CodePage(
      .innerPathApart, "Below a path at which nobody answers yet, rules of the line around it do not hold.",
      why: """
        Istio makes one list of the routes of all lines at a host, by the age of their VirtualServices, and only a route for \
        everything comes last. So rules of the outer line leave an inner path out from the beginning: else they would take its \
        visitors. As long as the inner component is not deployed, the outer default answers there, for everybody: whoever is \
        led to a new version by a cookie sees the old one below the inner path. Where the outer line has a path of its own, \
        even its default leaves the inner path out, and a line for all paths takes it.
        """,
      bad: nested(
        """
        step "Two for beta" {
          deploy web 1.0
          deploy web 2.0
          route web all -> 1.0
          route web cookie beta=on -> 2.0
        }

        step "Basket" {
          deploy basket 1.0
        }
        """),
      good: nested(
        """
        step "Basket" {
          deploy web 1.0
          deploy basket 1.0
        }

        step "Two for beta" {
          deploy web 2.0
          route web cookie beta=on -> 2.0
        }
        """),
      fix: "Deploy the inner component before visitors are told apart, or when they are no more."
    ),
  ]
}
