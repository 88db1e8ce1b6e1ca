import Lowering

/// The rules that say in which order the transition from one state to the next is written, one for one. The numbers are
/// those of the seven parts of "make before break"; each rule has mutations that take it away.
enum OrderingRule: String, CaseIterable, CustomStringConvertible {
  case namespaceFirst = "1. the namespace comes before what stands in it"
  case mtlsLoosensFirst = "1. PeerAuthentication loosens before clients change"
  case claimsFirst = "1. claims, ConfigMaps and accounts come before the pods that use them"
  case gatewaysFirst = "1. gateways stand, or nobody comes in"
  case portsFirst = "1. Services have the ports of both states before anything is led to them"

  case subsetsFirst = "2. rules define the subsets of both states before a route names one"
  case subsetsSettle = "2. gate: rules have settled before routes name their subsets"

  case lanesBeforePods = "3. the lanes of the new state are there before its pods"
  case callersStay = "3. while lanes open, every caller of the old state stays where it was"
  case pinnedBeforePods = "3. with `routing open`, a component is pinned before its new pods come"
  case lanesSettle = "3. gate: lanes have settled before somebody comes by the entry"

  case volumesFreed = "4. a volume is free before another version takes it over"
  case podsFirst = "4. pods start before routes lead to them"
  case podsReady = "4. gate: the pods are ready"

  case entryMoves = "5. the entry moves"
  case switchesSettle = "5. gate: the switch has settled before anything is taken away"

  case entryBeforeLanes = "6. lanes close after the entry has let go"
  case quitBeforeLanes = "6. who runs by itself stops before its lanes close"
  case lanesOutlivePods = "6. lanes close after the last pod that they are for, visited or not"
  case quitDone = "6. gate: who runs by itself is gone before its lanes close"
  case entryDrains = "6. gate: what visitors came to has drained before it stops"
  case innerDrains = "6. gate: what callers came to has drained before it stops"
  case lanesCloseSettled = "6. gate: closed lanes have settled before rules are narrowed"

  case subsetsLast = "7. rules are narrowed after no route names the subset"
  case podsStopLast = "7. pods stop, and fewer of them stay, after the routes have moved"
  case unpinnedLast = "7. with `routing open`, a component is unpinned when no other pod is left"
  case portsLast = "7. Services lose ports after the last who dials them"
  case claimsLast = "7. claims, ConfigMaps and accounts go after the pods that use them"
  case gatewaysLast = "7. gateways and entry routes go after their visitors"
  case volumesWithConsent = "7. volumes go only with consent"
  case mtlsTightensLast = "7. PeerAuthentication tightens after clients have changed"

  var description: String { rawValue }
}

/// What is written in some order that nothing rests on: the order is for people, and every other one is proved, too.
enum FreeOrder: String, CaseIterable, CustomStringConvertible {
  case insidePhases = "3. to 7. inside a phase: callees first, or callers first"
  case innerThenEntry = "5. inner routes move before the entry: each caller has its lane already, by rule 3"
  case innerSettles = "5. gate: inner routes have settled before the entry moves"
  case narrowedThenStopped = "7. rules are narrowed before pods stop: once nothing names a subset, it may be empty"
  case narrowingSettles = "7. gate: narrowed rules have settled before pods stop"
  case stoppedThenDeleted = "7. gate: pods are gone before their Deployment is deleted"

  var description: String { rawValue }
}
