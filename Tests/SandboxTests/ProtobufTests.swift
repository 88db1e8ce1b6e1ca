import KubernetesModel
import SandboxServer
import Testing

@Suite("Protobuf bodies") struct ProtobufTests {
  private static func field(_ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [number << 3 | 2, UInt8(payload.count)] + payload
  }

  private static func field(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

  private static func body(_ kind: String, _ object: [UInt8]) -> [UInt8] {
    [0x6B, 0x38, 0x73, 0] + field(1, field(1, "v1") + field(2, kind)) + field(2, object) + field(3, "") + field(4, "")
  }

  private static let secret = body(
    "Secret",
    field(1, field(1, "s") + field(3, "") + field(11, field(1, "app") + field(2, "web")))
      + field(2, field(1, "a") + field(2, "12345")) + field(3, "Opaque") + [5 << 3, 0])

  @Test func aSecretIsRead() {
    #expect(
      decodedProtobuf(Self.secret) == [
        "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "s", "labels": ["app": "web"]],
        "data": ["a": "MTIzNDU="], "type": "Opaque", "immutable": false,
      ])
  }

  @Test func whatIsNotKnownIsRefusedUnlessItIsZero() {
    #expect(decodedProtobuf(Self.body("Pod", [])) == nil)
    #expect(decodedProtobuf(Self.body("Namespace", Self.field(9, ""))) == ["apiVersion": "v1", "kind": "Namespace"])
    #expect(decodedProtobuf(Self.body("Namespace", Self.field(9, "x"))) == nil)
    #expect(decodedProtobuf(Array(Self.secret.dropFirst())) == nil)
  }

  /// Whatever the bytes, an answer; and a body that is cut off is none.
  @Test(arguments: UInt64(1)...50) func damagedBodiesAreAnswered(seed: UInt64) {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    func random(_ n: Int) -> Int {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Int(state % UInt64(n))
    }
    for _ in 0..<40 {
      var bytes = Self.secret
      for _ in 0...random(4) { bytes[4 + random(bytes.count - 4)] = UInt8(random(256)) }
      if let value = decodedProtobuf(bytes) { #expect(value["kind"] != nil, "seed \(seed)") }
    }
    let inObject = Self.secret.count - 12 - random(20)
    #expect(decodedProtobuf(Array(Self.secret.prefix(inObject))) == nil, "seed \(seed)")
  }
}
