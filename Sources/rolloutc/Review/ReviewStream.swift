import Glibc
import KubernetesModel
import YAMLCoding

/// A review as a list of comment lines and documents, which is then written in one go.
///
/// Emitting is half of the time that a large plan takes, and documents do not depend on each other: a long stream is
/// emitted in parts, one per processor. The bytes are the same however many parts there are.
struct ReviewStream {
  enum Item {
    case line(String)
    case document(Value)
  }

  private(set) var items: [Item] = []
  private var documents = 0

  mutating func write(line: String) { items.append(.line(line)) }

  mutating func write(document: Value) {
    items.append(.document(document))
    documents += 1
  }

  /// The stream's bytes, in pieces that follow each other: putting them together would cost as much memory again.
  func pieces(parts: Int = ReviewStream.processors) -> [[UInt8]] {
    if documents < 400 || parts < 2 { return [ReviewStream.emit(items[...])] }
    var slices: [ArraySlice<Item>] = []
    let size = (items.count + parts - 1) / parts
    var start = 0
    while start < items.count {
      slices.append(items[start..<min(start + size, items.count)])
      start += size
    }
    let jobs = slices.dropFirst().map { Job(items: $0) }
    var threads: [pthread_t] = []
    for job in jobs {
      var thread = pthread_t()
      let argument = Unmanaged.passRetained(job)
      let status = pthread_create(
        &thread, nil,
        { pointer in
          guard let pointer else { return nil }
          Unmanaged<Job>.fromOpaque(pointer).takeRetainedValue().run()
          return nil
        }, argument.toOpaque())
      if status == 0 {
        threads.append(thread)
      } else {
        // No thread to be had: the work is done here.
        argument.release()
        job.run()
      }
    }
    let first = ReviewStream.emit(slices[0])
    for thread in threads { pthread_join(thread, nil) }
    return [first] + jobs.map(\.result)
  }

  static var processors: Int { min(usableProcessors, 8) }

  private static func emit(_ items: ArraySlice<Item>) -> [UInt8] {
    var writer = YAMLWriter()
    // Room for documents of the usual size, three items each. What is reserved and not used costs nothing; growing
    // copies everything that is there.
    writer.reserveCapacity(items.count * 300)
    for item in items {
      switch item {
      case .line(let line): writer.write(line: line)
      case .document(let value): writer.write(document: value)
      }
    }
    return writer.finish()
  }

  /// One part of the stream; written by one thread, and read when that thread has been joined.
  private final class Job: @unchecked Sendable {
    let items: ArraySlice<Item>
    var result: [UInt8] = []

    init(items: ArraySlice<Item>) { self.items = items }

    func run() { result = ReviewStream.emit(items) }
  }
}
