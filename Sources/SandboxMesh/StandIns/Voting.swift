internal import MeshModel

// The AKS voting app: a page, the analytics behind it, and the votes in Redis (1.0) or in MySQL (2.0).

/// Which database a version of the voting app was built for: the one that its environment names.
private enum VoteStoreKind: String {
  case redis, mysql

  init?(_ pod: StandInPod) {
    if pod.environment["REDIS_HOST"] != nil {
      self = .redis
    } else if pod.environment["MYSQL_HOST"] != nil {
      self = .mysql
    } else {
      return nil
    }
  }

  /// A connection that says `words` in this database's language, so that another database does not understand it.
  func call(_ words: String, from pod: StandInPod) -> OutgoingCall? {
    let (variable, port) = self == .redis ? ("REDIS_HOST", 6379) : ("MYSQL_HOST", 3306)
    guard let target = pod.target(variable, port: port) else { return nil }
    return OutgoingCall(
      .tcp(TCPConnection(host: target.host, port: target.port)), body: rawValue + " " + words)
  }
}

private let choices = ["Cats", "Dogs"]

/// Votes that live as long as the pod's container, or as its claim where it has one.
package struct VoteStore: StandIn {
  private let language: String

  package static let redis = VoteStore(language: "redis")
  package static let mysql = VoteStore(language: "mysql")

  package func calls(for request: Received, at pod: StandInPod) -> [OutgoingCall] { [] }

  package func answer(
    _ request: Received, at pod: StandInPod, _ replies: [MeshAnswer], data: inout StandInData
  ) -> StandInAnswer {
    let words = request.body.split(separator: " ").map(String.init)
    // A connection that only knocks is let in, as a readiness probe is.
    if request.method == nil, words.isEmpty { return StandInAnswer(body: "") }
    guard request.method == nil, words.first == language else { return .refused }
    switch words.dropFirst().first {
    case "vote" where words.count == 3: data.numbers[words[2], default: 0] += 1
    case "reset": data = StandInData()
    default: break
    }
    return StandInAnswer(body: choices.map { "\($0)=\(data.numbers[$0] ?? 0)" }.joined(separator: " "))
  }
}

/// Counts the votes. Version 1.0 gives numbers, later ones percentages too.
package struct VotingAnalytics: StandIn {
  package init() {}

  package func calls(for request: Received, at pod: StandInPod) -> [OutgoingCall] {
    guard request.method != nil, let call = VoteStoreKind(pod)?.call("counts", from: pod) else { return [] }
    return [call]
  }

  package func answer(
    _ request: Received, at pod: StandInPod, _ replies: [MeshAnswer], data: inout StandInData
  ) -> StandInAnswer {
    guard request.method != nil else { return .refused }
    if let failed = replies.first(where: { !$0.isServed }) { return .unavailable(pod, because: failed) }
    var counts: [String: Int] = [:]
    for pair in (replies.first?.body ?? "").split(separator: " ") {
      let sides = pair.split(separator: "=")
      // Who answers in the store's place may say any number.
      if sides.count == 2, let count = Int(sides[1]) { counts[String(sides[0])] = min(max(0, count), 1 << 40) }
    }
    let total = counts.values.reduce(0, +)
    let parts = choices.map { choice -> String in
      let count = counts[choice] ?? 0
      if pod.version == "1.0" { return "\(choice): \(count)" }
      return "\(choice): \(count)/\(total) (\(total == 0 ? 0 : (count * 200 + total) / (2 * total))%)"
    }
    return StandInAnswer(
      headers: [("content-type", "text/plain; charset=utf-8")], body: parts.joined(separator: " | "))
  }
}

/// The page that visitors see: the results from analytics, buttons to vote, and at the bottom who it is, which database
/// it uses, and the switch that sets the flag's cookie.
package struct VotingPage: StandIn {
  package init() {}

  private enum Action {
    case show
    case vote(String)
    case reset
    case flag(Bool)
  }

  private func action(_ request: Received) -> Action {
    let path = request.path.prefix { $0 != "?" }
    if request.method == "POST" {
      // `application/x-www-form-urlencoded`, as the buttons send it.
      for pair in request.body.split(separator: "&") {
        let sides = pair.split(separator: "=")
        guard sides.count == 2, sides[0] == "vote" else { continue }
        if sides[1] == "reset" { return .reset }
        if choices.contains(String(sides[1])) { return .vote(String(sides[1])) }
      }
    }
    switch path {
    case "/flag/on": return .flag(true)
    case "/flag/off": return .flag(false)
    default: return .show
    }
  }

  package func calls(for request: Received, at pod: StandInPod) -> [OutgoingCall] {
    guard request.method != nil else { return [] }
    let store = VoteStoreKind(pod)
    switch action(request) {
    case .flag: return []
    case .vote(let choice):
      return [store?.call("vote " + choice, from: pod), analytics(pod, request)].compactMap(\.self)
    case .reset: return [store?.call("reset", from: pod), analytics(pod, request)].compactMap(\.self)
    case .show: return [analytics(pod, request)].compactMap(\.self)
    }
  }

  private func analytics(_ pod: StandInPod, _ request: Received) -> OutgoingCall? {
    guard let target = pod.target("ANALYTICS_HOST", port: 8080) else { return nil }
    return OutgoingCall(.http(HTTPRequest(host: target.host, port: target.port, headers: request.passedOn)))
  }

  package func answer(
    _ request: Received, at pod: StandInPod, _ replies: [MeshAnswer], data: inout StandInData
  ) -> StandInAnswer {
    guard request.method != nil else { return .refused }
    if case .flag(let isOn) = action(request) {
      let cookie = isOn ? "featureflag=on; path=/" : "featureflag=off; path=/; max-age=0"
      return StandInAnswer(status: 303, headers: [("location", "/"), ("set-cookie", cookie)], body: "")
    }
    if let failed = replies.first(where: { !$0.isServed }) { return .unavailable(pod, because: failed) }
    if let stub = deepestStub(replies) { return stub }
    let results = replies.last?.body ?? ""
    let store = VoteStoreKind(pod)?.rawValue ?? "none"
    let isFlagged = request.headers.contains { header in
      header.name == "cookie"
        && header.value.split(separator: ";").contains { $0.drop { $0 == " " } == "featureflag=on" }
    }
    var flag = ""
    if pod.environment["FEATUREFLAG"] == "true" {
      flag =
        isFlagged
        ? " <a id=\"flag\" href=\"/flag/off\">back to the stable version</a>"
        : " <a id=\"flag\" href=\"/flag/on\">try the new version</a>"
    }
    let buttons = choices.map { "<button name=\"vote\" value=\"\($0)\">\($0)</button>" }.joined(separator: " ")
    let body = """
      <!DOCTYPE html>
      <html lang="en">
      <head><meta charset="utf-8"><title>Azure Voting App</title></head>
      <body>
        <h1>Azure Voting App</h1>
        <form method="post" action="/">\(buttons) <button name="vote" value="reset">Reset</button></form>
        <div id="results"> \(htmlEscaped(results)) </div>
        <div id="footer">\(htmlEscaped(pod.identity.description)), store: \(store)\(flag)</div>
      </body>
      </html>

      """
    return StandInAnswer(headers: [("content-type", "text/html; charset=utf-8")], body: body)
  }
}
