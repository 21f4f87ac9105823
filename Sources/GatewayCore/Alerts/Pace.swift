/// How fast a window's spending grows: since the window began, and once it has been watched for an hour, over the last hour or two.
///
/// Two points are enough: the one that the rate counts from, and a later one that takes its place when it is an hour old itself.
struct Pace: Sendable {
    private struct Point {
        var instant: Timestamp
        var spent: Int128
    }

    let start: Timestamp
    let end: Timestamp
    private var from: Point
    private var next: Point?

    private static let hour: Int64 = 3_600_000_000

    init(start: Timestamp, end: Timestamp) {
        self.start = start
        self.end = end
        from = Point(instant: start, spent: 0)
    }

    mutating func note(_ spent: Int128, at now: Timestamp) {
        if let point = next, now.microseconds - point.instant.microseconds < Self.hour { return }
        if let point = next { from = point }
        next = Point(instant: now, spent: spent)
    }

    /// When a limit will be used up if spending goes on as it does; nil where the window ends before, or nothing is being spent.
    func runsOut(_ limit: Money, spent: Int128, at now: Timestamp) -> Timestamp? {
        let rest = Int128(limit.nanos) - spent
        guard rest > 0 else { return now < end ? now : nil }
        let (gained, elapsed) = (spent - from.spent, Int128(now.microseconds) - Int128(from.instant.microseconds))
        guard gained > 0, elapsed > 0 else { return nil }
        let instant = Int128(now.microseconds) + (rest * elapsed + gained - 1) / gained
        guard instant < Int128(end.microseconds) else { return nil }
        return Timestamp(microseconds: Int64(instant))
    }
}
