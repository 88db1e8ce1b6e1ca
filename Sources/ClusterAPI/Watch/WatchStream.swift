package import KubernetesModel

/// One thing that happened in a watched collection.
package enum WatchEvent: Hashable, Sendable {
  case added(Value)
  case modified(Value)
  case deleted(Value)
  /// Nothing happened up to this version: a later watch may begin here.
  case bookmark(resourceVersion: String)

  /// The version to go on from after this event.
  package var resourceVersion: String? {
    switch self {
    case .added(let object), .modified(let object), .deleted(let object):
      object.at("metadata", "resourceVersion")?.string
    case .bookmark(let version): version
    }
  }

  /// Reads one line of a watch. An `ERROR` event is thrown, as the same failure would be as an HTTP answer.
  package init(line: [UInt8]) throws(ClusterError) {
    let value: Value
    do throws(JSONError) {
      value = try parseJSON(line)
    } catch {
      throw .notUnderstood("the server sent a watch event that is no JSON: \(error)")
    }
    guard let type = value["type"]?.string, let object = value["object"] else {
      throw .notUnderstood("the server sent a watch event without `type` and `object`")
    }
    switch type {
    case "ADDED": self = .added(object)
    case "MODIFIED": self = .modified(object)
    case "DELETED": self = .deleted(object)
    case "BOOKMARK":
      guard let version = object.at("metadata", "resourceVersion")?.string else {
        throw .notUnderstood("the server sent a bookmark without a resourceVersion")
      }
      self = .bookmark(resourceVersion: version)
    case "ERROR":
      throw .refused(APIStatus(object) ?? APIStatus(code: 500, message: "the watch ended with an unknown error"))
    default: throw .notUnderstood("the server sent a watch event of the unknown type \(type)")
    }
  }
}

/// The events of one watch, until its end. Letting go of it ends the watch at once.
package struct WatchStream: AsyncSequence, Sendable {
  package typealias Element = WatchEvent
  package typealias Failure = ClusterError

  private enum Source: Sendable {
    case bytes(ByteChunks)
    case events(AsyncStream<Result<WatchEvent, ClusterError>>)
  }

  private let source: Source
  private var secrets: [String] = []

  /// Frames the body of a watch's answer.
  /// - Parameter secrets: what no error of it may quote.
  package init(_ chunks: ByteChunks, secrets: [String] = []) {
    source = .bytes(chunks)
    self.secrets = secrets
  }
  /// For servers in memory.
  package init(_ events: AsyncStream<Result<WatchEvent, ClusterError>>) { source = .events(events) }

  package func makeAsyncIterator() -> Iterator {
    switch source {
    case .bytes(let chunks): Iterator(source: .bytes(chunks.makeAsyncIterator()), secrets: secrets)
    case .events(let events): Iterator(source: .events(events.makeAsyncIterator()), secrets: [])
    }
  }

  package struct Iterator: AsyncIteratorProtocol {
    enum Source {
      case bytes(ByteChunks.Iterator)
      case events(AsyncStream<Result<WatchEvent, ClusterError>>.Iterator)
      case ended
    }

    var source: Source
    private var framer = LineFramer()
    /// Lines not yet given, the next one last.
    private var waiting: [[UInt8]] = []

    private let secrets: [String]

    init(source: Source, secrets: [String]) {
      self.source = source
      self.secrets = secrets
    }

    package mutating func next() async throws(ClusterError) -> WatchEvent? { try await next(isolation: #isolation) }

    package mutating func next(isolation actor: isolated (any Actor)?) async throws(ClusterError) -> WatchEvent? {
      do throws(ClusterError) {
        let event = try await advance(isolation: actor)
        if event == nil { source = .ended }
        return event
      } catch {
        source = .ended
        throw error.masking(secrets)
      }
    }

    private mutating func advance(isolation actor: isolated (any Actor)?) async throws(ClusterError) -> WatchEvent? {
      switch source {
      case .ended: return nil
      case .events(var events):
        let result = await events.next(isolation: actor)
        source = .events(events)
        return try result?.get()
      case .bytes(var chunks):
        while waiting.isEmpty {
          let chunk: [UInt8]?
          do throws(TransportError) {
            chunk = try await chunks.next(isolation: actor)
          } catch {
            throw ClusterError(error)
          }
          source = .bytes(chunks)
          guard let chunk else {
            // A line cut off at the end is an event that did not arrive; the next watch brings it again.
            return nil
          }
          do throws(LineFramer.LineTooLong) {
            waiting = try framer.lines(after: chunk).reversed()
          } catch {
            throw .notUnderstood("the server sent a watch event of more than \(error.limit >> 20) MiB")
          }
        }
        return try WatchEvent(line: waiting.removeLast())
      }
    }
  }
}
