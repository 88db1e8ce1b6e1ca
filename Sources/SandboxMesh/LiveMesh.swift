package import Sandbox

/// A ``MeshFront`` over a sandbox that lives: several tasks send requests, and each sees the cluster as it is then.
package actor LiveMesh {
  package nonisolated let cluster: LiveCluster
  private var front: MeshFront

  package init(_ cluster: LiveCluster, front: MeshFront = MeshFront()) {
    self.cluster = cluster
    self.front = front
  }

  /// Sends a request now.
  package func request(_ request: MeshRequest) async -> MeshAnswer { await self.request { _ in request } }

  /// Sends what is made of the port that a single listener plays; see ``MeshFront/visitorsPort``.
  package func visit(_ make: @Sendable (_ port: Int) -> MeshRequest) async -> MeshAnswer {
    await request { make($0.visitorsPort) }
  }

  private func request(_ make: (MeshFront) -> MeshRequest) async -> MeshAnswer {
    let news = await cluster.news(after: front.version)
    front.follow(news)
    let answer = front.request(make(front), at: news.now)
    let lines = front.takeLines()
    if !lines.isEmpty {
      await cluster.update { cluster in
        for line in lines { cluster.log(line.text, pod: line.uid, container: line.container) }
      }
    }
    return answer
  }

  /// Changes the front: its stand-ins, say.
  package func update(_ change: @Sendable (inout MeshFront) -> Void) { change(&front) }
}
