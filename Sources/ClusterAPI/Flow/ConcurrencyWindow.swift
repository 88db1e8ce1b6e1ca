/// How many requests may be under way at once, learnt from how the server takes them.
///
/// There is no rate limit: the server has its own (API Priority and Fairness) and says when it is too much. The window
/// starts at 8, grows by one for each full round of good answers, and is halved by a 429 or when the slowest twentieth of
/// answers takes more than three times what it took at best.
///
/// A value without clock or tasks: requests are begun and ended by the caller, who also measures.
package struct ConcurrencyWindow: Hashable, Sendable {
  package enum Outcome: Hashable, Sendable {
    /// An answer, whatever it says, apart from 429.
    case answered(in: Duration)
    /// 429.
    case throttled
    /// No answer: says nothing about the server's load.
    case failed
  }

  /// Given at the beginning of a request. What began before the last halving says nothing about the time after it.
  package struct Ticket: Hashable, Sendable {
    fileprivate var epoch: Int
    fileprivate var label: String
  }

  package static let cap = 32

  package private(set) var size: Int
  package private(set) var underWay = 0

  private var epoch = 0
  private var answersInRound = 0
  private var wasFull = false
  private var latencies: [String: Latencies] = [:]

  package init(size: Int = 8) { self.size = min(max(1, size), Self.cap) }

  package var hasRoom: Bool { underWay < size }

  /// - Parameter label: what kind of request it is; a LIST is only compared with LISTs.
  package mutating func begin(_ label: String) -> Ticket {
    underWay += 1
    if underWay >= size { wasFull = true }
    return Ticket(epoch: epoch, label: label)
  }

  package mutating func end(_ ticket: Ticket, _ outcome: Outcome) {
    underWay = max(0, underWay - 1)
    guard ticket.epoch == epoch else { return }
    switch outcome {
    case .failed: break
    case .throttled: halve()
    case .answered(let latency):
      latencies[ticket.label, default: Latencies()].add(latency)
      answersInRound += 1
      if answersInRound >= size { endRound() }
    }
  }

  private mutating func endRound() {
    answersInRound = 0
    var isSlow = false
    for label in latencies.keys where latencies[label]?.isTooSlow() == true { isSlow = true }
    if isSlow {
      halve()
    } else if wasFull {
      // A window that was never full has not shown that more would go.
      size = min(size + 1, Self.cap)
    }
    wasFull = underWay >= size
  }

  private mutating func halve() {
    size = max(1, size / 2)
    epoch += 1
    answersInRound = 0
    wasFull = false
    for label in latencies.keys { latencies[label]?.forgetRecent() }
  }
}

/// The recent answers to one kind of request, and the best they were.
private struct Latencies: Hashable, Sendable {
  static let memory = 32
  static let least = 16
  /// Differences below this are the noise of one machine, not the load of a server.
  static let noise = Duration.milliseconds(50)

  private var recent: [Duration] = []
  private var oldest = 0
  private var isNew = false
  private var best: Duration?

  mutating func add(_ latency: Duration) {
    isNew = true
    if recent.count < Self.memory {
      recent.append(latency)
    } else {
      recent[oldest] = latency
      oldest = (oldest + 1) % Self.memory
    }
  }

  mutating func forgetRecent() {
    recent.removeAll(keepingCapacity: true)
    oldest = 0
    isNew = false
  }

  /// Whether the 95th percentile is three times the best one; also learns the best one. The best fades by a fiftieth each
  /// time, so that one lucky round does not count for ever.
  mutating func isTooSlow() -> Bool {
    guard isNew, recent.count >= Self.least else { return false }
    isNew = false
    let sorted = recent.sorted()
    let p95 = sorted[(sorted.count * 95 + 99) / 100 - 1]
    let reference = best ?? p95
    best = min(reference + reference / 50, p95)
    return p95 > reference * 3 && p95 > reference + Self.noise
  }
}
