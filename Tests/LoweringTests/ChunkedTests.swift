import KubernetesModel
import RolloutPlan
import TestSupport
import Testing

@testable import Lowering

/// An array that shares with its copies what they have in common.
@Suite struct ChunkedTests {
  @Test(arguments: [0, 1, 31, 32, 33, 64, 100]) func isAnArray(_ count: Int) {
    let array = Array(0..<count)
    var chunked = Chunked(array)
    #expect(chunked.count == count)
    #expect(chunked.indices.map { chunked[$0] } == array)
    chunked.append(count)
    #expect(chunked.indices.map { chunked[$0] } == array + [count])
    #expect(array.reduce(into: Chunked<Int>()) { $0.append($1) } == Chunked(array))
  }

  /// Random changes to a copy: the differences are those of two arrays, and the original stays.
  @Test func differencesAreThoseOfArrays() {
    var random = SeededGenerator(seed: SeededGenerator.seed &+ 41)
    for _ in 0..<200 {
      let array = (0..<random.below(150)).map { _ in random.below(3) }
      let original = Chunked(array)
      var (copy, other) = (original, array)
      for _ in 0..<random.below(4) where !array.isEmpty {
        let i = random.below(array.count)
        copy[i] = random.below(3)
        other[i] = copy[i]
      }
      #expect(original.indices.map { original[$0] } == array)
      #expect(copy.differences(from: original) == array.indices.filter { array[$0] != other[$0] })
      #expect((copy == original) == (other == array))
      #expect(copy.hashValue == Chunked(other).hashValue)
    }
    #expect(Chunked([1]) != Chunked([1, 2]))
  }

  /// What is shared is not looked at.
  @Test func onlyTouchedChunksAreVisited() {
    let original = Chunked(Array(0..<100))
    var copy = original
    copy[40] = 40
    var visited: [Int] = []
    copy.visitUnshared(with: original) { visited.append($0) }
    #expect(visited == Array(32..<64))
    #expect(copy == original)
  }
}

/// Objects that are asked for again and again.
@Suite struct RenderedObjectsTests {
  private let renderer = Renderer(RandomPlan(seed: 7).plan)
  private let facts = ObjectFacts.service(ports: [0])

  @Test func anObjectIsRenderedOnce() {
    let rendered = RenderedObjects(renderer)
    var calls = 0
    func render() -> Value? {
      calls += 1
      return ["kind": "Service"]
    }
    #expect(rendered.plain(0, facts, standing: nil, render) == ["kind": "Service"])
    #expect(rendered.plain(0, facts, standing: nil, render) == ["kind": "Service"])
    #expect(calls == 1)
    #expect(rendered.plain(0, .service(ports: [0, 1]), standing: nil, render) != nil)
    #expect(calls == 2)
    // That it does not exist is known, too.
    #expect(rendered.plain(0, .deployment(0, nil), standing: nil) { nil } == nil)
    #expect(rendered.plain(0, .deployment(0, nil), standing: nil, render) == nil)
    #expect(calls == 2)
  }

  @Test func claimsAreMadeAgain() {
    let rendered = RenderedObjects(renderer)
    #expect(rendered.plain(0, .claim(0, exists: true), standing: nil) { ["a": 1] } == ["a": 1])
    #expect(rendered.plain(0, .claim(0, exists: true), standing: nil) { ["a": 2] } == ["a": 2])
  }

  @Test func eachStampHasItsOwn() {
    let rendered = RenderedObjects(renderer)
    let plain: Value = ["kind": "Service", "metadata": ["name": "a", "annotations": [:]]]
    _ = rendered.plain(0, facts, standing: nil) { plain }
    for stamp in ["01-a", "02-b", "01-a"] {
      let object = rendered.stamped(0, facts, plain, stamp, isEntry: false)
      #expect(object.at("metadata", "annotations", stampAnnotation) == .string(stamp))
      #expect(unstamped(object).at("metadata", "name") == "a")
    }
  }
}
