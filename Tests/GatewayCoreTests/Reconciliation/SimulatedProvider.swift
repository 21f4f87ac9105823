import GatewayCore
import TestSupport

/// A provider with an exact balance, and gateways that call it: random calls that overlap, answers that overtake each other, failures, clocks
/// that differ, and top-ups. What its readings say is all that a gateway would know.
struct SimulatedProvider {
    struct Settings {
        var calls = 20...150
        /// The longest call, in microseconds.
        var longest: Int64 = 40_000_000
        var lag: Int64 = 0
        var topUps = 0
        /// Of all calls, the share that is charged its estimate, or has no answer, or does not tell the balance.
        var uncertain = 0.1
        /// Credits taken beside the gateways, each at one instant.
        var outside = 0
        /// What the ledger takes a credit for.
        var factor = 1.0
    }

    static let pool = ProviderPool(provider: "acme")
    static let hours = 4
    /// Midnight, when the calls begin.
    static let start = Timestamp(CivilDate(year: 2026, month: 11, day: 23))

    private var random: SplitMix64
    private let settings: Settings
    private(set) var readings: [ProviderReading] = []
    private(set) var outside: [(instant: Int64, amount: Int64)] = []

    init(seed: UInt64, _ settings: Settings) {
        random = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
        self.settings = settings
        run()
    }

    private struct Told {
        var index: Int
        var instant: Int64
    }

    private mutating func run() {
        let length = Int64(Self.hours) * HourlyComparison.hourLength
        // Less than a second between any two.
        let offsets = (0..<3).map { _ in Int64.random(in: 0..<999_999, using: &random) }
        var changes: [(instant: Int64, amount: Int64)] = []
        var told: [Told] = []
        for index in 0..<Int.random(in: settings.calls, using: &random) {
            let start = Int64.random(in: 0..<length, using: &random)
            // Some short, some long.
            let end = start + Int64.random(in: 1_000...(Bool.random(using: &random) ? 2_000_000 : settings.longest), using: &random)
            let counted = Int64.random(in: start...end + settings.lag, using: &random)
            let credits = Int64.random(in: 0...30, using: &random) * 1_000_000
            changes.append((counted, -credits))
            let known = Int64(Double(credits) * settings.factor)
            let offset = offsets[index % 3]
            var reading = ProviderReading(
                id: CallID(high: 1, low: UInt64(index)), pool: Self.pool, startedAt: instant(start + offset),
                endedAt: instant(end + offset + settings.lag), low: Credits(micros: known), high: Credits(micros: known))
            var tells = true
            if Double.random(in: 0..<1, using: &random) < settings.uncertain {
                // A charge by estimate, an answer that never came, or the gateway's end.
                reading.low = .zero
                reading.high = Credits(micros: known + Int64.random(in: 0...40, using: &random) * 1_000_000)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: break
                case 1: tells = false
                default:
                    tells = false
                    reading.endedAt = instant(start + offset + HourlyComparison.hourLength + settings.lag)
                }
            } else if Int.random(in: 0..<8, using: &random) == 0 {
                tells = false
            }
            // With the own call counted, unless the provider is late.
            if tells {
                told.append(Told(index: index, instant: Int64.random(in: (settings.lag > 0 ? start : counted)...end, using: &random)))
            }
            readings.append(reading)
        }
        for _ in 0..<settings.topUps {
            // More than is counted in the time that an order of answers is unknown.
            changes.append(
                (Int64.random(in: 0..<length, using: &random), 100_000_000_000 + Int64.random(in: 0...1_000_000, using: &random)))
        }
        for _ in 0..<settings.outside {
            let instant = Int64.random(in: 0..<length, using: &random)
            outside.append((instant, Int64.random(in: 1...5, using: &random) * 100_000_000))
        }
        changes += outside.map { ($0.instant, -$0.amount) }
        changes.sort { $0.instant < $1.instant }
        var balance: Int64 = 1_000_000_000_000
        var next = 0
        for tale in told.sorted(by: { $0.instant < $1.instant }) {
            while next < changes.count, changes[next].instant <= tale.instant {
                balance += changes[next].amount
                next += 1
            }
            readings[tale.index].remaining = Credits(micros: balance)
        }
        readings.shuffle(using: &random)
    }

    private func instant(_ microseconds: Int64) -> Timestamp { Timestamp(microseconds: Self.start.microseconds + microseconds) }

    /// Every hour's comparison, the first before the calls and the last behind them.
    func comparisons(_ rule: Reconciliation? = nil) -> [HourlyComparison] {
        (-1...Self.hours + 1).compactMap { hour in
            HourlyComparison(
                Self.pool, hour: Self.start.adding(seconds: Int64(hour) * 3600), readings, by: rule ?? Reconciliation(lag: settings.lag),
                at: Self.start)
        }
    }
}
