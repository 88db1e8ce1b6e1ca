internal import ClusterAPI
package import KubernetesModel
internal import Lowering

/// What a list says of one object.
package enum Glance: Sendable {
  case there(Value)
  case absent

  /// As many are asked for one by one: a list that may hold others' objects must be worth it.
  static func few(_ isOurs: Bool) -> Int { isOurs ? 4 : 50 }
}

extension Cluster {
  /// What stands of these objects, as far as lists tell: one list costs the server a fraction of what a GET of each does.
  ///
  /// What they say nothing of (a few objects, a kind that may not be listed, a list without an answer) is to be looked at by
  /// itself, and that look says what is wrong.
  ///
  /// - Parameter isOurs: only what has our labels is listed, however much of others stands beside it; what is not in the
  ///   list may have lost them, so nothing is called absent.
  func glance(
    at targets: [(id: ObjectID, target: ObjectReference)], isOurs: Bool
  ) async -> [ObjectID: Glance] {
    let few = Glance.few(isOurs)
    var wanted: [ObjectCollection: Set<ObjectID>] = [:]
    var order: [ObjectCollection] = []
    for (id, target) in targets {
      if wanted[target.collection] == nil { order.append(target.collection) }
      wanted[target.collection, default: []].insert(id)
    }
    var seen: [ObjectID: Glance] = [:]
    let ours = "app.kubernetes.io/managed-by=\(ObjectWriter.fieldManager)"
    for collection in order {
      guard let ids = wanted[collection], ids.count > few,
        let list = try? await list(isOurs ? collection.selecting(ours) : collection)
      else { continue }
      if !isOurs { for id in ids { seen[id] = .absent } }
      for object in list.items {
        if let id = ObjectID(object), ids.contains(id) { seen[id] = .there(object) }
      }
    }
    return seen
  }

  /// What stands of `ids`, by lists where that is less work. What is not there, or of a kind that is not, is left out.
  ///
  /// - Parameter isOurs: as ``glance(at:isOurs:)`` has it.
  func standing(
    of ids: some Sequence<ObjectID>, isOurs: Bool
  ) async throws(UnreadObject) -> [(id: ObjectID, live: Value)] {
    var targets: [(id: ObjectID, target: ObjectReference)] = []
    for id in ids {
      do throws(ClusterError) {
        targets.append((id, try await reference(to: id)))
      } catch {
        if !error.isNotFound { throw UnreadObject(id: id, error: error) }
      }
    }
    let seen = await glance(at: targets, isOurs: isOurs)
    var found: [(id: ObjectID, live: Value)] = []
    for (id, target) in targets {
      switch seen[id] {
      case .there(let object): found.append((id, object))
      case .absent: continue
      case nil:
        do throws(ClusterError) {
          found.append((id, try await get(target)))
        } catch {
          if !error.isNotFound { throw UnreadObject(id: id, error: error) }
        }
      }
    }
    return found
  }
}

/// The object that cannot be read, and why.
struct UnreadObject: Error {
  var id: ObjectID
  var error: ClusterError
}
