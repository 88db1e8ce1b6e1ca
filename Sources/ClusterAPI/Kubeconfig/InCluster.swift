/// The connection of a pod's own service account.
package enum InCluster {
  static let directory = "/var/run/secrets/kubernetes.io/serviceaccount"

  /// Nil where this is no pod.
  package static func connection(
    environment: [String: String], files: FileReader
  ) throws(KubeconfigError) -> ClusterConnection? {
    guard let host = environment["KUBERNETES_SERVICE_HOST"], !host.isEmpty,
      let port = environment["KUBERNETES_SERVICE_PORT"], !port.isEmpty
    else { return nil }
    let server = host.contains(":") ? "https://[\(host)]:\(port)" : "https://\(host):\(port)"
    guard URLParts(server) != nil else {
      throw KubeconfigError(
        "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT give no address: \(withoutSecrets(server))")
    }
    var options = ConnectionOptions()
    switch files.read("\(directory)/ca.crt") {
    case .success(let bytes): options.certificateAuthority = bytes
    case .failure(let problem):
      throw KubeconfigError(
        file: "\(directory)/ca.crt", "this pod has no service account to use (\(problem)), and there is no kubeconfig")
    }
    var namespace: String?
    if case .success(let bytes) = files.read("\(directory)/namespace") { namespace = trimmedText(bytes) }
    // Read at each use, not here: the token is replaced about once an hour.
    return ClusterConnection(
      endpoint: ClusterEndpoint(server: server, options: options), authentication: .tokenFile("\(directory)/token"),
      namespace: namespace, isOfThisPod: true)
  }
}

extension KubeconfigSources {
  /// The connection to use: that of the kubeconfig, or the pod's where there is no kubeconfig at all.
  package func connection(_ overrides: ConnectionOverrides = .init()) throws(KubeconfigError) -> ClusterConnection {
    if let kubeconfig = try load() {
      return try kubeconfig.connection(overrides, environment: environment, files: files)
    }
    // As kubectl: who says where the server is needs no file that says it, and does not mean the pod's own.
    if overrides.server != nil {
      return try Kubeconfig().connection(overrides, environment: environment, files: files)
    }
    if var connection = try InCluster.connection(environment: environment, files: files) {
      if let namespace = overrides.namespace { connection.namespace = namespace }
      connection.endpoint.requestTimeout = overrides.requestTimeout
      return connection
    }
    throw KubeconfigError(
      "there is no kubeconfig: neither --kubeconfig nor $KUBECONFIG names one, ~/.kube/config does not exist, and this is no pod"
    )
  }
}
