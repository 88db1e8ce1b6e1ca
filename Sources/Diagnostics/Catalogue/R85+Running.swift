/// `R85`: what fails while a plan runs. R8501 to R8509 are of the run itself, R8510 on of what a run asks the outside,
/// R8520 on of what is looked at before the first write, R8540 on of what a cluster remembers.
extension Code {
  package static let writeRefused = Code("R8501", "write-refused")
  package static let notOurs = Code("R8502", "not-ours")
  package static let fieldConflict = Code("R8503", "field-conflict")
  package static let notReady = Code("R8504", "not-ready")
  package static let vanished = Code("R8505", "vanished")
  package static let gateFailed = Code("R8506", "gate-failed")
  package static let notApproved = Code("R8507", "not-approved")
  package static let clusterFailed = Code("R8508", "cluster-failed")
  package static let journalFailed = Code("R8509", "journal-failed")
  package static let verifyFailed = Code("R8510", "verify-failed")
  package static let cannotAsk = Code("R8511", "cannot-ask")
  package static let metricBreached = Code("R8512", "metric-breached")
  package static let metricUnreadable = Code("R8513", "metric-unreadable")
  package static let recordMismatch = Code("R8540", "record-mismatch")
  package static let lockLost = Code("R8541", "lock-lost")

  static let running: [Code] = [
    .writeRefused, .notOurs, .fieldConflict, .notReady, .vanished, .gateFailed, .notApproved, .clusterFailed,
    .journalFailed, .verifyFailed, .cannotAsk, .metricBreached, .metricUnreadable, .recordMismatch, .lockLost,
  ]
}
