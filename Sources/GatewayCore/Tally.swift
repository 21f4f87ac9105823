/// What has been spent and is held in one window of one scope.
///
/// Amounts are nano-dollars in 128 bits: no sum of 64-bit ones reaches their end, so that what is added can always be taken back exactly.
struct Tally {
    let start: Timestamp
    let end: Timestamp
    var spent: Int128 = 0
    var held: Int128 = 0
    /// Reservations that are open in it, those of nothing included.
    var open = 0
    /// The highest limit whose rest was too small for a call that was refused for it, with nothing else to blame.
    var refusedLimit: Money?
    /// This gateway's part of the account, where other gateways spend from it too.
    var lease: Lease?

    init(_ window: Window) {
        start = window.start
        end = window.end
    }

    mutating func spend(_ cost: Int128) {
        spent += cost
        lease?.spend(cost)
    }
}

/// One scope's tallies: the current day and month, and ended ones that calls in flight still count in.
///
/// Confined to the shard that it belongs to.
final class ScopeTallies {
    /// Two as a rule, so that looking through them is the fastest way to find one.
    private(set) var tallies: [Tally] = []
    /// Whether something has changed since alerts were looked for.
    var isMarked = false
    /// How fast the windows' spending grows, of those that have a limit.
    var paces: [Pace] = []

    func index(of window: Window) -> Int? {
        tallies.firstIndex { $0.start == window.start && $0.end == window.end }
    }

    func tally(_ window: Window) -> Tally? {
        index(of: window).map { tallies[$0] }
    }

    /// Changes a window's tally, which begins at nothing.
    func update(_ window: Window, _ change: (inout Tally) -> Void) {
        if let index = index(of: window) {
            change(&tallies[index])
        } else {
            var tally = Tally(window)
            change(&tally)
            tallies.append(tally)
        }
    }

    func hold(_ amount: Int128, in windows: Windows) {
        func add(_ tally: inout Tally) {
            tally.held += amount
            tally.open += 1
            tally.lease?.take(amount)
        }
        update(windows.daily, add)
        update(windows.monthly, add)
    }

    /// Takes a hold back and counts what the call cost.
    func end(_ amount: Int128, cost: Int128, in windows: Windows) {
        func take(_ tally: inout Tally) {
            tally.held -= amount
            tally.open -= 1
            tally.spend(cost)
        }
        update(windows.daily, take)
        update(windows.monthly, take)
    }

    /// Forgets windows that ended before an instant and that nothing is open in.
    func removeEnded(before instant: Timestamp) {
        if tallies.contains(where: { $0.open == 0 && $0.end < instant }) {
            tallies.removeAll { $0.open == 0 && $0.end < instant }
        }
    }

    func removeAll() {
        tallies.removeAll(keepingCapacity: true)
    }
}

extension Money {
    /// The nearest amount that there is.
    init(clamping nanos: Int128) {
        self.init(nanos: Int64(clamping: nanos))
    }
}
