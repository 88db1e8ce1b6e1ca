/// What the objects are called that a plan's runs keep in its namespace.
package enum PlanNames {
  /// The Lease: who may run the plan.
  package static func lock(_ plan: String) -> String { "rolloutc-\(plan)" }
  /// The ConfigMap with what the plan owns and how far its run is.
  package static func record(_ plan: String) -> String { "rolloutc-\(plan)" }
  /// The ConfigMap by which people on other machines answer.
  package static func requests(_ plan: String) -> String { "rolloutc-\(plan)-requests" }
  /// The roles of `rolloutc rbac`.
  static func role(_ plan: String) -> String { "rolloutc-\(plan)" }
}
