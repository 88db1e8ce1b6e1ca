/// A word that the table uses. Keywords are contextual: a component may be called `route`.
package enum Keyword: UInt8, Hashable, Sendable, CaseIterable {
  case above, all, always, answers, approve, args, `as`, at, before, below, by, calls, component, contains, context,
    cookie, cpu
  case deploy, deployment, done, duration, env, environment, equals, errorRate, every, existing, expect, expose, failure
  case fails, `for`, from, gateway, grpc, grpcWeb, has, header, host, hosts, http, http2, https, image, `in`, include
  case `is`, istio, language, least, live, manifest, matches, memory, mesh, metric, mirror, missing, mongo, most, mtls
  case mysql, namespace, never, no, number, of, off, on, open, p50Latency, p95Latency, p99Latency, parameter, patch,
    path
  case pattern, pause, percent, permissive, pinned, plan, port, probe, promql, pull, ready, redis, rehearsal, release
  case replicas, require, resources, retire, rollback, route, routing, rule, secret, serves, service, shift, start,
    status
  case step, sticky, strict, stub, successRate, target, tcp, text, through, times, tls, to, unroute, until, url, verify,
    version
  case volume, volumes, wait, when, `while`, with, within, yes

  /// As it is written.
  package var text: String { Keyword.texts[Int(rawValue)] }

  /// The few small words that are never names, so that a missing name is seen where it is missing.
  package var isReserved: Bool {
    switch self {
    case .as, .at, .by, .cookie, .for, .from, .header, .in, .is, .on, .through, .to, .until, .while, .with, .within:
      true
    default: false
    }
  }

  /// In the order of the cases; spelled out, because reflection costs a millisecond at every start.
  private static let texts: [String] = [
    "above", "all", "always", "answers", "approve", "args", "as", "at", "before", "below", "by", "calls",
    "component", "contains", "context", "cookie", "cpu", "deploy", "deployment", "done", "duration", "env",
    "environment", "equals", "error-rate", "every", "existing", "expect", "expose", "failure", "fails", "for",
    "from", "gateway", "grpc", "grpc-web", "has", "header", "host", "hosts", "http", "http2", "https", "image",
    "in", "include", "is", "istio", "language", "least", "live", "manifest", "matches", "memory", "mesh", "metric",
    "mirror", "missing", "mongo", "most", "mtls", "mysql", "namespace", "never", "no", "number", "of", "off", "on",
    "open", "p50-latency", "p95-latency", "p99-latency", "parameter", "patch", "path", "pattern", "pause",
    "percent", "permissive", "pinned", "plan", "port", "probe", "promql", "pull", "ready", "redis", "rehearsal",
    "release", "replicas", "require", "resources", "retire", "rollback", "route", "routing", "rule", "secret",
    "serves", "service", "shift", "start", "status", "step", "sticky", "strict", "stub", "success-rate", "target",
    "tcp",
    "text", "through", "times", "tls", "to", "unroute", "until", "url", "verify", "version", "volume", "volumes",
    "wait", "when", "while", "with", "within", "yes",
  ]

  /// An open-addressed hash table over the spellings; a look-up compares one or two words.
  private static let table: [UInt8] = {
    var table = [UInt8](repeating: 0xFF, count: 1024)
    for keyword in allCases {
      var slot = Array(keyword.text.utf8).withUnsafeBufferPointer { hash($0) }
      while table[slot] != 0xFF { slot = (slot + 1) & 1023 }
      table[slot] = keyword.rawValue
    }
    return table
  }()

  private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var h: UInt32 = 2_166_136_261
    for byte in bytes { h = (h ^ UInt32(byte)) &* 16_777_619 }
    return Int((h ^ (h >> 13)) & 1023)
  }

  private static let spellings: [[UInt8]] = texts.map { Array($0.utf8) }

  static func spelled(by bytes: UnsafeBufferPointer<UInt8>) -> Keyword? {
    guard bytes.count >= 2, bytes.count <= 12 else { return nil }
    var slot = hash(bytes)
    while table[slot] != 0xFF {
      let candidate = spellings[Int(table[slot])]
      if candidate.count == bytes.count, candidate.elementsEqual(bytes) { return Keyword(rawValue: table[slot]) }
      slot = (slot + 1) & 1023
    }
    return nil
  }

  package init?(_ text: String) {
    var text = text
    let found = text.withUTF8 { Keyword.spelled(by: $0) }
    guard let found else { return nil }
    self = found
  }
}
