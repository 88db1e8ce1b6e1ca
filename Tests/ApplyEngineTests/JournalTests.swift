import Foundation
import KubernetesModel
import TestSupport
import Testing

@testable import ApplyEngine

@Suite struct JournalTests {
  private static let id = ObjectID(group: "apps", kind: "Deployment", namespace: "d", name: "wéb")

  private static func intent(_ number: Int, _ pre: Value? = nil) -> JournalRecord {
    .intent(
      WriteIntent(
        number: number, phase: 1, method: .apply, apiVersion: "apps/v1", id: id, uid: pre == nil ? nil : "u",
        body: ["spec": ["replicas": .int(number)]], preImage: pre))
  }

  private static let records: [JournalRecord] = [
    .started(RunStart(run: "r1", planHash: "abc", cluster: "k")),
    intent(1), .result(number: 1, .done(uid: "u", resourceVersion: "7", wasCreated: true)),
    intent(2, ["spec": ["a": 1, "b": [true, .null, 1.5.asValue]], "metadata": ["name": "\u{0}\u{2028}\"\\"]]),
    .result(number: 2, .refused("no\nway")), .phaseDone(1), intent(3), .phaseDone(2),
  ]

  private static let version = JournalFormat.Version.second
  private static let signature = version.signature

  private static func frame(_ record: JournalRecord, _ version: JournalFormat.Version = version) throws -> [UInt8] {
    version.frames(of: [try #require(JournalFormat.payload(of: record))])
  }

  private static func bytes(
    _ records: [JournalRecord], _ version: JournalFormat.Version = version
  ) throws -> [UInt8] {
    try version.signature + records.flatMap { try frame($0, version) }
  }

  @Test(arguments: JournalFormat.Version.allCases) func readsWhatWasWritten(_ version: JournalFormat.Version) throws {
    let content = JournalFormat.read(try Self.bytes(Self.records, version))
    #expect(content.version == version)
    #expect(content.records == Self.records)
    #expect(content.rest == .none)
  }

  @Test(
    "cut at every byte, a journal is a prefix of its records, and goes on from there",
    arguments: JournalFormat.Version.allCases)
  func cut(_ version: JournalFormat.Version) throws {
    let whole = try Self.bytes(Self.records, version)
    var boundaries: [Int: Int] = [version.signature.count: 0]
    for count in 1...Self.records.count {
      boundaries[try Self.bytes(Array(Self.records.prefix(count)), version).count] = count
    }
    var expected = 0
    for length in 0...whole.count {
      if let count = boundaries[length] { expected = count }
      let content = JournalFormat.read(Array(whole.prefix(length)))
      #expect(content.records == Array(Self.records.prefix(expected)), "\(length) bytes")
      #expect(content.rest == (boundaries[length] != nil ? .none : .torn), "\(length) bytes")
    }
  }

  @Test(
    "one flipped bit anywhere never gives a record that was not written, and hides none that comes later",
    arguments: JournalFormat.Version.allCases)
  func flipped(_ version: JournalFormat.Version) throws {
    let whole = try Self.bytes(Self.records, version)
    let last = try whole.count - Self.frame(Self.records[Self.records.count - 1], version).count
    for index in whole.indices {
      for bit in 0..<8 {
        var bytes = whole
        bytes[index] ^= 1 << bit
        let content = JournalFormat.read(bytes)
        let expected: JournalContent.Rest =
          index < version.signature.count ? .foreign : index < last ? .damaged : .torn
        let isPrefix = content.records == Array(Self.records.prefix(content.records.count))
        try #require(content.rest == expected && isPrefix, "byte \(index), bit \(bit)")
      }
    }
  }

  @Test("of records that are stored together any part may be missing: none of them was told to be stored")
  func tornGroups() throws {
    let before = try Self.bytes(Array(Self.records.prefix(2)))
    let group = Self.version.frames(of: try Self.records.map { try #require(JournalFormat.payload(of: $0)) })
    let whole = JournalFormat.read(before + group)
    #expect(whole.records == Self.records.prefix(2) + Self.records && whole.rest == .none)
    for start in stride(from: 0, to: group.count, by: 7) {
      for length in [1, 64, group.count] {
        var torn = group
        for place in start..<min(start + length, group.count) { torn[place] = 0 }
        if torn == group { continue }
        let content = JournalFormat.read(before + torn)
        #expect(content.rest == .torn && content.validLength == before.count, "\(length) zeros at \(start)")
        #expect(content.records == Array(Self.records.prefix(2)))
      }
    }
  }

  @Test("a file that grew, and got no bytes before the power went, ends where it ended")
  func zeros() throws {
    for version in JournalFormat.Version.allCases {
      let bytes = try Self.bytes(Self.records, version)
      let content = JournalFormat.read(bytes + [UInt8](repeating: 0, count: 4096))
      #expect(content.records == Self.records && content.rest == .torn && content.validLength == bytes.count)
    }
  }

  @Test func noiseIsNoJournal() throws {
    var mutator = Mutator(seed: SeededGenerator.seed)
    for _ in 0..<500 {
      let noise = mutator.randomBytes(upTo: 64)
      #expect(JournalFormat.read(Self.signature + noise).records.isEmpty)
      #expect(JournalFormat.read(noise).records.isEmpty)
    }
    #expect(JournalFormat.read(Array("kind: ConfigMap\n".utf8)).rest == .foreign)
  }

  @Test("nothing of a Secret is written down, not even in a hash")
  func secrets() throws {
    let secret: Value = [
      "apiVersion": "v1", "kind": "Secret",
      "metadata": ["name": "s", "uid": "u", "annotations": ["last-applied": "hunter2"], "labels": ["x": "hunter2"]],
      "data": ["password": "aHVudGVyMg=="], "stringData": ["password": "hunter2"],
    ]
    let intent = WriteIntent(
      number: 1, phase: 0, method: .apply, apiVersion: "v1",
      id: ObjectID(group: "", kind: "Secret", namespace: "d", name: "s"), uid: "u", body: secret, preImage: secret)
    let text = String(decoding: try Self.frame(.intent(intent)), as: UTF8.self)
    #expect(!text.contains("hunter2") && !text.contains("aHVudGVyMg"))
    #expect(!text.contains(contentHash(secret)))
    #expect(intent.preImage?.at("metadata", "uid") == "u")
  }

  @Test func hashes() {
    // FIPS 180-4's examples, and the lengths around the padding's edge.
    #expect(sha256Hex([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(sha256Hex(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      sha256Hex(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    #expect(
      sha256Hex([UInt8](repeating: 0x61, count: 1_000))
        == "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3")
    // RFC 3720, B.4.
    #expect(crc32c([UInt8](repeating: 0, count: 32)) == 0x8a91_36aa)
    #expect(crc32c(Array("123456789".utf8)) == 0xe306_9283)
    #expect(contentHash(["a": 1, "b": 2]) == contentHash(["b": 2, "a": 1]))
    #expect(contentHash(["a": 1]) != contentHash(["a": "1"]))
  }

  @Test("records that come at the same time are all stored, each once, those of one writer in their order")
  func together() async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("journal-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let (journal, _) = try JournalFile.open(path)
    let (writers, rounds) = (40, 10)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for writer in 0..<writers {
        group.addTask {
          for round in 0..<rounds {
            try await journal.append(.phaseDone(writer * rounds + round))
            // What `append` returned for is in the file already.
            let stored = JournalFormat.read([UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))).records
            #expect(stored.contains(.phaseDone(writer * rounds + round)))
          }
        }
      }
      try await group.waitForAll()
    }
    let content = JournalFormat.read([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
    #expect(content.rest == .none)
    let numbers = content.records.compactMap { if case .phaseDone(let number) = $0 { number } else { nil } }
    #expect(numbers.count == writers * rounds)
    #expect(Set(numbers) == Set(0..<writers * rounds))
    for writer in 0..<writers {
      let own = numbers.filter { $0 / rounds == writer }
      #expect(own == own.sorted())
    }
  }

  @Test("a file is taken by one run, is private, loses a torn end, and goes on after it")
  func files() async throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("journal-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("run.journal").path

    /// A journal is closed when the task that stored its last records has ended, too.
    func opened() async throws -> (JournalFile, JournalContent) {
      for _ in 0..<200 {
        do { return try JournalFile.open(path) } catch JournalError.inUse {
          try await Task.sleep(for: .milliseconds(10))
        }
      }
      return try JournalFile.open(path)
    }
    func write(_ records: [JournalRecord], expecting before: [JournalRecord]) async throws {
      let (journal, content) = try await opened()
      #expect(content.records == before)
      #expect(throws: JournalError.inUse) { _ = try JournalFile.open(path) }
      for record in records { try await journal.append(record) }
    }

    try await write(Array(Self.records.prefix(3)), expecting: [])
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    #expect(bytes == (try Self.bytes(Array(Self.records.prefix(3)))))
    bytes += try Self.frame(Self.records[3]).dropLast(5)
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    try await write(Array(Self.records[3...]), expecting: Array(Self.records.prefix(3)))
    try await write([], expecting: Self.records)

    bytes[20] ^= 1
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    await #expect(throws: JournalError.unusable(.damaged)) { _ = try await opened() }
    try Data("something else".utf8).write(to: URL(fileURLWithPath: path))
    await #expect(throws: JournalError.unusable(.foreign)) { _ = try await opened() }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "something else")
  }

  @Test("a journal of an older version is gone on with as it began")
  func oldFiles() async throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("journal-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(try Self.bytes(Array(Self.records.prefix(3)), .first)).write(to: URL(fileURLWithPath: path))
    let (journal, content) = try JournalFile.open(path)
    #expect(content.records == Array(Self.records.prefix(3)))
    for record in Self.records[3...] { try await journal.append(record) }
    let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    #expect(bytes == (try Self.bytes(Self.records, .first)))
  }

  @Test("a device, which could be read for ever, is no journal")
  func devices() {
    #expect(throws: JournalError.unusable(.foreign)) { _ = try JournalFile.open("/dev/zero") }
  }
}

extension Double {
  fileprivate var asValue: Value { .double(self) }
}
