internal import KubernetesModel
package import Lowering

/// Phases in an order in which nobody should write them.
package func disturbed(_ phases: [Phase], _ random: inout SeededGenerator) -> [Phase] {
  var phases = phases
  for _ in 0..<(1 + random.below(3)) where !phases.isEmpty {
    let i = random.below(phases.count)
    switch random.below(7) {
    case 0: phases.shuffle(using: &random)
    case 1 where i + 1 < phases.count:
      phases[i].writes += phases[i + 1].writes.filter { write in !phases[i].writes.contains { $0.id == write.id } }
      phases[i].gates += phases[i + 1].gates
      phases.remove(at: i + 1)
    case 2 where !phases[i].gates.isEmpty: phases[i].gates.remove(at: random.below(phases[i].gates.count))
    case 3: phases[i].writes.remove(at: random.below(phases[i].writes.count))
    case 4: phases.swapAt(i, random.below(phases.count))
    case 5: for p in phases.indices { phases[p].writes.removeAll { $0.id.kind == "Service" && $0.action == .update } }
    default: phases.remove(at: i)
    }
    phases.removeAll { $0.writes.isEmpty }
  }
  return phases
}
