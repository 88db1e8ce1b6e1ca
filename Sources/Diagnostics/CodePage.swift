/// What `rolloutc explain CODE` prints. Its examples are test inputs: `bad` earns the code and no other error (but where it
/// hurts an invariant, perhaps another invariant too), `good` has no error and not the code.
package struct CodePage: Sendable {
  package var code: Code
  /// One line: what is wrong.
  package var title: String
  /// A paragraph: when it is reported and why it matters.
  package var why: String
  package var bad: Example
  package var good: Example
  /// A paragraph: what to do.
  package var fix: String
  /// The part of the compiler that reports it.
  package var stage: Stage

  /// What has to run before a plan can earn a code.
  package enum Stage: Sendable {
    /// Reading the plan: `resolve`.
    case plan
    /// Checking the phases against the invariants.
    case safety
    /// Checking a folder of YAML that has no plan: the examples are such YAML.
    case folder
    /// Running the plan: no plan alone earns the code. `bad` is one that may meet it, and has no error.
    case running
  }

  package init(
    _ code: Code, _ title: String, why: String, bad: Example, good: Example, fix: String, stage: Stage = .plan
  ) {
    self.code = code
    self.title = title
    self.why = why
    self.bad = bad
    self.good = good
    self.fix = fix
    self.stage = stage
  }
}

extension CodePage {
  /// A whole plan, the files beside it, and how it is resolved; or YAML.
  package struct Example: Sendable, ExpressibleByStringLiteral {
    /// `U+FFFD` stands for a byte that is no UTF-8.
    package var plan: String
    /// `plan` is what a folder holds, and no plan.
    package var isYAML = false
    /// Paths are relative to the plan's folder.
    package var files: [(path: String, text: String)]
    /// `--env NAME`.
    package var environment: String?

    package init(_ plan: String, files: [(path: String, text: String)] = [], environment: String? = nil) {
      self.plan = String(plan.trimmedLineBreaks) + "\n"
      self.files = files
      self.environment = environment
    }

    package init(stringLiteral text: String) { self.init(text) }

    /// The file as it would be read.
    package var bytes: [UInt8] {
      var result: [UInt8] = []
      for scalar in plan.unicodeScalars {
        if scalar == "\u{FFFD}" { result.append(0xFF) } else { result.append(contentsOf: String(scalar).utf8) }
      }
      return result
    }

    static func yaml(_ text: String) -> Example {
      var example = Example(text)
      example.isYAML = true
      return example
    }

    /// A shop with one exposed component, and then `lines`.
    static func shop(
      web: String = """
        image registry.example.com/web
        port 8080 http
        version 1.0, 2.0
      """, _ lines: String, files: [(path: String, text: String)] = [], environment: String? = nil
    ) -> Example {
      Example(
        """
        plan shop
        language 1

        expose web on port 80

        component web {
        \(web)
        }

        \(lines)
        """, files: files, environment: environment)
    }

    /// A shop whose exposed component calls another, and then `lines`.
    static func tiers(
      web: String = "  calls api",
      api: String = "  image registry.example.com/api\n  port 8080 http\n  version 1.0, 2.0", _ lines: String
    ) -> Example {
      Example(
        """
        plan shop
        language 1

        expose web on port 80

        component web {
          image registry.example.com/web
          port 8080 http
        \(web)
          version 1.0, 2.0
        }

        component api {
        \(api)
        }

        \(lines)
        """)
    }
  }
}
