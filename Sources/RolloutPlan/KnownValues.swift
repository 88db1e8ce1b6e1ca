package import KubernetesModel

/// Values that the schemas of Istio's own resources refuse, of the fields that patches are mostly about. Each is refused by
/// the server, or worse, taken by one that does not validate and then left out by istiod.
///
/// From Istio 1.27 (`networking.istio.io/v1`, `security.istio.io/v1`; `google.protobuf.Duration` is a text of at least a
/// millisecond).
///
/// - Parameter object: a patch, or a whole object.
/// - Returns: why it is not taken; nil where nothing is known against it.
func refusal(ofIstioObject object: Value, kind: String) -> String? {
  func look(_ value: Value, _ path: [String]) -> String? {
    switch value {
    case .object(let fields):
      for entry in fields.entries {
        if let reason = look(entry.value, path + [entry.key]) { return reason }
      }
      return nil
    case .array(let items): return items.lazy.compactMap { look($0, path) }.first
    case .null: return nil
    case .bool, .int, .double, .string: return refusal(of: value, at: path, kind)
    }
  }
  guard let spec = object["spec"], spec != .null else { return nil }
  return spec.fields == nil ? "its `spec` is no mapping" : look(spec, [])
}

/// Whether a rule of a VirtualService says where requests go.
package func isRoutingRule(_ rule: Value) -> Bool {
  ["route", "redirect", "directResponse", "delegate"].contains { rule[$0] != nil && rule[$0] != .null }
}

/// The list of a patch of a VirtualService that takes the place of the plan's rules, and has one that leads nowhere: Istio
/// refuses it (`ValidateHTTPRoute`). Rules of which none leads anywhere are merged into the plan's, unless one has a `match`
/// and no name.
func strandedRule(inPatch patch: Value) -> (reason: String, help: String)? {
  for list in ["http", "tcp", "tls"] {
    let rules = (patch.at("spec", list)?.array ?? []).filter { $0.fields != nil }
    let stranded = rules.filter { !isRoutingRule($0) }
    if stranded.isEmpty { continue }
    if stranded.count < rules.count {
      return (
        "a rule of `\(list)` has no `route`, and one with a `route` beside it replaces the plan's rules by this list",
        "give each rule of the list its `route`, or leave the `route` out of all: then they are merged into the plan's own"
      )
    }
    if stranded.contains(where: { $0["match"] != nil && $0["name"] == nil }) {
      return (
        "a rule of `\(list)` has a `match`, and neither a `route` nor a `name`",
        list == "http"
          ? "give it the `name` of the plan's rule whose `match` it replaces, as `name: default`; or a `route` of its own, which replaces the plan's rules"
          : "give it a `route` of its own"
      )
    }
  }
  return nil
}

private func refusal(of value: Value, at path: [String], _ kind: String) -> String? {
  let key = path.last ?? ""
  let holder = path.dropLast().last ?? ""
  // What people write by themselves: names of headers and labels, and texts.
  if ["headers", "withoutHeaders", "queryParams", "labels", "sourceLabels", "selector", "matchLabels"]
    .contains(where: path.contains)
  {
    return nil
  }
  if durations.contains(key) {
    // A cookie that goes with the session has `0s`.
    let mayBeNothing = key == "ttl"
    guard case .string(let text) = value, let length = milliseconds(text), mayBeNothing || length >= 1 else {
      return "`\(key)` is a duration\(mayBeNothing ? "" : " of 1ms or more") with its unit, as `5s`"
    }
    return nil
  }
  if counts.contains(key) || key == "number" && holder == "port" {
    guard case .int(let count) = value, (0...Int(Int32.max)).contains(count) else {
      return "`\(key)` is a whole number"
    }
    return nil
  }
  if kind == "VirtualService", holder == "retries", key == "retryOn" { return refusal(ofRetryOn: value) }
  if kind == "VirtualService", ["mirrorPercentage", "percentage"].contains(holder), key == "value" {
    let isPercentage =
      switch value {
      case .int(let percent): (0...100).contains(percent)
      case .double(let percent): (0...100).contains(percent)
      default: false
      }
    return isPercentage ? nil : "`value` of `\(holder)` is a number from 0 to 100"
  }
  let words: [String]
  switch (kind, holder, key) {
  case ("DestinationRule", "tls", "mode"): words = ["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"]
  case ("Gateway", "tls", "mode"):
    words = ["PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"]
  case ("PeerAuthentication", "mtls", "mode"), ("PeerAuthentication", _, "mode"):
    words = ["UNSET", "DISABLE", "PERMISSIVE", "STRICT"]
  case ("DestinationRule", "loadBalancer", "simple"):
    words = ["UNSPECIFIED", "LEAST_CONN", "RANDOM", "PASSTHROUGH", "ROUND_ROBIN", "LEAST_REQUEST"]
  default: return nil
  }
  if case .string(let text) = value, words.contains(text) { return nil }
  return "`\(key)` of `\(holder)` is one of \(words.joined(separator: ", "))"
}

/// Names of Envoy (`x-envoy-retry-on`, `x-envoy-retry-grpc-on`) and codes of answers, with commas between them and nothing
/// else (Istio: `validateHTTPRetry`).
private func refusal(ofRetryOn value: Value) -> String? {
  guard case .string(let text) = value else {
    // One code alone is a number to YAML.
    return "`retryOn` is a text, as `5xx,reset`"
  }
  let wrong =
    text.isEmpty
    ? nil
    : text.split(separator: ",", omittingEmptySubsequences: false).first { part in
      !retryReasons.contains(String(part)) && !(Int(part).map(isStatusCode) ?? false)
    }
  guard let wrong else { return nil }
  if wrong.contains(where: \.isWhitespace) { return "`retryOn` has commas between its words, and no blanks" }
  return
    "`\(wrong)` in `retryOn` is no reason that Envoy knows, as `connect-failure`, and no code of an answer, as `503`"
}

private let retryReasons: Set<String> = [
  "5xx", "cancelled", "connect-failure", "deadline-exceeded", "envoy-ratelimited", "gateway-error",
  "http3-post-connect-failure", "internal", "refused-stream", "reset", "reset-before-request", "resource-exhausted",
  "retriable-4xx", "retriable-headers", "retriable-status-codes", "unavailable",
]

/// Codes that have a name (Go: `http.StatusText`).
private func isStatusCode(_ code: Int) -> Bool {
  switch code {
  case 100...103, 200...208, 226, 300...305, 307, 308, 400...418, 421...426, 428, 429, 431, 451, 500...508, 510, 511:
    true
  default: false
  }
}

/// Rules of a VirtualService that say how a request is tried again, and that it never is (Istio: `validateHTTPRetry`).
func idleRetries(in route: Value) -> [Value] {
  (route.at("spec", "http")?.array ?? []).filter { rule in
    guard let retries = rule["retries"], !hasAttempts(rule) else { return false }
    return ["perTryTimeout", "retryOn", "retryRemoteLocalities"].contains { field in
      retries[field].map { $0 != .null && $0 != "" } ?? false
    }
  }
}

let idleRetriesReason = "`retries` say how to try again, and have no `attempts`"

/// A rule of a VirtualService says how often a request is tried again, and not with 0.
func hasAttempts(_ rule: Value) -> Bool { rule.at("retries", "attempts").map { $0 != .null && $0 != 0 } ?? false }

/// Ports of a PeerAuthentication that is for a whole namespace (Istio: `ValidatePeerAuthentication`).
func namesPortsForEverybody(_ policy: Value) -> Bool {
  policy.at("spec", "portLevelMtls")?.fields.map { !$0.isEmpty } ?? false && !hasSelector(policy)
}

func hasSelector(_ policy: Value) -> Bool {
  policy.at("spec", "selector", "matchLabels")?.fields.map { !$0.isEmpty } ?? false
}

private let durations: Set<String> = [
  "baseEjectionTime", "connectTimeout", "exponentialDelay", "fixedDelay", "idleTimeout", "interval", "maxAge",
  "maxConnectionDuration", "perTryIdleTimeout", "perTryTimeout", "timeout", "ttl", "warmupDurationSecs",
]

private let counts: Set<String> = [
  "attempts", "consecutive5xxErrors", "consecutiveGatewayErrors", "http1MaxPendingRequests", "http2MaxRequests",
  "httpStatus", "maxConnections", "maxEjectionPercent", "maxRequestsPerConnection", "maxRetries", "minHealthPercent",
  "redirectCode", "weight",
]

/// `1h30m`, `0.5s`: Go's form of a duration; nil where it is none.
private func milliseconds(_ text: String) -> Double? {
  var rest = text[...]
  var milliseconds = 0.0
  if rest.isEmpty { return nil }
  while !rest.isEmpty {
    let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    guard let amount = Double(digits) else { return nil }
    rest = rest.dropFirst(digits.count)
    let unit = rest.prefix { $0.isASCII && $0.isLetter }
    guard let scale = ["h": 3_600_000.0, "m": 60_000, "s": 1_000, "ms": 1, "us": 0.001, "ns": 0.000_001][String(unit)]
    else { return nil }
    milliseconds += amount * scale
    rest = rest.dropFirst(unit.count)
  }
  return milliseconds
}
