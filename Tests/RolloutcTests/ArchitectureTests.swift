import Foundation
import TestSupport
import Testing

/// `docs/architecture.md`, `Package.swift` and the sources say the same about who may use whom.
@Suite struct ArchitectureTests {
  /// The rows of the table: a target, and what it imports.
  private static let table: [String: Set<String>] = {
    var table: [String: Set<String>] = [:]
    for line in text("docs/architecture.md").components(separatedBy: "\n") {
      let cells = line.components(separatedBy: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      guard cells.count == 5, cells[1].hasPrefix("`"), cells[1].hasSuffix("`") else { continue }
      let imports = cells[3].components(separatedBy: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      table[String(cells[1].dropFirst().dropLast())] = Set(imports.filter { !$0.isEmpty })
    }
    return table
  }()

  private static let pure: Set<String> = {
    let page = text("docs/architecture.md").replacing("\n", with: " ")
    guard let match = page.firstMatch(of: /The pure targets are ([A-Za-z, ]+)\./) else { return [] }
    return Set(match.1.replacing(" and ", with: ", ").components(separatedBy: ", "))
  }()

  /// The targets of `Package.swift` under `Sources`, with those of their dependencies that are targets.
  private static let package: [String: Set<String>] = {
    var package: [String: Set<String>] = [:]
    let manifest = text("Package.swift").split(separator: "targets: [").last.map(String.init) ?? ""
    let starts = manifest.ranges(of: /\.(?:executableTarget|systemLibrary|target|testTarget)\(/)
    for (index, start) in starts.enumerated() {
      let end = index + 1 < starts.count ? starts[index + 1].lowerBound : manifest.endIndex
      let body = manifest[start.upperBound..<end]
      guard let name = body.firstMatch(of: /name: "([A-Za-z]+)"/).map({ String($0.1) }) else { continue }
      if manifest[start].contains("testTarget") || body.contains("path: \"Tests/") { continue }
      var dependencies: Set<String> = []
      if let list = body.firstMatch(of: /dependencies: \[((?:[^\]])*)\]/) {
        let own = list.1.replacing(/\.product\([^)]*\)/, with: "")
        dependencies = Set(own.matches(of: /"([A-Za-z]+)"/).map { String($0.1) })
      }
      package[name] = dependencies
    }
    return package
  }()

  /// Every Swift file below `Sources/TARGET`.
  private static func sources(of target: String) -> [String] {
    let folder = "Sources/" + target
    let names = FileManager.default.enumerator(atPath: Goldens.root + "/" + folder)?.compactMap { $0 as? String } ?? []
    return names.filter { $0.hasSuffix(".swift") }.sorted().map { folder + "/" + $0 }
  }

  private static func text(_ path: String) -> String { String(decoding: Goldens.bytes(path) ?? [], as: UTF8.self) }

  private static func imports(of target: String) -> Set<String> {
    var imports: Set<String> = []
    for path in sources(of: target) {
      for match in code(text(path)).matches(
        of:
          /(?:^|\n)[ \t]*(?:@[A-Za-z_()]+[ \t]+)*(?:[a-z]+[ \t]+)?import[ \t]+(?:(?:class|enum|func|protocol|struct|typealias|var)[ \t]+)?([A-Za-z0-9_]+)/
      ) {
        imports.insert(String(match.1))
      }
    }
    return imports
  }

  /// A source without its comments and texts, so that words in them do not count.
  private static func code(_ source: String) -> String {
    source.replacing(/"""[\s\S]*?"""/, with: "\"\"").replacing(/"(?:[^"\\\n]|\\.)*"/, with: "\"\"")
      .replacing(/\/\/[^\n]*/, with: "")
  }

  @Test func theTableIsThePackage() {
    #expect(Self.package.count > 10)
    for (target, dependencies) in Self.package.sorted(by: { $0.key < $1.key }) {
      guard let row = Self.table[target] else {
        Issue.record("docs/architecture.md has no row for \(target), which imports \(dependencies.sorted())")
        continue
      }
      #expect(row == dependencies, "\(target): Package.swift says \(dependencies.sorted().joined(separator: ", "))")
    }
    for target in Self.table.keys { #expect(Self.package[target] != nil, "\(target) is in the table and no target") }
  }

  @Test(arguments: package.keys.sorted()) func aTargetImportsWhatItsRowSays(_ target: String) throws {
    let row = try #require(Self.table[target])
    let own = Self.imports(of: target).intersection(Self.package.keys)
    #expect(own.isSubset(of: row), "\(target) also imports \(own.subtracting(row).sorted())")
  }

  @Test func arrowsGoOneWay() {
    var done: Set<String> = []
    var left = Self.table
    while let (target, _) = left.first(where: { $0.value.isSubset(of: done) }) {
      done.insert(target)
      left[target] = nil
    }
    #expect(left.isEmpty, "these import each other, or something that is no target: \(left)")
  }

  @Test func pureTargetsImportNothingOfTheSystem() {
    #expect(Self.pure.isSuperset(of: ["Diagnostics", "Lowering", "RolloutPlan", "RolloutSyntax", "SafetyChecks"]))
    for target in Self.pure.sorted() {
      #expect(Self.table[target] != nil, "\(target) is no target")
      var allowed = Set(Self.package.keys)
      if target == "YAMLCoding" { allowed.insert("Glibc") }
      let others = Self.imports(of: target).subtracting(allowed)
      #expect(others.isEmpty, "\(target) imports \(others.sorted())")
      for path in Self.sources(of: target) {
        let code = Self.code(Self.text(path))
        let impure = code.matches(
          of:
            /\b(?:Task|SystemRandomNumberGenerator|ContinuousClock|SuspendingClock|CommandLine)\b|\.random\(|\basync\b|\bfatalError\(|\btry!/
        )
        #expect(impure.isEmpty, "\(path): \(impure.map { String($0.0) })")
      }
      // What is pure stands on what is pure.
      for other in Self.table[target] ?? [] where other != "CYAML" {
        #expect(Self.pure.contains(other), "\(target) imports \(other), which is not pure")
      }
    }
  }

  @Test func onlyTheToolPrintsExitsAndReadsTheEnvironment() {
    #expect(Self.package["rolloutc"] != nil)
    for target in Self.package.keys.sorted() where target != "rolloutc" {
      for path in Self.sources(of: target) {
        let found = Self.code(Self.text(path)).matches(
          of:
            /(?:^|[^.A-Za-z_`])(?:print|debugPrint|exit|_exit|getenv|secure_getenv|setenv|readLine)\(|\bProcessInfo\b|\benviron\b|\bFileHandle\.standard/
        )
        #expect(found.isEmpty, "\(path): \(found.map { String($0.0) })")
      }
    }
  }

  @Test func noSourceNeedsFullFoundation() {
    for target in Self.package.keys.sorted() {
      #expect(
        Self.imports(of: target).isDisjoint(with: ["Foundation", "FoundationNetworking", "Dispatch"]), "\(target)")
    }
  }
}
