internal import Glibc
internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTPTypes
internal import Synchronization

/// How many connections a server holds open, and for how long it waits for a request on one.
package struct ConnectionLimits: Sendable {
  package var count: Int
  package var patience: Duration

  /// By default half of the files that this process may open, without those that it opens for other things: a sandbox
  /// has two servers. A process that can open nothing more is ended by its own libraries. The patience is that of
  /// kube-apiserver.
  package init(count: Int? = nil, patience: Duration = .seconds(90)) {
    var files = rlimit()
    let isKnown = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files) == 0
    let share = isKnown ? (Int(clamping: files.rlim_cur) - 160) / 2 : 256
    self.count = count ?? min(max(share, 8), 1000)
    self.patience = patience
  }

  /// HTTP/1.1 on connections within these limits.
  func server() -> HTTPServerBuilder {
    let connections = Connections(limit: count)
    return .http1(
      configuration: .init(
        additionalChannelHandlers: [ConnectionHandler(connections)], idleTimeout: TimeAmount(patience)))
  }

  /// Accepts no more for as long as those that are to be closed still are open.
  var accepted: any AvailableConnectionsDelegate { MaximumAvailableConnections(count + 16) }
}

/// The open connections of a server. Where one comes that is one too many, the one is closed that has waited for the
/// whole of a request the longest; the new one, where all the others are being answered.
private final class Connections: Sendable {
  private struct Place {
    var channel: any Channel
    /// Counts up; nil while a request is being answered.
    var waitingSince: Int?
  }

  private struct State {
    var places: [Int: Place] = [:]
    var moment = 0
  }

  private let limit: Int
  private let state = Mutex(State())

  init(limit: Int) { self.limit = limit }

  /// Gives the place of a new connection.
  func enter(_ channel: any Channel) -> Int {
    let (place, doomed) = state.withLock { state -> (Int, (any Channel)?) in
      state.moment += 1
      let place = state.moment
      state.places[place] = Place(channel: channel, waitingSince: place)
      guard state.places.count > limit else { return (place, nil) }
      let oldest = state.places.min { ($0.value.waitingSince ?? .max) < ($1.value.waitingSince ?? .max) }
      guard let oldest else { return (place, nil) }
      state.places[oldest.key] = nil
      return (place, oldest.value.channel)
    }
    doomed?.close(promise: nil)
    return place
  }

  func set(_ place: Int, isWaiting: Bool) {
    state.withLock { state in
      state.moment += 1
      state.places[place]?.waitingSince = isWaiting ? state.moment : nil
    }
  }

  func leave(_ place: Int) { state.withLock { $0.places[place] = nil } }
}

/// Tells ``Connections`` of one connection.
private final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let connections: Connections
  private var place: Int?
  /// How many requests are being answered.
  private var answering = 0

  init(_ connections: Connections) { self.connections = connections }

  private func enter(_ channel: any Channel) { if place == nil { place = connections.enter(channel) } }

  private func leave() {
    if let place { connections.leave(place) }
  }

  func handlerAdded(context: ChannelHandlerContext) { if context.channel.isActive { enter(context.channel) } }

  func handlerRemoved(context: ChannelHandlerContext) { leave() }

  func channelActive(context: ChannelHandlerContext) {
    enter(context.channel)
    context.fireChannelActive()
  }

  func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if case .end = unwrapInboundIn(data) { count(1) }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    if case .end = unwrapOutboundIn(data) { count(-1) }
    context.write(data, promise: promise)
  }

  private func count(_ change: Int) {
    answering += change
    if let place { connections.set(place, isWaiting: answering <= 0) }
  }
}
