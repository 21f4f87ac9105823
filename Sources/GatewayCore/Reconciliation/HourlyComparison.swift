/// What a provider and the ledger have counted in about an hour: between the last balances that were told before its start and before its end.
package struct HourlyComparison: Sendable, Hashable {
    package var pool: ProviderPool
    /// The hour's start, UTC.
    package var hour: Timestamp
    /// When the balances had been told that the counts lie between.
    package var from: Timestamp
    package var until: Timestamp
    /// What the ledger counts: at the least and at the most, because calls at the ends may lie on either side.
    package var low: Credits
    package var high: Credits
    /// What the provider has counted.
    package var reported: Credits
    /// By how much that is outside; positive where the provider counts more.
    package var drift: Credits
    /// How much it may be.
    package var bound: Credits
    /// How often the balance has risen, and by how much at the least: there the comparison is cut.
    package var topUps: Int
    package var toppedUp: Credits
    package var createdAt: Timestamp

    package init(
        pool: ProviderPool, hour: Timestamp, from: Timestamp, until: Timestamp, low: Credits, high: Credits, reported: Credits,
        drift: Credits, bound: Credits, topUps: Int = 0, toppedUp: Credits = .zero, createdAt: Timestamp
    ) {
        self.pool = pool
        self.hour = hour
        self.from = from
        self.until = until
        self.low = low
        self.high = high
        self.reported = reported
        self.drift = drift
        self.bound = bound
        self.topUps = topUps
        self.toppedUp = toppedUp
        self.createdAt = createdAt
    }

    package enum Outcome: String, Sendable, Hashable, CaseIterable {
        case within, beyond
        case topUp = "top_up"
    }

    package var isBeyond: Bool { drift.magnitude > bound }

    package var outcome: Outcome { isBeyond ? .beyond : topUps > 0 ? .topUp : .within }

    /// Of what the ledger may have counted, what is nearest to the provider's count.
    package var counted: Credits { reported - drift }

    /// How long an hour is, in microseconds, and how far back the balance before it may lie.
    package static let hourLength: Int64 = 3_600_000_000
    package static let lookback: Int64 = 960 * hourLength

    /// Compares an hour. nil where no two balances were told that could be compared.
    ///
    /// - Parameters:
    ///   - rule: The adapter's.
    ///   - hour: The hour's start.
    ///   - readings: All of the pool's, in any order, that may lie between the balances; further ones change nothing.
    package init?(_ pool: ProviderPool, hour: Timestamp, _ readings: [ProviderReading], by rule: Reconciliation, at now: Timestamp) {
        let end = Timestamp(microseconds: hour.microseconds + Self.hourLength)
        let start = Timestamp(microseconds: hour.microseconds - Self.lookback)
        let told = readings.filter { $0.remaining != nil && $0.endedAt >= start && $0.endedAt <= end }.sorted(by: ProviderReading.isEarlier)
        // The end of one hour's comparison is the beginning of the next one's, or later than that, so that nothing falls between them.
        guard let last = told.last,
            let first = told.last(where: { $0.endedAt <= hour && last.follows($0) }) ?? told.first(where: last.follows)
        else { return nil }
        var course = BalanceCourse(from: first)
        for reading in told.sorted(by: { ($0.startedAt, $0.id) < ($1.startedAt, $1.id) }) { course.take(reading) }
        course.end(with: last)
        let span = CountedSpan(course.segments, readings, ownIsCounted: rule.lag == 0)
        let reported = course.segments.reduce(Credits.zero) { $0 + $1.fall }
        let drift =
            reported > span.high ? reported - span.high : reported < span.low ? reported - span.low : .zero
        self.init(
            pool: pool, hour: hour, from: first.endedAt, until: last.endedAt, low: span.low, high: span.high, reported: reported,
            drift: drift, bound: rule.bound(of: max(reported.magnitude, (reported - drift).magnitude)), topUps: course.topUps,
            toppedUp: course.toppedUp, createdAt: now)
    }
}

/// Two balances between which nothing but calls has changed them, as far as anybody can tell; the second certainly the later.
struct BalanceSegment {
    var start: ProviderReading
    var end: ProviderReading

    /// What the provider counts for what lies between them.
    var fall: Credits { (start.remaining ?? .zero) - (end.remaining ?? .zero) }
}

/// Follows a balance from reading to reading, and cuts it where it has risen: a top-up, or a new period's allowance.
///
/// It has risen where a balance is higher than one that was certainly told before. Answers that race each other, whose intervals overlap, say
/// nothing of the kind. The piece before the cut ends with the lower balance and the next one begins with the higher, so that whatever has
/// raised it is in neither.
private struct BalanceCourse {
    private(set) var segments: [BalanceSegment] = []
    private(set) var topUps = 0
    private(set) var toppedUp = Credits.zero
    /// Where the open piece begins.
    private var start: ProviderReading
    /// The lowest balance of the open piece that is certainly told before what comes next.
    private var lowest: ProviderReading
    /// Readings of the open piece that are not certainly told before what comes next: as many as there are calls at once.
    private var open: [ProviderReading] = []

    init(from first: ProviderReading) {
        start = first
        lowest = first
    }

    /// Takes the next reading, in the order of their starts.
    mutating func take(_ reading: ProviderReading) {
        guard reading.follows(start), let balance = reading.remaining else { return }
        open.removeAll { earlier in
            guard reading.follows(earlier) else { return false }
            if let told = earlier.remaining, let least = lowest.remaining, told <= least { lowest = earlier }
            return true
        }
        guard let least = lowest.remaining, balance > least else { return open.append(reading) }
        close(at: lowest)
        topUps += 1
        toppedUp += balance - least
        start = reading
        lowest = reading
        open = []
    }

    /// The last reading ends the open piece, unless it races with its beginning.
    mutating func end(with last: ProviderReading) {
        if last.follows(start) { close(at: last) }
    }

    private mutating func close(at end: ProviderReading) {
        if end.id != start.id { segments.append(BalanceSegment(start: start, end: end)) }
    }
}

/// What the ledger counts between the balances of some segments, which lie one after the other.
private struct CountedSpan {
    private(set) var low = Credits.zero
    private(set) var high = Credits.zero

    /// - Parameter ownIsCounted: Whether a balance has the call counted that told it; else that may come later.
    init(_ segments: [BalanceSegment], _ readings: [ProviderReading], ownIsCounted: Bool) {
        guard !segments.isEmpty else { return }
        for reading in readings {
            // The first segment that the reading does not lie behind.
            var (index, beyond) = (0, segments.count)
            while index < beyond {
                let middle = (index + beyond) / 2
                if reading.follows(segments[middle].end) { index = middle + 1 } else { beyond = middle }
            }
            // It is counted once, in whichever it may lie.
            var mayLie = false
            while index < segments.count, !segments[index].start.follows(reading) {
                let segment = segments[index]
                index += 1
                if ownIsCounted, reading.id == segment.start.id { continue }
                mayLie = true
                let isCertain =
                    reading.follows(segment.start) && segment.end.follows(reading) || ownIsCounted && reading.id == segment.end.id
                if isCertain { low += reading.low }
            }
            if mayLie { high += reading.high }
        }
    }
}
