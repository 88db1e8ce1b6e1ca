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

  fileprivate mutating func set(_ name: String, _ value: String) {
    headers.removeAll { $0.name == name }
    headers.append(Field(name: name, value: value))
  }
}

/// Requests of which at least one meets each condition of each rule, and one misses it.
///
/// One has nothing that a rule could ask for. Of each match there is one that meets all of it, and for each of its
/// conditions one that differs in this alone: a page below its path, another method, a header more or less. And what
/// some match asks besides the path is asked at the paths of all others, unless there are very many.
struct FolderRequests {
  private static let limit = 400
  private static let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]

  private(set) var all = [FolderRequest()]
  private var seen: Set<FolderRequest> = [FolderRequest()]
  private let matches: [Value]
  /// Methods of which some rule may take one and leave another.
  private let methods: [String]

  init(of rules: [Value]) {
    matches = rules.flatMap { $0["match"]?.array ?? [] }
    let asked = matches.compactMap { $0["method"] }
    let named = asked.compactMap(sample)
    let others = FolderRequests.methods.filter { !named.contains($0) }
    // Of a pattern nothing is known but that it takes some of them.
    let isOpen = asked.contains { $0["exact"] == nil }
    methods = asked.isEmpty ? [] : named + (isOpen ? others : Array(others.prefix(1)))
    for match in matches { add(meeting(match)) }
    for match in matches { addNeighbours(of: match) }
    addPaths()
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

  private mutating func addPaths() {
    var paths: [String] = []
    var others: [FolderRequest] = []
    var seen: Set<String> = []
    var seenOthers: Set<FolderRequest> = []
    for var request in all {
      if seen.insert(request.path).inserted { paths.append(request.path) }
      request.path = "/"
      if seenOthers.insert(request).inserted { others.append(request) }
    }
    guard paths.count * others.count <= FolderRequests.limit else { return }
    for path in paths {
      for var request in others {
        request.path = path
        add(request)
      }
    }
  }
}

/// Some text that a string match takes.
private func sample(_ match: Value) -> String? {
  if let exact = match["exact"]?.string { return exact }
  if let prefix = match["prefix"]?.string { return prefix }
  return match["regex"]?.string.flatMap(witness)
}
