import KubernetesModel

/// VirtualService rules as Envoy configuration, written from Istio's source and on purpose not from our model
/// (`pilot/pkg/networking/core/route/route.go`: `TranslateRouteMatch`, `applyHTTPRouteDestination`, `ApplyRedirect`).
enum EnvoyConfiguration {
  static let port = 8080

  /// The routes of one virtual host.
  static func routes(_ rules: [Value]) -> [Value] {
    var result: [Value] = []
    for rule in rules {
      let matches = rule["match"]?.array ?? []
      if matches.isEmpty {
        result.append(route(rule, match: nil))
        return result
      }
      for match in matches { result.append(route(rule, match: match)) }
    }
    return result
  }

  private static func route(_ rule: Value, match: Value?) -> Value {
    let name = (rule["name"]?.string ?? "") + (match?["name"]?.string.map { "." + $0 } ?? "")
    var result: Fields = ["name": .string(name), "match": routeMatch(match)]
    let headers = operations(rule["headers"])
    var own = headers
    if let redirect = rule["redirect"] {
      result["redirect"] = self.redirect(redirect)
    } else if let response = rule["directResponse"] {
      result["direct_response"] = [
        "status": response["status"] ?? 200, "body": ["inline_string": response.at("body", "string") ?? ""],
      ]
    } else {
      var action: Fields = ["timeout": "0s"]
      if let uri = rule.at("rewrite", "uri") { action["prefix_rewrite"] = uri }
      if let authority = rule.at("rewrite", "authority") { action["host_rewrite_literal"] = authority }
      let destinations = rule["route"]?.array ?? []
      if destinations.count == 1 {
        action["cluster"] = .string(cluster(destinations[0]))
        let more = operations(destinations[0]["headers"])
        for (key, list) in more { own[key, default: []] += list }
      } else {
        action["weighted_clusters"] = [
          "clusters": .array(
            destinations.filter { $0["weight"]?.int ?? 0 > 0 }.map { destination in
              var entry: Fields = ["name": .string(cluster(destination)), "weight": destination["weight"] ?? 0]
              for (key, list) in operations(destination["headers"]) where !list.isEmpty { entry[key] = .array(list) }
              return .object(entry)
            }
          )
        ]
      }
      result["route"] = .object(action)
    }
    for (key, list) in own where !list.isEmpty { result[key] = .array(list) }
    if let abort = rule.at("fault", "abort") {
      var fault: Fields = ["http_status": abort["httpStatus"] ?? 500]
      fault["percentage"] = ["numerator": abort.at("percentage", "value") ?? 0, "denominator": "HUNDRED"]
      result["typed_per_filter_config"] = [
        "envoy.filters.http.fault": [
          "@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault", "abort": .object(fault),
        ]
      ]
    }
    return .object(result)
  }

  static func cluster(_ destination: Value) -> String {
    "outbound|8080|\(destination.at("destination", "subset")?.string ?? "")|web.shop.svc.cluster.local"
  }

  private static func routeMatch(_ match: Value?) -> Value {
    var result: Fields = [:]
    if let text = match?.at("uri", "exact") {
      result["path"] = text
    } else if let text = match?.at("uri", "regex") {
      result["safe_regex"] = ["regex": text]
    } else {
      result["prefix"] = match?.at("uri", "prefix") ?? "/"
    }
    result["case_sensitive"] = .bool(!(match?["ignoreUriCase"]?.bool ?? false))
    var headers: [Value] = []
    for entry in match?["headers"]?.fields?.entries ?? [] { headers.append(headerMatch(entry.key, entry.value)) }
    for entry in match?["withoutHeaders"]?.fields?.entries ?? [] {
      guard case .object(var matcher) = headerMatch(entry.key, entry.value) else { continue }
      matcher["invert_match"] = true
      if matcher["present_match"] == nil { matcher["treat_missing_header_as_empty"] = true }
      headers.append(.object(matcher))
    }
    for (key, name) in [("method", ":method"), ("authority", ":authority"), ("scheme", ":scheme")] {
      if let value = match?[key] { headers.append(headerMatch(name, value)) }
    }
    if !headers.isEmpty { result["headers"] = .array(headers) }
    let query = (match?["queryParams"]?.fields?.entries ?? []).map { entry -> Value in
      stringMatch(entry.value).map { ["name": .string(entry.key), "string_match": $0] }
        ?? ["name": .string(entry.key), "present_match": true]
    }
    if !query.isEmpty { result["query_parameters"] = .array(query) }
    return .object(result)
  }

  private static func headerMatch(_ name: String, _ match: Value) -> Value {
    stringMatch(match).map { ["name": .string(name), "string_match": $0] }
      ?? ["name": .string(name), "present_match": true]
  }

  private static func stringMatch(_ match: Value) -> Value? {
    if let text = match["exact"] { return ["exact": text] }
    if let text = match["prefix"] { return ["prefix": text] }
    if let text = match["regex"] { return ["safe_regex": ["regex": text]] }
    return nil
  }

  private static func redirect(_ redirect: Value) -> Value {
    var result: Fields = [:]
    if let authority = redirect["authority"] { result["host_redirect"] = authority }
    if let uri = redirect["uri"] { result["path_redirect"] = uri }
    if let scheme = redirect["scheme"] { result["scheme_redirect"] = scheme }
    var number = redirect["port"]?.int ?? 0
    if redirect["derivePort"]?.string == "FROM_REQUEST_PORT" { number = port }
    let scheme = redirect["scheme"]?.string ?? "http"
    if number == 80 && scheme == "http" || number == 443 && scheme == "https" { number = 0 }
    if number != 0 { result["port_redirect"] = .int(number) }
    let codes = [
      301: "MOVED_PERMANENTLY", 302: "FOUND", 303: "SEE_OTHER", 307: "TEMPORARY_REDIRECT", 308: "PERMANENT_REDIRECT",
    ]
    result["response_code"] = .string(codes[redirect["redirectCode"]?.int ?? 301] ?? "")
    return .object(result)
  }

  private static func operations(_ headers: Value?) -> [String: [Value]] {
    var result: [String: [Value]] = [:]
    for side in ["request", "response"] {
      for (key, action) in [("set", "OVERWRITE_IF_EXISTS_OR_ADD"), ("add", "APPEND_IF_EXISTS_OR_ADD")] {
        for entry in headers?.at(side, key)?.fields?.entries ?? [] {
          result["\(side)_headers_to_add", default: []].append([
            "header": ["key": .string(entry.key), "value": entry.value], "append_action": .string(action),
          ])
        }
      }
      result["\(side)_headers_to_remove", default: []] += headers?.at(side, "remove")?.array ?? []
    }
    return result
  }

  /// Two listeners on sockets in `directory`: the routes under test, and an upstream that tells what reached it.
  static func bootstrap(tables: [(host: String, rules: [Value])], directory: String) -> Value {
    let hosts: [Value] = tables.map { table in
      [
        "name": .string(table.host),
        "domains": [
          .string(table.host), .string(table.host + ".shop"), .string(table.host + ".shop.svc.cluster.local"),
        ],
        "routes": .array(routes(table.rules)),
        "response_headers_to_add": [
          ["header": ["key": "x-route", "value": "%ROUTE_NAME%"]],
          ["header": ["key": "x-cluster", "value": "%UPSTREAM_CLUSTER_RAW%"]],
        ],
      ]
    }
    let echo: Value = [
      "name": "echo", "domains": ["*"],
      "routes": [["match": ["prefix": "/"], "direct_response": ["status": 200]]],
      "response_headers_to_add": [
        ["header": ["key": "x-echo-path", "value": "%REQ(:PATH)%"]],
        ["header": ["key": "x-echo-host", "value": "%REQ(:AUTHORITY)%"]],
        ["header": ["key": "x-echo-req", "value": "%REQ(X-REQ)%"]],
        ["header": ["key": "x-resp", "value": "up"]],
      ],
    ]
    let clusters: [Value] = ["v1", "v2", "v3"].map { subset in
      let name: Value = .string("outbound|8080|\(subset)|web.shop.svc.cluster.local")
      return [
        "name": name, "type": "STATIC", "connect_timeout": "5s",
        "load_assignment": [
          "cluster_name": name,
          "endpoints": [
            ["lb_endpoints": [["endpoint": ["address": ["pipe": ["path": .string("\(directory)/echo")]]]]]]
          ],
        ],
      ]
    }
    return [
      "static_resources": [
        "listeners": [
          listener("routes", "\(directory)/routes", hosts, hasFaults: true),
          listener("echo", "\(directory)/echo", [echo], hasFaults: false),
        ],
        "clusters": .array(clusters),
      ]
    ]
  }

  private static func listener(_ name: Value, _ path: String, _ hosts: [Value], hasFaults: Bool) -> Value {
    var filters: [Value] = []
    if hasFaults {
      filters.append([
        "name": "envoy.filters.http.fault",
        "typed_config": ["@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"],
      ])
    }
    filters.append([
      "name": "envoy.filters.http.router",
      "typed_config": ["@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"],
    ])
    let manager: Value = [
      "@type":
        "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      "stat_prefix": name, "normalize_path": true, "delayed_close_timeout": "0s", "http_filters": .array(filters),
      "route_config": [
        "name": name, "validate_clusters": false, "ignore_port_in_host_matching": true, "virtual_hosts": .array(hosts),
      ],
    ]
    return [
      "name": name, "address": ["pipe": ["path": .string(path)]],
      "filter_chains": [
        ["filters": [["name": "envoy.filters.network.http_connection_manager", "typed_config": manager]]]
      ],
    ]
  }

  /// The tests' own JSON, so that nothing of ours stands between the rules and Envoy.
  static func json(_ value: Value) -> String {
    switch value {
    case .null: "null"
    case .bool(let b): b ? "true" : "false"
    case .int(let i): "\(i)"
    case .double(let d): "\(d)"
    case .string(let s): quote(s)
    case .array(let items): "[" + items.map(json).joined(separator: ",") + "]"
    case .object(let fields):
      "{" + fields.entries.map { quote($0.key) + ":" + json($0.value) }.joined(separator: ",") + "}"
    }
  }

  private static func quote(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case _ where scalar.value < 0x20:
        result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
