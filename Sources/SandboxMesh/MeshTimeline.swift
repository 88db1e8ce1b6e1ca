internal import KubernetesModel
internal import MeshModel
internal import Sandbox

/// The mesh as it was at every moment that some proxy may still live in.
///
/// Changes are numbered; a proxy whose news are late sees the first so many of them. A view is made when a proxy first
/// asks for its number, from the nearest earlier one, and kept until no proxy can be so far behind. Where all proxies
/// are up to date there is one view, and it is changed in place.
struct MeshTimeline: Sendable {
  enum Change: Sendable {
    case put(MeshObject)
    case remove(ObjectID)
    case ready(ObjectID, Int)
  }

  private struct Dated: Sendable {
    var at: Timestamp
    var change: Change
  }

  /// A view with what has been asked of it.
  private struct Page: Sendable {
    /// How many changes it holds.
    var position: Int
    var view: MeshView
    var routes: [Question: RouteResult] = [:]
  }

  private struct Question: Hashable {
    var client: Int
    var traffic: Traffic
  }

  private var changes: [Dated] = []
  /// How many changes came before the first of `changes`.
  private var dropped = 0
  /// The earliest first; the first holds what every proxy knows.
  private var pages: [Page]
  private let slowest: Int

  init(options: MeshOptions, slowest: Int) {
    pages = [Page(position: 0, view: MeshView(options: options))]
    self.slowest = slowest
  }

  mutating func append(_ change: Change, at moment: Timestamp) { changes.append(Dated(at: moment, change: change)) }

  /// Where `traffic` of a client goes whose proxy has the news up to `moment`. `number` is the client's, since comparing
  /// numbers is quicker than comparing labels.
  mutating func route(_ client: Client, _ number: Int, _ traffic: Traffic, asOf moment: Timestamp) -> RouteResult {
    let page = page(asOf: moment)
    let question = Question(client: number, traffic: traffic)
    if let known = pages[page].routes[question] { return known }
    let result = pages[page].view.route(client, traffic)
    // Requests repeat themselves; a stream of ones that do not must not fill the memory.
    if pages[page].routes.count >= 4_096 { pages[page].routes = [:] }
    pages[page].routes[question] = result
    return result
  }

  /// How a pod takes connections, by the word of its own proxy.
  mutating func serverTLS(of pod: ObjectID, port: Int, asOf moment: Timestamp) -> ServerTLS? {
    let page = page(asOf: moment)
    return pages[page].view.serverTLS(of: pod, port: port)
  }

  /// Whether all proxies see the same, so that nobody needs to ask the other side.
  var isSettled: Bool { changes.isEmpty && pages.count == 1 }

  /// Forgets what no proxy can see any more.
  mutating func settle(_ now: Timestamp) {
    guard !changes.isEmpty else { return }
    let floor = position(asOf: now.advanced(by: -slowest))
    guard floor > pages[0].position else { return }
    let nearest = pages.lastIndex { $0.position <= floor } ?? 0
    pages.removeFirst(nearest)
    advance(&pages[0], to: floor)
    changes.removeFirst(floor - dropped)
    dropped = floor
  }

  /// How many changes had happened at `moment`.
  private func position(asOf moment: Timestamp) -> Int {
    var low = 0
    var high = changes.count
    while low < high {
      let middle = (low + high) / 2
      if changes[middle].at <= moment { low = middle + 1 } else { high = middle }
    }
    return dropped + low
  }

  private mutating func page(asOf moment: Timestamp) -> Int {
    let position = max(position(asOf: moment), pages[0].position)
    let nearest = pages.lastIndex { $0.position <= position } ?? 0
    if pages[nearest].position == position { return nearest }
    var page = pages[nearest]
    advance(&page, to: position)
    pages.insert(page, at: nearest + 1)
    return nearest + 1
  }

  private func advance(_ page: inout Page, to position: Int) {
    guard position > page.position else { return }
    for dated in changes[(page.position - dropped)..<(position - dropped)] {
      switch dated.change {
      case .put(let object): page.view.put(object)
      case .remove(let id): page.view.remove(id)
      case .ready(let id, let count): page.view.setReady(id, count)
      }
    }
    page.position = position
    page.routes = [:]
  }
}
