import GatewayCore
import Testing

/// Which alerts are raised, whatever happens in whatever order, and whatever is lost.
@Suite struct AlertQueueTests {
    private static let account = AccountKey(
        workspace: "acme", scope: .workspace, start: monday, end: monday.adding(seconds: 86_400))

    private static func sighting(_ level: AlertLevel, of cents: Int64) -> AlertSighting {
        AlertSighting(
            account: account, window: Window(kind: .daily, start: account.start, end: account.end, offsetAtEnd: 0), level: level,
            threshold: Exact(100), limit: .cents(cents), spent: .cents(1))
    }

    private enum Event: Hashable {
        /// The books show a level of a limit.
        case shown(AlertLevel, Int64)
        /// The ledger takes what is due, and says so.
        case raised
        /// The ledger takes it, and nobody hears.
        case unheard
        /// The process is killed and starts again.
        case killed
    }

    private static let events: [Event] =
        AlertLevel.allCases.flatMap { [.shown($0, 100), .shown($0, 200)] } + [.raised, .unheard, .killed]

    /// The ledger's rule, told in another way: every pair of a level and a limit that an alert speaks for is struck off.
    private struct Ledger {
        var alerts: [(level: AlertLevel, limit: Int64)] = []
        var spoken: Set<[Int64]> = []

        mutating func take(_ due: [AlertSighting]) {
            for sighting in due {
                let (level, limit) = (sighting.level, sighting.limit.nanos)
                guard !spoken.contains([Self.number(level), limit]) else { continue }
                alerts.append((level, limit))
                for other in AlertLevel.allCases where other <= level {
                    for cents: Int64 in [100, 200] where Money.cents(cents).nanos <= limit {
                        spoken.insert([Self.number(other), Money.cents(cents).nanos])
                    }
                }
            }
        }

        func speaks(_ level: AlertLevel, _ cents: Int64) -> Bool { spoken.contains([Self.number(level), Money.cents(cents).nanos]) }

        static func number(_ level: AlertLevel) -> Int64 { Int64(AlertLevel.allCases.filter { $0 < level }.count) }
    }

    /// Every order of six events: what is shown last is raised at last, whoever forgot it; no alert says what an earlier one did; and what comes
    /// between two takings of the ledger is one alert at the most.
    @Test func inEveryOrder() {
        var count = 0
        func run(_ events: [Event]) {
            var (queue, ledger) = (AlertQueue(), Ledger())
            var last: (AlertLevel, Int64)?
            for event in events + [.killed] {
                switch event {
                case .shown(let level, let cents):
                    queue.note(Self.sighting(level, of: cents))
                    last = (level, cents)
                case .raised, .unheard:
                    let due = queue.due(atMost: 10)
                    if due.count > 1 { Issue.record("\(due.count) are due after \(events)") }
                    let before = ledger.alerts.count
                    ledger.take(due)
                    if event == .raised {
                        queue.raised(due)
                        if !queue.isEmpty { Issue.record("something is due still after \(events)") }
                    }
                    if ledger.alerts.count > before + 1 { Issue.record("one taking, more than one alert after \(events)") }
                case .killed:
                    queue = AlertQueue()
                }
            }
            // The books are loaded again and show what is true; the ledger is there.
            if let (level, cents) = last {
                queue.note(Self.sighting(level, of: cents))
                ledger.take(queue.due(atMost: 10))
                if !ledger.speaks(level, cents) { Issue.record("\(level) of \(cents) was never raised after \(events)") }
            }
            count += 1
        }
        func extend(_ events: [Event], _ rest: Int) {
            guard rest > 0 else { return run(events) }
            for event in Self.events { extend(events + [event], rest - 1) }
        }
        extend([], 5)
        #expect(count == 59_049)
    }

    @Test func aJumpIsOneAlertThatNamesTheHighest() {
        var queue = AlertQueue()
        for level in [AlertLevel.warning, .emergency, .critical] { queue.note(Self.sighting(level, of: 100)) }
        let due = queue.due(atMost: 10)
        #expect(due.map(\.level) == [.emergency])
        queue.raised(due)
        for level in AlertLevel.allCases { queue.note(Self.sighting(level, of: 100)) }
        #expect(queue.isEmpty)
    }

    @Test func aRaisedLimitArmsAgainAndALoweredOneDoesNot() {
        var queue = AlertQueue()
        func raise(_ level: AlertLevel, _ cents: Int64) -> [AlertLevel] {
            queue.note(Self.sighting(level, of: cents))
            let due = queue.due(atMost: 10)
            queue.raised(due)
            return due.map(\.level)
        }
        #expect(raise(.warning, 100) == [.warning])
        #expect(raise(.warning, 90) == [])
        #expect(raise(.critical, 90) == [.critical])
        #expect(raise(.critical, 100) == [.critical])
        #expect(raise(.warning, 101) == [.warning])
        #expect(raise(.critical, 90) == [])
    }

    @Test func whatBecomesWorseWhileItIsRaisedStaysDue() {
        var queue = AlertQueue()
        queue.note(Self.sighting(.warning, of: 100))
        let due = queue.due(atMost: 10)
        queue.note(Self.sighting(.critical, of: 100))
        queue.raised(due)
        #expect(queue.due(atMost: 10).map(\.level) == [.critical])
    }

    @Test func endedWindowsAreForgotten() {
        var queue = AlertQueue()
        queue.note(Self.sighting(.warning, of: 100))
        queue.forget(endedBefore: Self.account.end)
        #expect(!queue.isEmpty)
        queue.forget(endedBefore: Self.account.end.adding(seconds: 1))
        #expect(queue.isEmpty && queue.due(atMost: 1).isEmpty)
    }
}
