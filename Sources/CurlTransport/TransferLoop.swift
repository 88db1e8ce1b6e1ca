internal import CCurl
internal import ClusterAPI
internal import Glibc
internal import Synchronization

/// One thread that runs transfers. Others hand it work through `start` and `cancel`; everything of libcurl is touched on
/// the thread alone.
final class TransferLoop: Sendable {
  private enum Command: Sendable {
    case start(Transfer)
    case cancel(Transfer)
    case stop
  }

  private let multi: MultiHandle
  private let commands = Mutex<[Command]>([])

  init() throws(TransportError) {
    multi = try MultiHandle()
    multi.set(CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
    // kube-apiserver allows 100 streams on a connection (250 before 2023); libcurl opens another beyond this.
    multi.set(CURLMOPT_MAX_CONCURRENT_STREAMS, 90)
    // For servers and proxies that only speak HTTP/1.1.
    multi.set(CURLMOPT_MAX_HOST_CONNECTIONS, 32)
    try startThread()
  }

  func start(_ transfer: Transfer, sink: Transfer.Sink) {
    transfer.state.withLock { $0.sink = sink }
    give(.start(transfer))
  }

  /// Before, while or after the transfer runs: a transfer that has ended takes no notice.
  func cancel(_ transfer: Transfer) {
    transfer.state.withLock { $0.isCancelled = true }
    give(.cancel(transfer))
  }

  /// Ends the thread; what still runs is cancelled.
  func stop() { give(.stop) }

  private func give(_ command: Command) {
    commands.withLock { $0.append(command) }
    multi.wakeUp()
  }

  private func startThread() throws(TransportError) {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self)
    let code = pthread_create(&thread, nil, TransferLoop.threadMain, context.toOpaque())
    guard code == 0 else {
      context.release()
      throw TransportError(
        .other, "no thread can be started: \(String(cString: strerror(code)))", mayHaveTakenEffect: false)
    }
    pthread_detach(thread)
  }

  private static let threadMain: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
    guard let context else { return nil }
    Unmanaged<TransferLoop>.fromOpaque(context).takeRetainedValue().run()
    return nil
  }

  private func run() {
    // A server that goes away while we write must not end the process; OpenSSL writes without MSG_NOSIGNAL.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)

    var running: [UnsafeMutableRawPointer: RunningTransfer] = [:]
    var isStopped = false
    while !isStopped {
      let batch = commands.withLock { commands in
        defer { commands.removeAll(keepingCapacity: true) }
        return commands
      }
      for command in batch {
        switch command {
        case .start(let transfer):
          begin(transfer, &running)
        case .cancel(let transfer):
          guard let handle = transfer.handle, let active = running[handle], active.transfer === transfer else {
            continue
          }
          end(active, .failure(.cancelled(after: true)), &running)
        case .stop:
          isStopped = true
        }
      }
      multi.perform()
      while let done = multi.nextDone() {
        guard let active = running[done.handle] else { continue }
        end(active, active.outcome(done.code), &running)
      }
      if !isStopped { multi.poll(milliseconds: 10_000) }
    }
    for active in running.values { end(active, .failure(.cancelled(after: true)), &running) }
    // What was handed over after `stop` has to be answered too.
    for case .start(let transfer) in commands.withLock({ $0 }) { transfer.fail(.cancelled(after: false)) }
  }

  private func begin(_ transfer: Transfer, _ running: inout [UnsafeMutableRawPointer: RunningTransfer]) {
    if transfer.state.withLock({ $0.isCancelled }) {
      transfer.fail(.cancelled(after: false))
      return
    }
    do throws(TransportError) {
      let active = try RunningTransfer(transfer)
      let code = multi.add(active.handle)
      guard code == CURLM_OK else {
        throw TransportError(.other, "libcurl takes no more transfers (\(code.rawValue))", mayHaveTakenEffect: false)
      }
      transfer.handle = active.handle
      running[active.handle] = active
    } catch {
      transfer.fail(error)
    }
  }

  private func end(
    _ active: RunningTransfer, _ outcome: Result<HTTPResponse, TransportError>,
    _ running: inout [UnsafeMutableRawPointer: RunningTransfer]
  ) {
    multi.remove(active.handle)
    running[active.handle] = nil
    active.transfer.handle = nil
    active.finish(outcome)
  }
}

extension TransportError {
  static func cancelled(after sent: Bool) -> TransportError {
    TransportError(.cancelled, "cancelled", mayHaveTakenEffect: sent)
  }
}
