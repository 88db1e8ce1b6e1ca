internal import KubernetesModel

package final class Gateway: Sendable {
  struct Server: Sendable {
    /// A server's host: a name and the namespaces whose VirtualServices may use it.
    struct Host: Hashable, Sendable {
      var name: String
      /// Nil: all.
      var namespace: String?

      func isFor(_ virtualService: VirtualService) -> Bool {
        namespace == nil || namespace == virtualService.metadata.namespace
      }
    }

    var port: Int
    var proto: PortProtocol
    var endsTLS: Bool
    /// Ends TLS and then reads HTTP.
    var isHTTPS: Bool
    var redirectsToHTTPS: Bool
    let hosts: [Host]
    private let table: HostTable<Host>

    init(
      port: Int, proto: PortProtocol, endsTLS: Bool, isHTTPS: Bool, redirectsToHTTPS: Bool, hosts: [Host]
    ) {
      self.port = port
      self.proto = proto
      self.endsTLS = endsTLS
      self.isHTTPS = isHTTPS
      self.redirectsToHTTPS = redirectsToHTTPS
      self.hosts = hosts
      table = hosts.reduce(into: HostTable()) { $0.insert($1, of: $1.name) { _, _ in false } }
    }

    /// Those of its hosts that cover `host`.
    func hosts(covering host: String) -> [Host] { table.covering(host) { _, _ in false }.map(\.element) }

    func covers(_ host: String) -> Bool { table.covers(host) }
  }

  package let metadata: Metadata
  /// As VirtualServices name it.
  let name: String
  let selector: [String: String]
  let servers: [Server]

  init(_ object: Value, _ metadata: Metadata) {
    self.metadata = metadata
    name = "\(metadata.namespace)/\(metadata.id.name)"
    selector = object.at("spec", "selector")?.strings ?? [:]
    servers = (object.at("spec", "servers")?.array ?? []).compactMap { server in
      guard let port = server.at("port", "number")?.int else { return nil }
      let word = server.at("port", "protocol")?.string?.uppercased() ?? ""
      let mode = server.at("tls", "mode")?.string
      let endsTLS = server["tls"] != nil && mode != "PASSTHROUGH" && mode != "AUTO_PASSTHROUGH"
      let proto: PortProtocol =
        switch word {
        case "HTTP", "HTTP2", "GRPC", "GRPC-WEB": .http
        case "HTTPS": endsTLS ? .http : .tls
        case "TLS": endsTLS ? .tcp : .tls
        default: .tcp
        }
      let hosts = (server["hosts"]?.stringArray ?? []).map { text in
        guard let slash = text.firstIndex(of: "/") else { return Server.Host(name: text.lowercased(), namespace: nil) }
        let namespace = String(text[..<slash])
        return Server.Host(
          name: text[text.index(after: slash)...].lowercased(),
          namespace: namespace == "*" ? nil : namespace == "." ? metadata.namespace : namespace
        )
      }
      return Server(
        port: port, proto: proto, endsTLS: endsTLS, isHTTPS: word == "HTTPS" && endsTLS,
        redirectsToHTTPS: server.at("tls", "httpsRedirect")?.bool ?? false, hosts: hosts
      )
    }
  }
}
