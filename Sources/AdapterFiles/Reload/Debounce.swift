/// Turns a burst of events into one: due once they have paused, or when the first has waited long enough.
///
/// Instants are nanoseconds of a monotonic clock.
struct Debounce {
    let quiet: UInt64
    let longest: UInt64
    private var first: UInt64?
    private var last: UInt64 = 0

    init(quiet: UInt64 = 100_000_000, longest: UInt64 = 500_000_000) {
        self.quiet = quiet
        self.longest = longest
    }

    mutating func note(at now: UInt64) {
        if first == nil { first = now }
        last = now
    }

    /// When the burst is due; nil while there is none.
    var deadline: UInt64? {
        first.map { min($0 &+ longest, last &+ quiet) }
    }

    /// Whether it is due; a burst is so once.
    mutating func takeIfDue(at now: UInt64) -> Bool {
        guard let deadline, deadline <= now else { return false }
        first = nil
        return true
    }
}
