package import ClusterAPI
package import Diagnostics
package import Lowering

/// Everything that a run touches besides the plan. Nothing else is read: no other clock, no environment variable, no file.
package struct RunEnvironment: Sendable {
  package var cluster: any Cluster
  package var clock: RunClock
  /// Now as RFC 3339 with microseconds, for people who read objects.
  package var wallTime: @Sendable () -> String
  /// 0..<1, for jitter.
  package var random: @Sendable () -> Double
  package var journal: any Journal
  package var prober: (any Prober)?
  /// What to look at where the gateway does not answer as it should; nil: at the mesh.
  package var gatewayAdvice: String?
  package var metrics: (any MetricSource)?
  package var decider: (any Decider)?
  /// The text of the element that a CSS selector finds in a page; nil where it finds none.
  package var elementText: @Sendable (_ page: ProbeAnswer, _ selector: String) throws(ProbeError) -> String?
  /// Takes the events of the run, in order. It must not wait for anybody.
  package var tell: @Sendable (RunEvent) -> Void
  package var identity: RunIdentity
  /// Proves a way back over several steps at once, which no check of the plan has asked about; what it finds, the worst
  /// first. Nil: nobody asks.
  package var faults: (@Sendable (LongWayBack) -> [Diagnostic])?

  package init(
    cluster: any Cluster, clock: RunClock, wallTime: @escaping @Sendable () -> String,
    random: @escaping @Sendable () -> Double, journal: any Journal, identity: RunIdentity,
    tell: @escaping @Sendable (RunEvent) -> Void
  ) {
    self.cluster = cluster
    self.clock = clock
    self.wallTime = wallTime
    self.random = random
    self.journal = journal
    self.identity = identity
    self.tell = tell
    elementText = { (_, _) throws(ProbeError) in
      throw ProbeError("pages cannot be read here", isFinal: true)
    }
  }
}

/// Who runs.
package struct RunIdentity: Hashable, Sendable {
  /// Unique to this process's attempt: holds the lock.
  package var run: String
  /// For people: `ann@build-7, pid 4711`.
  package var who: String

  package init(run: String, who: String) {
    self.run = run
    self.who = who
  }
}

package struct RunOptions: Hashable, Sendable {
  /// How long every proxy may take to act on what was written.
  package var settle: Duration = .seconds(5)
  /// Consecutive answers with the new stamp before the settle time begins.
  package var stampAnswers = 5
  /// How long the stamp may take to show.
  package var stampWithin: Duration = .seconds(60)
  /// A Deployment without a deadline of its own.
  package var readyWithin: Duration = .seconds(600)
  /// How long to wait for somebody else's lock; zero: not at all.
  package var waitForLock: Duration = .zero
  package var readiness = ReadinessOptions()
  /// Writes of one phase that are under way at once.
  package var concurrency = 16
  /// How long the lock outlives its last sign of life.
  package var leaseSeconds = 30
  /// A look at the lock serves the writes of so long.
  package var lockLookAge: Duration = .milliseconds(100)
  /// What stands is looked at again before a phase when the last look is so old: a step may wait for hours, and somebody may
  /// have deleted what the next phase relies on.
  package var lookAge: Duration = .seconds(10)
  /// For how long the API server may give no answer before a wait for something in the cluster ends.
  package var silence: Duration = .seconds(120)
  /// Ends the run at a question that nobody here can answer, instead of waiting for an answer from elsewhere.
  package var leavesAtQuestions = false
  package var decisions = WriteDecisions()
  /// What is done was approved as a whole: before each step it is looked whether it would still be just that.
  package var isApproved = false
  /// Where the cluster does not remember what the plan did: what stands is what stood after so many steps.
  package var assumedSteps: Int?
  /// What the command line makes of the plan, as it is to be given again: `--env prod`, `--set copies=3`.
  package var planOptions: [String] = []

  package init() {}
}
