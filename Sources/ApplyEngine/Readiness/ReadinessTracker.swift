package import KubernetesModel

/// Follows one object from our write until it is ready or surely not: the state that the pure rules do not have.
///
/// It takes what a watch brings in any order, late, twice or not at all: what is older than our write, or than what it has
/// seen, changes nothing. Time is given, never read.
package struct ReadinessTracker: Sendable {
  package let written: Value
  private let options: ReadinessOptions
  /// The newest version that was seen.
  private(set) var latest: Value?
  private var end: Cause?
  private var suspects: [String: Duration] = [:]
  private var podCauses: [Cause] = []
  private var storageClasses: [Value]?
  private var events: [Value] = []

  /// - Parameter written: the server's answer to our write, status and all.
  package init(written: Value, options: ReadinessOptions = .init()) {
    self.written = written
    self.options = options
  }

  /// Takes in a version of the object.
  package mutating func saw(_ object: Value) {
    if isOlder(object, than: latest ?? written) { return }
    if uid(object) != uid(written), uid(written) != nil {
      end = Cause("Replaced", "it was deleted and made anew while we waited", in: subject(written))
      return
    }
    if (generation(object) ?? 0) < (generation(written) ?? 0) { return }
    latest = object
  }

  /// Takes in the end of an object of this name, in its last version.
  package mutating func sawRemoval(of object: Value) {
    // The end of a predecessor, told late.
    if uid(object) != uid(written) { return }
    end = Cause("Deleted", "it was deleted while we waited", in: subject(written))
  }

  /// Takes in what a whole list has of it: without the object, it is gone.
  package mutating func sawListed(_ object: Value?) {
    guard let object else {
      end = Cause("Deleted", "it was deleted while we waited", in: subject(written))
      return
    }
    saw(object)
  }

  /// What its pods and their events say, from `causes(pods:events:owners:since:options:)`.
  package mutating func learned(_ causes: [Cause]) { podCauses = causes }

  /// What a volume claim is judged by.
  package mutating func learned(storageClasses: [Value]?, events: [Value]) {
    self.storageClasses = storageClasses
    self.events = events
  }

  /// The verdict at a moment of the caller's clock, which must not go backwards.
  package mutating func verdict(at now: Duration) -> Readiness {
    if let end { return .failed(end) }
    guard let latest else { return .waiting("it was not seen since it was written") }
    var result = readiness(of: latest, after: written, options: options)
    if ObjectID(latest)?.kind == "PersistentVolumeClaim", case .waiting = result {
      result = claimReadiness(latest, storageClasses: storageClasses, events: events)
    }
    guard case .waiting(let text, let suspect) = result else {
      suspects = [:]
      return result
    }
    let isToStop = ObjectID(latest)?.kind == "Deployment" && latest.at("spec", "replicas")?.int == 0
    let candidates = (isToStop ? [] : podCauses) + (suspect.map { [$0] } ?? [])
    var standing: [String: Duration] = [:]
    for cause in candidates {
      // A pod of the same ReplicaSet may take over a crash loop: the reason counts, not the pod.
      let since = suspects[cause.reason] ?? now
      standing[cause.reason] = since
      switch cause.certainty {
      case .definite: return .failed(cause)
      case .probable(let grace): if now - since >= grace { return .failed(cause) }
      case .slow: break
      }
    }
    suspects = standing
    return .waiting(text, suspect: candidates.first)
  }

  private func uid(_ object: Value) -> String? { object.at("metadata", "uid")?.string }

  /// Versions of one kind are ordered numbers (KEP-5504); where one is not a number, nothing is known.
  private func isOlder(_ object: Value, than other: Value) -> Bool {
    guard let a = object.at("metadata", "resourceVersion")?.string.flatMap({ UInt64($0) }),
      let b = other.at("metadata", "resourceVersion")?.string.flatMap({ UInt64($0) })
    else { return false }
    return a < b
  }
}
