package import ClusterAPI
package import Diagnostics
package import KubernetesModel
package import Lowering

/// What a run would do if it began now, against what the cluster holds: a plan in the sense of Terraform.
package struct LivePlan: Sendable {
  /// Who says that a change is as it is shown.
  package enum Check: Hashable, Sendable {
    /// The server tried it, and keeps it to itself.
    case server
    /// Worked out here: something before it changes the object first. The server checks it when its time has come.
    case local
    /// Its namespace or its kind comes in a step, counted from 0.
    case notBefore(step: Int)
  }

  package struct Conflict: Hashable, Sendable {
    package var conflict: FieldConflict
    package var live: Value?
    package var ours: Value?
    /// A person said that it may be taken.
    package var isTaken: Bool
  }

  package struct Change: Sendable {
    package var id: ObjectID
    package var action: Write.Action
    /// The plan's line.
    package var origin: SourceRange
    /// In step order; empty for what is deleted.
    package var fields: [FieldChange]
    package var check: Check
    /// Of the object that stands there.
    package var uid: String?
    package var conflicts: [Conflict] = []
    package var warnings: [String] = []
    /// How many fields an adoption takes over from client-side apply.
    package var takeOver = 0
    /// Who wrote what is put back.
    package var writers: [String] = []
  }

  /// An object of the plan that somebody else took away. A run ends where it comes to it.
  package struct Gone: Hashable, Sendable {
    package enum Way: Hashable, Sendable {
      case deleted
      /// Another object of its name stands there now.
      case replaced
      /// It stands, and is being deleted.
      case terminating
    }

    package var id: ObjectID
    package var way: Way
  }

  package struct Step: Sendable {
    /// Counted from 0.
    package var index: Int
    package var name: String
    package var changes: [Change]
  }

  package var course: Course
  /// For how many steps everything stands.
  package var stepsDone: Int
  package var isBetweenSteps: Bool
  /// What stands and is no longer as it was written; a run puts it back before it goes on.
  package var drift: [Change]
  package var gone: [Gone] = []
  package var steps: [Step]
  /// Why a run would not come through: changes that the server refuses, objects that are gone.
  package var problems: [Diagnostic]
  /// What a run remembers, in words: that the plan was edited.
  package var notes: [String]

  package var changes: [Change] { drift + steps.flatMap(\.changes) }
  package var isEmpty: Bool { changes.isEmpty && gone.isEmpty }
}

/// Why there is no plan.
package struct LivePlanError: Error, Sendable {
  /// With `isRefused`, what is remembered does not fit the plan.
  package var diagnostic: Diagnostic
  package var isRefused: Bool
}
