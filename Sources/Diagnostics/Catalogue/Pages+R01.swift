extension CodePage {
  static let syntax: [CodePage] = [
    CodePage(
      .unexpectedToken, "Something stands where the statement wants something else.",
      why: """
        Each statement has one form, which `docs/language-reference.md` lists. Where a line leaves its form, the line is \
        not understood, so what it asks for would be missing from the release.
        """,
      bad: .shop("deploy web 1.0\ndeploy web 2.0\nroute web all 2.0"),
      good: .shop("deploy web 1.0\ndeploy web 2.0\nroute web all -> 2.0"),
      fix:
        "Write what the message expects. Where one word or sign makes the line complete, the diagnostic carries the edit."
    ),
    CodePage(
      .unknownStatement, "A line begins with a word that begins no statement here.",
      why: """
        The first word of a line says what it does. A word that is nearly a known one is taken for it, so that the rest \
        of the plan is still checked; the plan counts as wrong all the same.
        """,
      bad: .shop("deplyo web 1.0"),
      good: .shop("deploy web 1.0"),
      fix: "Write one of the words that the message names. A name that is also a word of the language stands in quotes."
    ),
    CodePage(
      .unclosedBlock, "A block is opened with `{` and never closed.",
      why: "Without its `}` nobody can tell which lines still belong to the block: a step could swallow the next one.",
      bad: .shop("step \"Start\" {\n  deploy web 1.0"),
      good: .shop("step \"Start\" {\n  deploy web 1.0\n}"),
      fix: "Close the block with `}` on a line of its own. The message points at the `{` that was left open."
    ),
    CodePage(
      .strayBrace, "A `}` closes nothing.",
      why: "Either a `{` is missing above it, and lines do not belong where they seem to, or the `}` is left over.",
      bad: .shop("step \"Start\" {\n  deploy web 1.0\n}\n}"),
      good: .shop("step \"Start\" {\n  deploy web 1.0\n}"),
      fix: "Remove the `}`, or write the `{` that it should close."
    ),
    CodePage(
      .unterminatedText, "A text is opened with a quote and never closed.",
      why: "A text in `\"` or `'` ends on its own line; one in `\"\"\"` may run over several.",
      bad: .shop("deploy web 1.0\npause \"Look at the dashboards"),
      good: .shop("deploy web 1.0\npause \"Look at the dashboards\""),
      fix: "Write the closing quote."
    ),
    CodePage(
      .badEscape, "A backslash in a text is followed by something that is no escape.",
      why:
        #"In `"…"` a backslash begins an escape: `\"`, `\\`, `\n`, `\t`, `\$` or `\u{…}`. Guessing at others would change the text silently."#,
      bad: .shop(#"deploy web 1.0"# + "\n" + #"pause "See C:\data""#),
      good: .shop(#"deploy web 1.0"# + "\n" + #"pause "See C:\\data""#),
      fix: #"Write `\\` for a backslash, or use `'…'`, in which nothing is special."#
    ),
    CodePage(
      .badCharacter, "A character that cannot be seen, an odd blank or a typographic quote stands in the plan.",
      why: """
        A plan is reviewed by reading it. Control characters, lone carriage returns, no-break spaces and marks that turn \
        the direction of writing make a line look like another one. Typographic quotes, which word processors put in, look \
        like quotes and are none. (In the bad plan, a no-break space stands behind `web`.)
        """,
      bad: .shop("deploy web\u{A0}1.0"),
      good: .shop("deploy web 1.0"),
      fix:
        "Apply the edit: it removes the character, or puts a plain space, line break or quote in its place. In a text, write it as `\\u{…}`."
    ),
    CodePage(
      .invalidUTF8, "The file is not UTF-8.",
      why: "Bytes that are no UTF-8 would read differently in every editor. (`\u{FFFD}` stands for such a byte here.)",
      bad: .shop("# caf\u{FFFD} counts as a shop\ndeploy web 1.0"),
      good: .shop("# café counts as a shop\ndeploy web 1.0"),
      fix: "Save the file as UTF-8."
    ),
    CodePage(
      .missingBlock, "A line must open a block and does not.",
      why: "`step`, `component`, `release`, `environment` and `rehearsal` say nothing without their block.",
      bad: .shop("step \"Start\"\n  deploy web 1.0\n}"),
      good: .shop("step \"Start\" {\n  deploy web 1.0\n}"),
      fix: "Write `{` at the end of the line. Where the next lines are indented they are taken for the block."
    ),
    CodePage(
      .unexpectedBlock, "A statement that opens no block is followed by `{`.",
      why: "What stands in the block would have no meaning, so somebody expected more of the statement than it does.",
      bad: .shop("deploy web 1.0 {\n  replicas 3\n}"),
      good: .shop("deploy web 1.0 replicas 3"),
      fix: "End the statement before the `{`, and say what the block said in the statement's own form."
    ),
    CodePage(
      .misplacedStatement, "A statement stands in a place where it does not belong.",
      why: "What a line means depends on its block: `replicas` is about the component or version around it.",
      bad: .shop("replicas 3\ndeploy web 1.0"),
      good: .shop(
        web: "  image registry.example.com/web\n  port 8080 http\n  replicas 3\n  version 1.0", "deploy web 1.0"),
      fix: "Move the line into one of the blocks that the message names."
    ),
    CodePage(
      .reservedWord, "A small word of the language stands where a name is wanted.",
      why: """
        Words such as `on`, `to` and `with` are never names, so that a forgotten name is seen where it is missing and not \
        at the end of the line.
        """,
      bad: .tiers("expose on port 8080"),
      good: .tiers("expose api on port 8080"),
      fix: "Write the name that is missing. If the word is the name, quote it: `\"on\"`."
    ),
    CodePage(
      .regexQuotes, "A regular expression stands in double quotes.",
      why:
        "In double quotes a backslash begins an escape, so `\\d` would not mean a digit. Regular expressions stand in single quotes, where nothing is special.",
      bad: .shop("pattern votes is \"Cats: [0-9]+\"\ndeploy web 1.0"),
      good: .shop("pattern votes is 'Cats: [0-9]+'\ndeploy web 1.0"),
      fix: "Use single quotes."
    ),
    CodePage(
      .missingPlan, "The file does not say `plan NAME`.",
      why: "The plan's name is its namespace unless said, and the owner of everything that it writes.",
      bad: """
        language 1

        component web {
          image registry.example.com/web
          version 1.0
        }

        deploy web 1.0
        """,
      good: """
        plan shop
        language 1

        component web {
          image registry.example.com/web
          version 1.0
        }

        deploy web 1.0
        """,
      fix: "Begin the file with `plan NAME`."
    ),
    CodePage(
      .notLast, "Lines follow a `rollback` in its step.",
      why:
        "`rollback` takes back the step it stands in, or more. What follows would act on a state that the step's name does not tell.",
      bad: .shop(
        """
        step "Start" {
          deploy web 1.0
        }

        step "Try" {
          deploy web 2.0
          route web all -> 2.0
          rollback
          wait 5m
        }
        """),
      good: .shop(
        """
        step "Start" {
          deploy web 1.0
        }

        step "Try" {
          deploy web 2.0
          route web all -> 2.0
          wait 5m
          rollback
        }
        """),
      fix: "Make `rollback` the last line, and move what followed into a step before or after."
    ),
  ]
}
