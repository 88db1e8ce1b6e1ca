import TestSupport
import Testing

@testable import RehearsalReporting

@Suite(.needs("python3")) struct JUnitTests {
  private static let judge = """
    import sys
    import xml.etree.ElementTree as tree
    for path in sys.argv[1:]:
        root = tree.parse(path).getroot()
        assert root.tag == "testsuites"
        for suite in root:
            cases = list(suite)
            failures = [case for case in cases if case.find("failure") is not None]
            assert int(suite.get("tests")) == len(cases) and int(suite.get("failures")) == len(failures)
            for case in cases:
                assert case.get("name") and case.get("classname"), case.attrib
                float(case.get("time"))
            print(suite.get("name"), len(cases), len(failures))
            for case in failures:
                print("  " + case.get("classname") + ": " + case.get("name") + ": " + case.find("failure").get("message"))
    """

  private func read(_ xml: String) throws -> String {
    let python = try #require(Programs.installed("python3"))
    let outcome = try Programs.run(python, ["-c", Self.judge], on: [xml])
    #expect(outcome.code == 0, "\(outcome.words)")
    return outcome.words
  }

  @Test func whatWasExpectedIsNoFailure() throws {
    let words = try read(try #require(Samples.scenario).junit)
    Goldens.check(words, against: "Tests/Corpus/rehearsals/aks-voting-junit.txt")
  }

  @Test func failuresHaveTheirMessage() throws {
    let hostile = try #require(Samples.hostile)
    let words = try read(Samples.withFaults(hostile).junit)
    Goldens.check(words, against: "Tests/Corpus/rehearsals/hostile-junit.txt")
    _ = try read(Samples.withFaults(try #require(Samples.bookinfo)).junit)
  }
}
