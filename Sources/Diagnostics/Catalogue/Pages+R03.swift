extension CodePage {
  /// The body of a component, with `lines` in it.
  private static func web(_ lines: String) -> String {
    "  image registry.example.com/web\n  port 8080 http\n  \(lines)\n  version 1.0"
  }

  private static let deploy = "deploy web 1.0"
  private static let two = "deploy web 1.0\ndeploy web 2.0\n"

  static let values: [CodePage] = [
    CodePage(
      .badName, "A name that Kubernetes cannot take.",
      why:
        "Names of namespaces, Services and most objects are DNS labels: 1 to 63 of `a` to `z`, `0` to `9` and `-`; a Service begins with a letter (RFC 1123, RFC 1035).",
      bad: .shop("namespace Web_Shop\n\n" + deploy),
      good: .shop("namespace web-shop\n\n" + deploy),
      fix:
        "Use another name. A component may have one name in the plan and another in Kubernetes: `component api service shop-api`."
    ),
    CodePage(
      .badVersion, "A version that cannot be a label.",
      why:
        "A version becomes a label value and part of names: letters, digits, `.`, `_` and `-`, with a letter or digit at both ends, 63 at most.",
      bad: .shop(web: "  image registry.example.com/web\n  port 8080 http\n  version 1.0, 2.0+b7", deploy),
      good: .shop(web: "  image registry.example.com/web\n  port 8080 http\n  version 1.0, 2.0-b7", deploy),
      fix:
        "Write the version with the signs that are allowed. If the image's tag differs, write the image in the version."
    ),
    CodePage(
      .badNumber, "A number is out of the range that makes sense there.",
      why: "The message names the range. Numbers are written in digits, without sign, point or unit.",
      bad: .shop("deploy web 1.0 replicas 20000"),
      good: .shop("deploy web 1.0 replicas 20"),
      fix: "Write a whole number in the range."
    ),
    CodePage(
      .badPercent, "A share that is no percentage from `0%` to `100%`.",
      why: "Istio's weights are whole numbers, and a bare number could be meant as a count of pods.",
      bad: .shop(two + "route web 10 -> 2.0"),
      good: .shop(two + "route web 10% -> 2.0"),
      fix: "Write a whole number and `%`."
    ),
    CodePage(
      .badDuration, "A time that is not written as one.",
      why: "A bare number could be seconds or minutes. Some times must be longer than nothing.",
      bad: .shop(deploy + "\nwait 30"),
      good: .shop(deploy + "\nwait 30s"),
      fix: "Write whole numbers with `ms`, `s`, `m`, `h` or `d`: `30s`, `5m`, `1h30m`."
    ),
    CodePage(
      .badSize, "An amount of memory or storage that Kubernetes cannot read, or that nothing fits into.",
      why:
        "Sizes are Kubernetes quantities above zero. `1GB` is none: there it is `1G` (powers of ten) or `1Gi` (powers of two). A bare number is bytes, and less than a megabyte holds no process and no volume.",
      bad: .shop(web: web("volume uploads 1GB at /data"), deploy),
      good: .shop(web: web("volume uploads 1Gi at /data"), deploy),
      fix: "Write a number with `Ki`, `Mi`, `Gi` or `Ti`."
    ),
    CodePage(
      .badCPU, "An amount of CPU that Kubernetes cannot read.",
      why: "CPU is counted in cores, or in thousandths of a core with `m`.",
      bad: .shop(web: web("resources cpu 250mi"), deploy),
      good: .shop(web: web("resources cpu 250m"), deploy),
      fix: "Write cores, as `2` or `0.5`, or thousandths, as `250m`."
    ),
    CodePage(
      .badPath, "A path that does not begin with `/`, or holds signs that a path cannot.",
      why:
        "Paths are compared as they arrive in a request: they begin with `/`, are percent-encoded beyond ASCII, and `.` and `..` have been taken out of them by the proxy.",
      bad: .shop("probe home is GET health\n\n" + deploy),
      good: .shop("probe home is GET /health\n\n" + deploy),
      fix: "Begin the path with `/`, and write it as clients send it."
    ),
    CodePage(
      .badImage, "An image reference that no registry would understand.",
      why:
        "An image is `registry/name`, with `:tag` or `@sha256:…`; a repository is written in lower case, without a scheme. Pods with another reference never start.",
      bad: .shop(web: "  image https://registry.example.com/web\n  port 8080 http\n  version 1.0", deploy),
      good: .shop(web: "  image registry.example.com/web\n  port 8080 http\n  version 1.0", deploy),
      fix: "Write the reference as `docker pull` takes it. Without a tag, the version is the tag."
    ),
    CodePage(
      .badHost, "A host that is no DNS name.",
      why:
        "Istio takes DNS names, `*.` in front of one, or `*`. There is no scheme, port or underscore in a host, and a host of one word would be taken for a Service of the namespace.",
      bad: """
        plan shop
        language 1

        expose web on port 80 hosts https://shop.example.com

        component web {
          image registry.example.com/web
          port 8080 http
          version 1.0
        }

        deploy web 1.0
        """,
      good: """
        plan shop
        language 1

        expose web on port 80 hosts shop.example.com

        component web {
          image registry.example.com/web
          port 8080 http
          version 1.0
        }

        deploy web 1.0
        """,
      fix: "Write the name alone, or `\"*\"` for every host."
    ),
    CodePage(
      .badEnvName, "A name that no environment variable can have.",
      why: "Kubernetes takes letters, digits, `_`, `-` and `.`, and no digit in front.",
      bad: .shop(web: web("env 2ND_TRY = yes"), deploy),
      good: .shop(web: web("env SECOND_TRY = yes"), deploy),
      fix: "Use another name."
    ),
    CodePage(
      .badRegex, "A regular expression that RE2 cannot read.",
      why:
        "Istio and `verify` use RE2: no look-around and no back-references, and never slower than the text is long. Istio refuses more than 1024 characters.",
      bad: .shop("pattern votes is 'Cats: (\\d+'\n\n" + deploy),
      good: .shop("pattern votes is 'Cats: (\\d+)'\n\n" + deploy),
      fix: "Mend the expression at the place the message shows; `\\` before a sign takes it as it stands."
    ),
    CodePage(
      .badCookieValue, "A value that a cookie cannot have.",
      why:
        "RFC 6265 takes no blank, comma, semicolon, quote or backslash, and nothing outside ASCII, in a cookie's value.",
      bad: .shop("cookie flag is featureflag = \"on; off\"\n\n" + deploy),
      good: .shop("cookie flag is featureflag = on\n\n" + deploy),
      fix: "Use a value without these signs; applications often encode them."
    ),
    CodePage(
      .badPort, "A port that is no number from 1 to 65535.",
      why: "Kubernetes refuses every other number.",
      bad: .shop(web: "  image registry.example.com/web\n  port 80800 http\n  version 1.0", deploy),
      good: .shop(web: "  image registry.example.com/web\n  port 8080 http\n  version 1.0", deploy),
      fix:
        "Write the number that callers dial, and behind `target` the one on which the container listens, where that is another: `port 80 http target 8080`."
    ),
    CodePage(
      .badStatus, "An HTTP status that is none.",
      why: "A status is a number from 100 to 599; another one would never come, and the step would always fail.",
      bad: .shop("probe home is GET /\n\n" + deploy + "\nverify home status 20"),
      good: .shop("probe home is GET /\n\n" + deploy + "\nverify home status 200"),
      fix: "Write the status that the answer must have."
    ),
    CodePage(
      .metricUnit, "A bound that is not in the metric's unit.",
      why:
        "Rates take a percentage, latencies a duration, PromQL a plain number; `1` could be one percent or a hundred.",
      bad: .shop("metric errors is istio error-rate below 1\n\n" + deploy),
      good: .shop("metric errors is istio error-rate below 1%\n\n" + deploy),
      fix: "Write the bound with its unit: `1%`, `250ms`."
    ),
    CodePage(
      .unsupportedEdition, "The plan is written in an edition that this rolloutc does not know.",
      why: "A later edition may give the same words another meaning, so nothing is guessed.",
      bad:
        "plan shop\nlanguage 2\n\ncomponent web {\n  image registry.example.com/web\n  version 1.0\n}\n\ndeploy web 1.0",
      good:
        "plan shop\nlanguage 1\n\ncomponent web {\n  image registry.example.com/web\n  version 1.0\n}\n\ndeploy web 1.0",
      fix: "Write `language 1`, or use a newer rolloutc."
    ),
    CodePage(
      .parameterType, "A parameter's value is not of its type.",
      why:
        "A parameter with a type is checked wherever it gets a value, also in environments that are not chosen today.",
      bad: .shop("parameter pods number = three\n\ndeploy web 1.0"),
      good: .shop("parameter pods number = 3\n\ndeploy web 1.0 replicas $pods"),
      fix: "Give a value of that type, or declare another type."
    ),
    CodePage(
      .levelsDoNotRise, "The levels of a shift do not rise.",
      why: "A shift goes forward only, so that a level that was good is never left for a lower one.",
      bad: .shop(two + "shift web -> 2.0 through 50%, 10%, 100% every 5m"),
      good: .shop(two + "shift web -> 2.0 through 10%, 50%, 100% every 5m"),
      fix: "Write the levels in rising order, each from `1%` to `100%`."
    ),
    CodePage(
      .badYAML, "A patch is no YAML mapping, or makes an object that Kubernetes or Istio does not take.",
      why: """
        A patch is merged into an object, so it must be one mapping. What the server refuses by the rules of its own kinds, as \
        a request above its limit or a reason to retry that Istio does not know, would stop the run at that write.
        """,
      bad: .shop("patch deployment of web \"spec: [\"\n\n" + deploy),
      good: .shop("patch deployment of web \"spec: {minReadySeconds: 10}\"\n\n" + deploy),
      fix: "Mend the YAML, or the value that the message names. In `\"\"\"` a patch may run over several lines."
    ),
    CodePage(
      .badKey, "A name or value that a cookie, header or Secret key cannot have.",
      why:
        "Names of cookies and headers are tokens (RFC 9110), keys of Secrets are letters, digits, `-`, `_` and `.`. What a request is led by before its headers are read, such as its host, is asked for in another way.",
      bad: .shop("cookie flag is \"feature flag\" = on\n\n" + deploy),
      good: .shop("cookie flag is feature-flag = on\n\n" + deploy),
      fix: "Use a name without these signs."
    ),
    CodePage(
      .badMethod, "A method that cannot stand here.",
      why:
        "A probe asks with GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS, in capitals; a health check of Kubernetes only with GET.",
      bad: .shop(web: web("ready when POST /health"), deploy),
      good: .shop(web: web("ready when GET /health"), deploy),
      fix: "Write one of the methods that the message names."
    ),
    CodePage(
      .visitorNeedsValue, "A request is to be sent as a header that has only a pattern.",
      why: "A header that `matches` many values says which requests it is about, and not which value to send.",
      bad: .shop("header staff is x-user matches 'staff-.+'\nprobe home is GET / as header staff\n\n" + deploy),
      good: .shop("header staff is x-user = staff-1\nprobe home is GET / as header staff\n\n" + deploy),
      fix: "Declare a header with a value for the request."
    ),
    CodePage(
      .portOfIsAmbiguous, "`port of` or `url of` a component that has not one port there.",
      why:
        "The value is written into the caller's pods, so it must be the same for every version that the caller can reach.",
      bad: """
        plan shop
        language 1

        component web {
          image registry.example.com/web
          port 8080 http
          env STORE = url of store
          version 1.0
        }

        component store {
          image registry.example.com/store
          port 7000 http
          port 7001 http
          version 1.0
        }
        """,
      good: """
        plan shop
        language 1

        component web {
          image registry.example.com/web
          port 8080 http
          env STORE = "http://store:7000"
          version 1.0
        }

        component store {
          image registry.example.com/store
          port 7000 http
          port 7001 http
          version 1.0
        }
        """,
      fix: "Write the number or the whole address. `host of` always works: the name is the same for all."
    ),
    CodePage(
      .probeNeedsComponent, "A probe does not say which of several exposed components it asks.",
      why: "A probe goes in through the gateway, and each exposed component has its own way in.",
      bad: """
        plan shop
        language 1

        expose web on port 80
        expose admin on port 8080

        component web {
          image registry.example.com/web
          port 8080 http
          version 1.0
        }

        component admin {
          image registry.example.com/admin
          port 8080 http
          version 1.0
        }

        probe home is GET /
        """,
      good: """
        plan shop
        language 1

        expose web on port 80
        expose admin on port 8080

        component web {
          image registry.example.com/web
          port 8080 http
          version 1.0
        }

        component admin {
          image registry.example.com/admin
          port 8080 http
          version 1.0
        }

        probe home is GET / on web
        """,
      fix: "End the probe with `on COMPONENT`."
    ),
    CodePage(
      .badKind, "A kind of object that Kubernetes would not know.",
      why: "A kind is written as in YAML, with a capital letter, and without its API group.",
      bad: .shop("patch gateway shop \"metadata: {annotations: {team: web}}\"\n\n" + deploy),
      good: .shop("patch Gateway web-gateway \"metadata: {annotations: {team: web}}\"\n\n" + deploy),
      fix: "Write the kind as it stands in YAML, or `deployment of COMPONENT` for what belongs to a component."
    ),
    CodePage(
      .badSelector, "A probe's CSS selector cannot be read, or asks for more than a page without a browser has.",
      why:
        "A probe reads pages as they come, without scripts and styles. Elements, `#id`, `.class`, `[attribute]`, blanks and `>` between them, and commas are enough to name one element; pseudo-classes are not there.",
      bad: .shop("probe price is text of \"#price:first-line\" in GET /\n\n" + deploy),
      good: .shop("probe price is text of \"#price\" in GET /\n\n" + deploy),
      fix: "Name the element by its id, or by classes and attributes."
    ),
  ]
}
