/// What a person wants of a run.
package enum RunGoal: Hashable, Sendable {
  /// Everything up to `steps` steps stands. What stands already is looked at and left alone.
  case apply(steps: Int)
  /// Go on with whatever was under way, in the direction in which it was.
  case resume
  /// Back to what stood after `steps` steps; nil: before the step that was last done or begun.
  case rollback(steps: Int?)
}

/// One run of a plan against a cluster:
///
///     let run = Run(itinerary, environment: environment, options: options, stop: stop)
///     let result = await run.perform(.apply(steps: itinerary.stepCount))
///
/// Everything that a person sees of it comes through `environment.tell`.
package struct Run: Sendable {
  package let itinerary: Itinerary
  package let environment: RunEnvironment
  package let options: RunOptions
  package let stop: StopSignal

  package init(_ itinerary: Itinerary, environment: RunEnvironment, options: RunOptions = .init(), stop: StopSignal) {
    self.itinerary = itinerary
    self.environment = environment
    self.options = options
    self.stop = stop
  }
}
