internal import KubernetesModel

/// One request.
struct FolderRequest: Hashable {
  struct Field: Hashable {
    var name: String
    var value: String
  }

  var method = "GET"
  var path = "/"
  var query: [Field] = []
  var headers: [Field] = []
  /// Where a rule names it.
  var authority: String?

  var fields: [(String, String)] { headers.map { ($0.name, $0.value) } }
  var target: String {
    query.isEmpty ? path : path + "?" + query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
  }

  var words: String {
    let parts =
      (method == "GET" ? [] : ["method `\(method)`"]) + (authority.map { ["host `\($0)`"] } ?? [])
      + (path == "/" ? [] : ["path `\(path)`"]) + query.map { "`?\($0.name)=\($0.value)`" }
      + headers.map { "`\($0.name): \($0.value)`" }
    return parts.isEmpty ? "" : " with " + parts.joined(separator: " and ")
  }

  var visitors: String { words.isEmpty ? "visitors without a rule of their own" : "visitors" + words }

  fileprivate func at(_ path: String) -> FolderRequest {
    var request = self
    request.path = path
    return request
  }

  fileprivate mutating func set(_ name: String, _ value: String) {
    headers.removeAll { $0.name == name }
    headers.append(Field(name: name, value: value))
  }
}

/// Requests of which at least one meets each condition of each rule, and one misses it.
///
/// One has nothing that a rule could ask for. Of each match there is one that meets all of it, and for each of its
/// conditions one that differs in this alone: a page below its path, another method, a header more or less. And what
/// some match asks besides the path is asked at the paths of all others: of very many, up to a limit.
struct FolderRequests {
  static let limit = 400
  private static let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]

  private(set) var all = [FolderRequest()]
  /// Not everything is asked at the paths of all others.
  private(set) var isCut = false
  private var seen: Set<FolderRequest> = [FolderRequest()]
  private let matches: [Value]
  /// Methods of which some rule may take one and leave another.
  private let methods: [String]

  /// - Parameter changed: rules that are not in both folders. What they ask for comes first where not everything can be
  ///   asked.
  init(of rules: [Value], changed: Set<Value> = []) {
    matches = rules.flatMap { $0["match"]?.array ?? [] }
    let asked = matches.compactMap { $0["method"] }
    let named = asked.compactMap(sample)
    let others = FolderRequests.methods.filter { !named.contains($0) }
    // Of a pattern nothing is known but that it takes some of them.
    let isOpen = asked.contains { $0["exact"] == nil }
    methods = asked.isEmpty ? [] : named + (isOpen ? others : Array(others.prefix(1)))
    let asksNothing = self
    for match in matches { add(meeting(match)) }
    for match in matches { addNeighbours(of: match) }
    addPaths {
      var first = asksNothing
      for match in rules.filter(changed.contains).flatMap({ $0["match"]?.array ?? [] }) {
        first.add(first.meeting(match))
        first.addNeighbours(of: match)
      }
      return Array(first.all.dropFirst())
    }
  }

  private mutating func add(_ request: FolderRequest) { if seen.insert(request).inserted { all.append(request) } }

  private func meeting(_ match: Value) -> FolderRequest {
    var request = FolderRequest()
    if let path = match["uri"].flatMap(sample) { request.path = path.hasPrefix("/") ? path : "/" + path }
    if let method = match["method"].flatMap(sample) { request.method = method }
    request.authority = match["authority"].flatMap(sample)
    for header in match["headers"]?.fields?.entries ?? [] { request.set(header.key, sample(header.value) ?? "any") }
    for parameter in match["queryParams"]?.fields?.entries ?? [] {
      request.query.append(FolderRequest.Field(name: parameter.key, value: sample(parameter.value) ?? "any"))
    }
    return request
  }

  private mutating func addNeighbours(of match: Value) {
    let own = meeting(match)
    func with(_ change: (inout FolderRequest) -> Void) -> FolderRequest {
      var request = own
      change(&request)
      return request
    }
    if match["uri"] != nil {
      add(with { $0.path += $0.path.hasSuffix("/") ? "page" : "/page" })
      add(with { $0.path = "/" })
      if match["ignoreUriCase"] == .bool(true) { add(with { $0.path = $0.path.uppercased() }) }
    }
    for method in methods { add(with { $0.method = method }) }
    if own.authority != nil { add(with { $0.authority = nil }) }
    for header in match["headers"]?.fields?.entries ?? [] {
      add(with { request in request.headers.removeAll { $0.name == header.key } })
      if let prefix = header.value["prefix"]?.string { add(with { $0.set(header.key, prefix + "x") }) }
    }
    for header in match["withoutHeaders"]?.fields?.entries ?? [] {
      add(with { $0.set(header.key, sample(header.value) ?? "any") })
      add(with { $0.set(header.key, "any") })
    }
    for (place, parameter) in (match["queryParams"]?.fields?.entries ?? []).enumerated() {
      add(with { $0.query.remove(at: place) })
      if let prefix = parameter.value["prefix"]?.string { add(with { $0.query[place].value = prefix + "x" }) }
    }
  }

  /// - Parameter first: whose paths and conditions come first, where there are too many.
  private mutating func addPaths(_ first: () -> [FolderRequest]) {
    var (paths, others) = FolderRequests.parts(of: all)
    guard paths.count * others.count > FolderRequests.limit else {
      for path in paths { for other in others { add(other.at(path)) } }
      return
    }
    (paths, others) = FolderRequests.parts(of: first() + all)
    var count = 0
    for n in 0..<max(paths.count, others.count) {
      let ofPath = n < paths.count ? others.dropFirst(n).map { $0.at(paths[n]) } : []
      let ofOther = n < others.count ? paths.dropFirst(n + 1).map { others[n].at($0) } : []
      for request in ofPath + ofOther where !seen.contains(request) {
        if count == FolderRequests.limit {
          isCut = true
          return
        }
        add(request)
        count += 1
      }
    }
  }

  /// The paths, and what is asked besides them.
  private static func parts(of requests: [FolderRequest]) -> (paths: [String], others: [FolderRequest]) {
    var paths: [String] = []
    var others: [FolderRequest] = []
    var seen: Set<String> = []
    var seenOthers: Set<FolderRequest> = []
    for request in requests {
      if seen.insert(request.path).inserted { paths.append(request.path) }
      let other = request.at("/")
      if seenOthers.insert(other).inserted { others.append(other) }
    }
    return (paths, others)
  }
}

/// Some text that a string match takes.
private func sample(_ match: Value) -> String? {
  if let exact = match["exact"]?.string { return exact }
  if let prefix = match["prefix"]?.string { return prefix }
  return match["regex"]?.string.flatMap(witness)
}
