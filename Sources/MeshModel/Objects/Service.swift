internal import KubernetesModel

/// What a port of a Service carries, as istiod decides it (`kube.ConvertProtocol`).
package enum PortProtocol: Hashable, Sendable {
  case http
  case tcp
  /// TLS that the proxy does not end: `tls`, `https`.
  case tls
  /// Told apart by its first bytes.
  case sniffed
  case udp

  /// `appProtocol`, else the port name's part before the first `-`, else the number.
  static func infer(appProtocol: String?, name: String?, number: Int, transport: String?) -> PortProtocol {
    if transport == "UDP" { return .udp }
    if let appProtocol { return parse(appProtocol.lowercased()) ?? fallback(number) }
    guard let name = name?.lowercased() else { return fallback(number) }
    if name == "grpc-web" || name.hasPrefix("grpc-web-") { return .http }
    return parse(name.split(separator: "-").first.map(String.init) ?? "") ?? fallback(number)
  }

  private static func parse(_ name: String) -> PortProtocol? {
    switch name {
    case "http", "http2", "grpc", "grpc-web", "kubernetes.io/h2c", "kubernetes.io/ws": .http
    case "tcp", "mongo", "mysql", "redis": .tcp
    case "tls", "https", "kubernetes.io/wss": .tls
    case "udp": .udp
    default: nil
    }
  }

  /// Ports whose servers speak first are not sniffed.
  private static func fallback(_ number: Int) -> PortProtocol {
    [25, 53, 3306, 27017].contains(number) ? .tcp : .sniffed
  }
}

package final class Service: Sendable {
  package enum TargetPort: Hashable, Sendable {
    case number(Int)
    case name(String)
  }

  package struct Port: Hashable, Sendable {
    package var name: String?
    package var number: Int
    package var target: TargetPort
    package var proto: PortProtocol
    /// The server speaks first (MySQL, SMTP), so nothing in front of it may wait for the client's bytes.
    package var isServerFirst: Bool
  }

  package let metadata: Metadata
  /// The full name: `web.shop.svc.cluster.local`.
  package let host: String
  package let ports: [Port]
  package let selector: [String: String]
  package let isHeadless: Bool
  let clusterIP: String?
  let visibility: Visibility
  /// One pair of the selector, for the index.
  let selectorKey: LabelKey?

  init(_ object: Value, _ metadata: Metadata, options: MeshOptions) {
    self.metadata = metadata
    host = "\(metadata.id.name).\(metadata.namespace).svc.\(options.clusterDomain)"
    let clusterIP = object.at("spec", "clusterIP")?.string
    isHeadless = clusterIP == "None"
    self.clusterIP = isHeadless ? nil : clusterIP
    let selector = object.at("spec", "selector")?.strings ?? [:]
    self.selector = selector
    selectorKey = selector.keys.min().flatMap { key in
      selector[key].map { LabelKey(namespace: metadata.namespace, key: key, value: $0) }
    }
    let exportTo = metadata.annotations["networking.istio.io/exportTo"].map { text in
      text.split(separator: ",").map { String($0.drop { $0 == " " }) }
    }
    visibility = Visibility(exportTo, namespace: metadata.namespace)
    ports = (object.at("spec", "ports")?.array ?? []).compactMap { port in
      guard let number = port["port"]?.int else { return nil }
      let name = port["name"]?.string
      let appProtocol = port["appProtocol"]?.string
      let target: TargetPort =
        switch port["targetPort"] {
        case .int(let target): .number(target)
        case .string(let target): Int(target).map { .number($0) } ?? .name(target)
        default: .number(number)
        }
      let word = (appProtocol ?? name?.split(separator: "-").first.map(String.init))?.lowercased()
      return Port(
        name: name, number: number, target: target,
        proto: PortProtocol.infer(
          appProtocol: appProtocol, name: name, number: number, transport: port["protocol"]?.string
        ),
        // Who says http lets the client speak first, whatever the number is usually for.
        isServerFirst: word == "mysql"
          || (number == 3306 || number == 25) && !["http", "http2", "grpc"].contains(word ?? "")
      )
    }
  }

  package func port(_ number: Int) -> Port? { ports.first { $0.number == number && $0.proto != .udp } }
}

/// A label in a namespace.
struct LabelKey: Hashable, Sendable {
  var namespace: String
  var key: String
  var value: String
}
