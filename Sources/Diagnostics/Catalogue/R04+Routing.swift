/// `R04`: routing and the order of steps.
extension Code {
  package static let routeToUndeployed = Code("R0401", "route-to-undeployed")
  package static let retireLive = Code("R0402", "retire-live")
  package static let neverRouted = Code("R0403", "never-routed", .warning)
  package static let unreachableVerify = Code("R0404", "unreachable-verify", .warning)
  package static let shadowedRoute = Code("R0405", "shadowed-route", .warning)
  package static let shareDoesNotRise = Code("R0406", "share-does-not-rise", .warning)
  package static let callerWithoutCallee = Code("R0407", "caller-without-callee", .warning)
  package static let cookieNotDeclared = Code("R0408", "cookie-not-declared", .warning)
  package static let overlappingRoutes = Code("R0409", "overlapping-routes", .warning)
  package static let innerVisitorRoute = Code("R0410", "inner-visitor-route", .warning)
  package static let sharesOver100 = Code("R0411", "shares-over-100")
  package static let rollbackPastDestroyed = Code("R0412", "rollback-past-destroyed")
  package static let nothingToRetire = Code("R0413", "nothing-to-retire")
  package static let versionInNoRelease = Code("R0414", "version-in-no-release")
  package static let sharedCallerConflict = Code("R0415", "shared-caller-conflict")
  package static let incompleteRelease = Code("R0416", "incomplete-release")
  package static let nothingToUnroute = Code("R0417", "nothing-to-unroute")
  package static let notExposed = Code("R0418", "not-exposed")
  package static let shiftEndsEarly = Code("R0419", "shift-ends-early", .warning)
  package static let noEffect = Code("R0420", "no-effect", .warning)
  package static let stickyNotPossible = Code("R0421", "sticky-not-possible")
  package static let waitForUndeployed = Code("R0422", "wait-for-undeployed")
  package static let notInFailureBlock = Code("R0423", "not-in-failure-block")
  package static let rollbackTarget = Code("R0424", "rollback-target")
  package static let roundRobin = Code("R0425", "round-robin", .warning)
  package static let needsHTTP = Code("R0426", "needs-http")
  package static let portLost = Code("R0427", "port-lost", .warning)
  package static let portGone = Code("R0428", "port-gone")
  package static let shrinksUnsaid = Code("R0429", "shrinks-unsaid", .warning)
  package static let callUnsaid = Code("R0430", "call-unsaid", .warning)
  package static let nobodyCalls = Code("R0431", "nobody-calls", .warning)
  package static let portUnserved = Code("R0432", "port-unserved", .warning)
  package static let fewerPods = Code("R0433", "fewer-pods", .warning)
  package static let mirrorReplaced = Code("R0434", "mirror-replaced", .warning)
  package static let stickyDropped = Code("R0435", "sticky-dropped", .warning)
  package static let innerPathApart = Code("R0436", "inner-path-apart", .warning)

  static let routing: [Code] = [
    .routeToUndeployed, .retireLive, .neverRouted, .unreachableVerify, .shadowedRoute, .shareDoesNotRise,
    .callerWithoutCallee, .cookieNotDeclared, .overlappingRoutes, .innerVisitorRoute, .sharesOver100,
    .rollbackPastDestroyed, .nothingToRetire, .versionInNoRelease, .sharedCallerConflict, .incompleteRelease,
    .nothingToUnroute, .notExposed, .shiftEndsEarly, .noEffect, .stickyNotPossible, .waitForUndeployed,
    .notInFailureBlock, .rollbackTarget, .roundRobin, .needsHTTP, .portLost, .portGone, .shrinksUnsaid,
    .callUnsaid, .nobodyCalls, .portUnserved, .fewerPods, .mirrorReplaced, .stickyDropped,
    .innerPathApart,
  ]
}
