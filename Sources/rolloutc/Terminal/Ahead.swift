import Glibc
import Lowering
import RolloutPlan
import SafetyChecks
import Synchronization

/// The elements of an iterator, made on a thread of its own and a few ahead of who takes them; where there is one
/// processor only, or no thread to be had, when they are asked for.
///
/// Whoever begins must go on until ``next()`` gives nil: the thread waits for room as long as it takes.
final class Ahead<Source: IteratorProtocol> where Source.Element: Sendable {
  private let queue: Queue<Source.Element>
  /// Where no thread makes the elements.
  private var source: Source?

  /// - Parameters:
  ///   - lead: how many elements are made before one is asked for, at the most.
  ///   - source: makes the iterator, on the thread that uses it.
  init(lead: Int, _ source: @escaping @Sendable () -> Source) {
    let queue = Queue<Source.Element>(room: lead)
    self.queue = queue
    do {
      guard usableProcessors > 1 else { throw Failure("there is no other processor") }
      try startThread {
        var source = source()
        while let element = source.next() { queue.put(element) }
        queue.put(nil)
      }
    } catch {
      self.source = source()
    }
  }

  func next() -> Source.Element? { source == nil ? queue.take() : source?.next() }
}

/// How many processors there are, at least one; asked once, as the system reads files to say it.
let usableProcessors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

/// Elements on their way from one thread to another, the oldest first; nil is the last.
private final class Queue<Element: Sendable>: Sendable {
  private let elements = Mutex<[Element?]>([])
  private let filled = Semaphore(0)
  private let free: Semaphore

  init(room: Int) { free = Semaphore(room) }

  func put(_ element: Element?) {
    free.wait()
    elements.withLock { $0.append(element) }
    filled.signal()
  }

  func take() -> Element? {
    filled.wait()
    let element = elements.withLock { $0.removeFirst() }
    free.signal()
    return element
  }
}

/// POSIX's. The pointer is all that is shared, and `sem_t` is made to be.
private final class Semaphore: @unchecked Sendable {
  private let semaphore: UnsafeMutablePointer<sem_t>

  init(_ count: Int) {
    semaphore = .allocate(capacity: 1)
    semaphore.initialize(to: sem_t())
    sem_init(semaphore, 0, UInt32(count))
  }

  deinit {
    sem_destroy(semaphore)
    semaphore.deallocate()
  }

  /// A signal that the process handles may end the system's wait before there is anything.
  func wait() { while sem_wait(semaphore) != 0 {} }

  func signal() { sem_post(semaphore) }
}

/// The check with the ways back worked out beside it.
func checkOnTwoProcessors(_ compiled: Compiled, plan: Plan) -> SafetyReport {
  check(compiled, plan: plan) { lead, make in
    let ahead = Ahead(lead: lead, make)
    return { ahead.next() }
  }
}
