import Foundation
import Glibc
import TestSupport
import Testing

/// `rolloutc sandbox` as a process, with the real kubectl and curl in it.
@Suite(.enabled(if: Tool.isBuilt), .timeLimit(.minutes(20))) struct SandboxCommandTests {
  private static let hasClients: Bool = {
    let missing = ["kubectl", "curl"].filter { Tool.installed($0) == nil }
    if !missing.isEmpty { Tool.announce("the sandbox's clients are not installed: \(missing.joined(separator: ", "))") }
    return missing.isEmpty
  }()

  /// Helpers for scripts: `deploy FOLDER` applies a step and waits for it, `results N` asks N times.
  private static let prelude = """
    set -e
    deploy() {
      kubectl apply -k "$1" >/dev/null
      kubectl -n voting wait --for=condition=Available deployment --all --timeout=120s >/dev/null
    }
    results() { for i in $(seq "$1"); do curl -s "$ROLLOUTC_GATEWAY/" | grep results; done; }
    secret() {
      kubectl -n voting create secret generic voting-storage-secret --from-literal=MYSQL_USER=u \\
        --from-literal=MYSQL_PASSWORD=p --from-literal=MYSQL_DATABASE=d --from-literal=MYSQL_ROOT_PASSWORD=r >/dev/null
    }

    """

  private func run(_ options: [String], _ script: String, plan: String = "aks-voting") async throws -> Outcome {
    let scratch = try Scratch(withPlans: true)
    let tool = try #require(Tool.path)
    let built = try await scratch.running([tool, "build", "plans/\(plan).rollout", "--out", "out"])
    #expect(built.code == 0, "\(built.errors)")
    try scratch.write(Self.prelude + script, to: "script.sh")
    return try await scratch.running([tool, "sandbox"] + options + ["--", "sh", "script.sh"])
  }

  /// The article's own order: two views by turns until a route is written, then one.
  @Test(.enabled(if: hasClients)) func theArticlesTwoViews() async throws {
    let outcome = try await run(
      ["--propagation", "0", "--speed", "20"],
      """
      deploy out/01-*/apply
      for vote in Cats Cats Dogs Dogs Dogs Dogs; do curl -s -d vote=$vote "$ROLLOUTC_GATEWAY/" >/dev/null; done
      results 5
      deploy out/02-*/apply
      echo ---
      results 20
      deploy out/03-*/1/apply
      deploy out/03-*/2/apply
      echo ---
      results 5
      """, plan: "aks-voting-as-written")
    #expect(outcome.code == 0, "\(outcome.errors)")
    let parts = outcome.output.components(separatedBy: "---\n").map { part in
      Set(part.split(separator: "\n").map(String.init))
    }
    let counts = #"  <div id="results"> Cats: 2 | Dogs: 4 </div>"#
    let percent = #"  <div id="results"> Cats: 2/6 (33%) | Dogs: 4/6 (67%) </div>"#
    #expect(parts == [[counts], [counts, percent], [percent]])
  }

  /// The safe plan never shows two views, and the cookie leads to 2.0.
  @Test(.enabled(if: hasClients)) func theSafePlanHasOneView() async throws {
    let outcome = try await run(
      ["--propagation", "0", "--speed", "20"],
      """
      deploy out/01-*/apply
      secret
      curl -s -d vote=Cats "$ROLLOUTC_GATEWAY/" >/dev/null
      for phase in out/02-*/phases/*; do deploy $phase; results 5; done
      for phase in out/03-*/phases/*; do deploy $phase; done
      curl -s -c jar "$ROLLOUTC_GATEWAY/flag/on" -o /dev/null
      curl -s -b jar "$ROLLOUTC_GATEWAY/" | grep -o 'store: [a-z]*'
      curl -s "$ROLLOUTC_GATEWAY/" | grep -o 'store: [a-z]*'
      """)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n").map(String.init)
    #expect(lines.suffix(2) == ["store: mysql", "store: redis"])
    let pages = lines.dropLast(2).map { $0.contains("%") }
    #expect(pages.count >= 10)
    #expect(pages.count % 5 == 0)
    // Within five requests nothing changes, and it changes once.
    for five in stride(from: 0, to: pages.count, by: 5) { #expect(Set(pages[five..<(five + 5)]).count == 1) }
    #expect(pages == pages.sorted { !$0 && $1 })
  }

  /// What kubectl shows of it, and where logs come from.
  @Test(.enabled(if: hasClients)) func whatKubectlShows() async throws {
    let outcome = try await run(
      ["--propagation", "0", "--speed", "20"],
      """
      deploy out/01-*/apply
      kubectl -n istio-system get service istio-ingressgateway -o jsonpath='{.status.loadBalancer.ingress[0].ip}'; echo
      port=$(kubectl -n istio-system get service istio-ingressgateway -o jsonpath='{.spec.ports[0].port}')
      test "http://127.0.0.1:$port" = "$ROLLOUTC_GATEWAY"
      kubectl -n voting get pods -l app=voting-storage --no-headers | tr -s ' ' | cut -d' ' -f2,3
      kubectl -n voting rollout status deployment/voting-app-1-0
      curl -s "$ROLLOUTC_GATEWAY/some/page" >/dev/null
      kubectl -n voting logs -l app=voting-app --tail=-1 | grep -c 'GET /some/page 200'
      kubectl -n istio-system logs deployment/istio-ingressgateway | grep -c 'GET /some/page HTTP/1.1" 200 - outbound|8080|'
      kubectl -n voting annotate deployment voting-storage-1-0 sandbox.rolloutc.dev/fate=crash-loop >/dev/null
      kubectl -n voting wait --for=condition=Available=False deployment/voting-storage-1-0 --timeout=120s >/dev/null
      curl -s -o /dev/null -w '%{http_code}\\n' "$ROLLOUTC_GATEWAY/"
      kubectl -n voting logs -l app=voting-storage --previous | grep -c started
      kubectl -n voting delete virtualservice voting-app >/dev/null
      curl -s -o /dev/null -w '%{http_code} %header{x-sandbox-flag}\\n' "$ROLLOUTC_GATEWAY/"
      kubectl -n voting delete gateway --all >/dev/null
      curl -s "$ROLLOUTC_GATEWAY/" || echo "curl ends with $?"
      exit 7
      """)
    #expect(outcome.code == 7, "the script's own code\n\(outcome.output)\(outcome.errors)")
    #expect(
      outcome.output == """
        127.0.0.1
        2/2 Running
        deployment "voting-app-1-0" successfully rolled out
        1
        1
        503
        1
        404 NR
        curl ends with 52

        """)
  }

  /// Through the API server to a Service: a client without a sidecar.
  @Test(.enabled(if: hasClients)) func theServiceProxy() async throws {
    let outcome = try await run(
      ["--propagation", "0", "--speed", "20"],
      """
      deploy out/01-*/apply
      proxy=/api/v1/namespaces/voting/services/voting-app:8080/proxy/
      kubectl get --raw $proxy 2>&1 || true
      kubectl -n voting delete peerauthentication --all >/dev/null
      kubectl get --raw $proxy | grep footer
      kubectl get --raw /api/v1/namespaces/voting/services/none/proxy/ 2>&1 || true
      """)
    #expect(outcome.code == 0, "\(outcome.errors)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.first?.contains("the server is currently unable to handle the request") == true, "strict servers")
    #expect(outcome.output.contains("store: redis"))
    #expect(outcome.output.contains("NotFound"))
  }

  // MARK: - The process

  @Test func theKubeconfigIsForItsOwnerAlone() async throws {
    let scratch = try Scratch()
    let tool = try #require(Tool.path)
    let temporary = try await scratch.running(
      [
        tool, "sandbox", "--", "sh", "-c",
        "stat -c %a $KUBECONFIG; stat -c %a $(dirname $KUBECONFIG); echo $KUBECONFIG",
      ])
    #expect(temporary.code == 0, "\(temporary.errors)")
    let lines = temporary.output.split(separator: "\n").map(String.init)
    #expect(lines.prefix(2) == ["600", "700"])
    #expect(!FileManager.default.fileExists(atPath: try #require(lines.last)))
    #expect(temporary.errors == "")
    // One that was asked for stays, and may be written again.
    for _ in 1...2 {
      let named = try await scratch.running([
        tool, "sandbox", "--kubeconfig", "config", "--", "sh", "-c", "stat -c %a config",
      ])
      #expect(named.output == "600\n", "\(named.errors)")
    }
    #expect(scratch.text("config")?.contains("http://127.0.0.1:") == true)
    let elsewhere = try await scratch.running(
      [tool, "sandbox", "--kubeconfig", "config", "--", "sh", "-c", "cd / && stat -c %a \"$KUBECONFIG\""])
    #expect(elsewhere.output == "600\n", "\(elsewhere.errors)")
    // Somebody else's is never touched.
    try scratch.write("apiVersion: v1\nkind: Config\n", to: "mine")
    let refused = try await scratch.running([tool, "sandbox", "--kubeconfig", "mine", "--", "true"])
    #expect(refused.code == 2)
    #expect(refused.errors.contains("no sandbox wrote it"))
    #expect(scratch.text("mine") == "apiVersion: v1\nkind: Config\n")
  }

  @Test(arguments: [
    (["--", "sh", "-c", "exit 3"], 3, ""), (["--", "sh", "-c", "kill -9 $$"], 137, ""),
    (["--", "no-such-program-anywhere"], 1, "cannot run `no-such-program-anywhere`: no such file or directory"),
    (["--crds", "none.yaml", "--", "true"], 2, "cannot read `none.yaml`"),
    (["--crds", "cm.yaml", "--", "true"], 2, "`cm.yaml` holds a ConfigMap"),
    (["--propagation", "2s-1s"], 2, "--propagation"), (["--propagation", "soon"], 2, "--propagation"),
    (["--speed", "0"], 2, "--speed"), (["--port", "70000"], 2, "70000 is no port"),
  ])
  func exitCodes(_ arguments: [String], _ code: Int, _ message: String) async throws {
    let scratch = try Scratch()
    try scratch.write("apiVersion: v1\nkind: ConfigMap\n", to: "cm.yaml")
    let outcome = try await scratch.running([#require(Tool.path), "sandbox"] + arguments)
    #expect(outcome.code == Int32(code), "\(outcome.errors)")
    #expect(message.isEmpty || outcome.errors.contains(message), "\(outcome.errors)")
  }

  @Test func aPortThatIsTaken() async throws {
    let scratch = try Scratch()
    let tool = try #require(Tool.path)
    let outcome = try await scratch.running(
      [
        tool, "sandbox", "--", "sh", "-c",
        "rolloutc sandbox --gateway-port ${ROLLOUTC_GATEWAY##*:} -- true; echo $?",
      ])
    #expect(outcome.output == "1\n", "\(outcome.errors)")
    #expect(outcome.errors.contains("cannot listen on port"))
  }

  /// Without a command it says how to use it, and a signal ends it cleanly.
  @Test(arguments: ["INT", "TERM", "HUP"]) func aSignalEndsIt(_ signal: String) async throws {
    let scratch = try Scratch()
    let outcome = try await scratch.running(
      [
        "/bin/sh", "-c",
        """
        mkfifo said
        TMPDIR=$PWD rolloutc sandbox 2>said &
        pid=$!
        while read -r line; do
          echo "$line"
          case "$line" in "Ctrl-C ends it.") ls -d rolloutc-sandbox-*/kubeconfig | wc -l; kill -\(signal) $pid;; esac
        done <said
        wait $pid
        echo "code $?"
        ls -d rolloutc-sandbox-* 2>/dev/null | wc -l
        """,
      ])
    let lines = outcome.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    #expect(lines.suffix(3) == ["1", "code 0", "0"], "\(outcome.output)\(outcome.errors)")
    #expect(outcome.output.contains("export KUBECONFIG=\(scratch.path)/rolloutc-sandbox-"))
    #expect(outcome.output.contains("curl \"$ROLLOUTC_GATEWAY/\""))
  }

  /// What asks the tool to end reaches the command.
  @Test func aSignalIsPassedOn() async throws {
    let scratch = try Scratch()
    let outcome = try await scratch.running(
      [
        #require(Tool.path), "sandbox", "--", "sh", "-c",
        "trap 'echo asked; exit 5' TERM; kill -TERM $PPID; while :; do :; done",
      ])
    #expect(outcome.output == "asked\n")
    #expect(outcome.code == 5)
    // Nobody typed it: the command has not got it yet.
    let interrupted = try await scratch.running(
      [
        #require(Tool.path), "sandbox", "--", "sh", "-c",
        "trap 'echo interrupted; exit 6' INT; kill -INT $PPID; while :; do :; done",
      ])
    #expect(interrupted.output == "interrupted\n")
    #expect(interrupted.code == 6)
  }
}
