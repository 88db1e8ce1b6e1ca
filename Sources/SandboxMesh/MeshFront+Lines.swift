internal import KubernetesModel
internal import MeshModel
internal import Sandbox

/// What pods and proxies would write about a request.
extension MeshFront {
  /// A program's line.
  func line(_ received: Received, _ answer: StandInAnswer) -> String {
    guard let method = received.method else {
      let words = received.body.isEmpty ? "connection" : received.body
      return "\(now.rfc3339) \(words) \(answer.isRefused ? "refused" : "ok")"
    }
    return "\(now.rfc3339) \(method) \(oneLine(received.path)) \(answer.status)"
  }

  /// The access log of the caller's proxy, in the order of Istio's format: time, request, status, flag, cluster, pod and
  /// the name of the route.
  mutating func note(_ traffic: Traffic, _ hop: MeshHop, _ outcome: Outcome, _ answer: MeshAnswer, from sender: Sender)
  {
    let uids: [String] =
      switch sender.client {
      case .gateway: gatewayPods.sorted { $0.key < $1.key }.prefix(1).map(\.value)
      case .sidecar: [sender.uid].compactMap(\.self)
      case .plain: []
      }
    guard let uid = uids.first else { return }
    let subject: String =
      switch traffic {
      case .http(let request): "\"\(request.method) \(oneLine(request.target)) HTTP/1.1\" \(answer.status ?? 0)"
      case .tcp: "\"- - -\" 0"
      }
    let (host, port) =
      switch outcome {
      case .destination(let destination): (destination.host, destination.port)
      case .failure(let failure): (failure.host ?? hop.host, failure.port ?? hop.port)
      case .redirect, .directResponse, .abort, .delegated, .passthrough: (hop.host, hop.port)
      }
    let text =
      "[\(now.rfc3339)] \(subject) \(hop.failure?.flag?.rawValue ?? "-") "
      + "outbound|\(port)|\(hop.subset ?? "")|\(oneLine(host)) \(hop.callee?.name ?? "-") "
      + (hop.decision.rule ?? "-")
    lines.append(PodLine(uid: uid, container: sender.client.isGateway ? nil : "istio-proxy", text: text))
  }

  /// What a visitor sends may hold anything; a log has one line for it.
  private func oneLine(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : $0 }))
  }
}

extension Client {
  fileprivate var isGateway: Bool { if case .gateway = self { true } else { false } }
}
