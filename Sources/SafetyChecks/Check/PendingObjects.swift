/// Objects of which some proxy may act on another version than the newest, by their number. Side by side in arrays: every
/// run that goes another way takes a copy, and each gate goes through all of them.
struct PendingObjects {
  /// In no order.
  private(set) var numbers: [Int] = []
  private var tracked: [Tracked] = []
  /// By number: the place in both; -1 for what is not pending.
  private var places: [Int32] = []

  func contains(_ n: Int) -> Bool { n < places.count && places[n] >= 0 }

  subscript(n: Int) -> Tracked? { contains(n) ? tracked[Int(places[n])] : nil }

  /// Adds an object that is not there.
  mutating func insert(_ object: Tracked, _ n: Int) {
    while places.count <= n { places.append(-1) }
    places[n] = Int32(numbers.count)
    numbers.append(n)
    tracked.append(object)
  }

  mutating func remove(_ n: Int) -> Tracked? {
    guard contains(n) else { return nil }
    let place = Int(places[n])
    places[n] = -1
    // The last one takes its place.
    let (last, object) = (numbers.removeLast(), tracked.removeLast())
    if last == n { return object }
    places[last] = Int32(place)
    numbers[place] = last
    let removed = tracked[place]
    tracked[place] = object
    return removed
  }
}
