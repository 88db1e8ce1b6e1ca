/// A request to a port of a Service, by way of the API server.
///
/// The API server passes the caller's headers on, `Host` and cookies too, but never `Authorization`, which is for itself;
/// it rewrites the links of HTML pages to lead through it (Kubernetes: `apimachinery/pkg/util/proxy`).
package struct ServiceProxyRequest: Hashable, Sendable {
  package var namespace: String
  package var service: String
  package var port: Int
  /// Whether the port speaks TLS; its certificate is not checked, and it is told no server name.
  package var isTLS = false
  package var method: String
  /// With its query; it begins with `/`.
  package var path: String
  package var headers: HTTPHeaders
  package var secretHeaders: [Secret<HTTPHeaders.Field>] = []
  package var timeout: Duration = .seconds(15)

  package init(
    namespace: String, service: String, port: Int, method: String = "GET", path: String, headers: HTTPHeaders = [:]
  ) {
    self.namespace = namespace
    self.service = service
    self.port = port
    self.method = method
    self.path = path
    self.headers = headers
  }

  /// `/api/v1/namespaces/NS/services/https:NAME:443/proxy/PATH`.
  package var apiPath: String {
    let name = (isTLS ? "https:" : "") + "\(percentEncoded(service)):\(port)"
    return "/api/v1/namespaces/\(percentEncoded(namespace))/services/\(name)/proxy\(path)"
  }
}
