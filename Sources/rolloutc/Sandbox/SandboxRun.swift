import DiagnosticRendering
import Glibc
import KubernetesModel
import Sandbox
import SandboxMesh
import SandboxServer
import Synchronization
import YAMLCoding

/// `rolloutc sandbox` with its options as plain values.
///
/// The main thread waits for signals and for the end of the command; everything else happens in tasks. So that no other
/// thread ever takes a signal, they are blocked before the first task begins.
struct SandboxRun {
  var port: Int
  var gatewayPort: Int
  var kubeconfig: String?
  var speed: Double
  var definitions: [String]
  var propagation: ClosedRange<Int>
  var seed: UInt64
  var command: [String]

  /// In the first line of a kubeconfig that this command wrote, and may overwrite.
  private static let mark = "# Written by `rolloutc sandbox`."

  private struct Ports: Sendable {
    var api: Int
    var gateway: Int
  }

  func run() throws {
    AwaitedSignals.block()
    var cluster = SandboxCluster(now: IO.now, seed: seed)
    cluster.injectsSidecars = true
    for path in definitions { try define(path, in: &cluster) }
    try refuseForeign()
    let ports = try serve(cluster)
    let place = try kubeconfigPlace()
    do {
      let text = SandboxRun.mark + "\n" + SandboxServer.kubeconfig(port: ports.api)
      try IO.write(Array(text.utf8), toFile: place.path, isPrivate: true)
    } catch {
      place.removeIfTemporary()
      throw error
    }
    let gateway = "http://127.0.0.1:\(ports.gateway)"
    if command.isEmpty {
      IO.standardError(
        """
        A cluster with a mesh is running. In another shell:

          export KUBECONFIG=\(shellWord(place.path)) ROLLOUTC_GATEWAY=\(gateway)
          kubectl get namespaces
          curl "$ROLLOUTC_GATEWAY/"

        Ctrl-C ends it.

        """)
      AwaitedSignals.wait()
      place.removeIfTemporary()
      return
    }
    let code: Int32
    do {
      let environment = ["KUBECONFIG": place.path, "ROLLOUTC_GATEWAY": gateway]
      code = try ChildProcess(command, environment: IO.environment.merging(environment) { $1 }).wait()
    } catch {
      place.removeIfTemporary()
      throw error
    }
    place.removeIfTemporary()
    IO.exit(code)
  }

  // MARK: - What the cluster begins with

  private func define(_ path: String, in cluster: inout SandboxCluster) throws {
    let documents: [Value]
    switch IO.read(path) {
    case .failure(let error): throw Failure("cannot read `\(path)`: \(error.message)", code: Exit.usage)
    case .success(let bytes):
      do {
        documents = try parseYAML(bytes)
      } catch {
        throw Failure("`\(path)` is no YAML: \(error)", code: Exit.usage)
      }
    }
    for document in documents where document != .null {
      guard document["kind"] == "CustomResourceDefinition" else {
        throw Failure(
          "`\(path)` holds a \(document["kind"]?.string ?? "document without a kind"); "
            + "--crds takes CustomResourceDefinitions only", code: Exit.usage)
      }
      let answer = cluster.respond(
        to: APIRequest(
          "POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body: document, userAgent: "rolloutc"))
      guard answer.status < 300 else {
        throw Failure("`\(path)`: \(answer.value?["message"]?.string ?? "refused")", code: Exit.usage)
      }
    }
  }

  // MARK: - Serving

  /// Starts both servers, and gives their ports once they listen.
  private func serve(_ cluster: SandboxCluster) throws -> Ports {
    let handover = try Handover<Result<Ports, Failure>>()
    let live = LiveCluster(cluster)
    var front = MeshFront(propagation: Propagation(propagation, seed: seed), seed: seed)
    front.keepsLines = true
    let mesh = LiveMesh(live, front: front)
    let (port, gatewayPort, speed) = (port, gatewayPort, speed)
    Task.detached {
      do {
        try await GatewayServer(mesh: mesh, port: gatewayPort).run { gateway in
          await live.update { $0.installIngressGateway(port: gateway) }
          Task.detached {
            do {
              let proxy: ProxyHandler = { await mesh.answer($0) }
              try await SandboxServer(cluster: live, port: port, speed: speed, proxy: proxy).run { api in
                handover.give(.success(Ports(api: api, gateway: gateway)))
              }
            } catch {
              handover.give(.failure(Failure("\(error)")))
            }
          }
        }
      } catch {
        handover.give(.failure(Failure("\(error)")))
      }
    }
    return try handover.wait().get()
  }

  // MARK: - The kubeconfig

  private struct Place {
    var path: String
    /// The folder that was made for it.
    var folder: String?

    func removeIfTemporary() { if let folder { IO.removeTree(folder) } }
  }

  private func kubeconfigPlace() throws -> Place {
    // Other shells, and a command that goes to another folder, find it too.
    if let kubeconfig { return Place(path: IO.absolute(kubeconfig)) }
    let folder = try IO.makeTemporaryDirectory("rolloutc-sandbox")
    return Place(path: folder + "/kubeconfig", folder: folder)
  }

  /// A kubeconfig of a real cluster is never overwritten.
  private func refuseForeign() throws {
    guard let kubeconfig, IO.exists(kubeconfig) else { return }
    if case .success(let bytes) = IO.read(kubeconfig), bytes.starts(with: Array(SandboxRun.mark.utf8)) { return }
    throw Failure(
      "`\(kubeconfig)` is there already, and no sandbox wrote it; name another file", code: Exit.usage)
  }
}

/// A value that one thread waits for and another one gives. What is given after the first is dropped.
private final class Handover<Value: Sendable>: Sendable {
  private let value = Mutex<Value?>(nil)
  private let reading: Int32
  private let writing: Int32

  init() throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw Failure("cannot make a pipe: \(IO.reason(errno))") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (reading, writing) = (ends[0], ends[1])
  }

  func give(_ new: Value) {
    value.withLock { if $0 == nil { $0 = new } }
    _ = Glibc.write(writing, [1], 1)
  }

  func wait() -> Value {
    while true {
      if let found = value.withLock({ $0 }) { return found }
      var byte: UInt8 = 0
      _ = Glibc.read(reading, &byte, 1)
    }
  }
}

extension IO {
  /// The wall clock.
  static var now: Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(milliseconds: time.tv_sec * 1_000 + time.tv_nsec / 1_000_000)
  }
}
