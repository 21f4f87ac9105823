/// The offsets that a zone has year after year: the TZ string of POSIX, with RFC 9636's extensions, as in `EST5EDT,M3.2.0,M11.1.0`.
struct RecurringRule: Sendable, Hashable {
    private var standard: Int
    private var daylight: Daylight?

    private struct Daylight: Sendable, Hashable {
        var offset: Int
        var start: Change
        var end: Change
    }

    /// A moment of every year, on the clocks that it changes.
    private struct Change: Sendable, Hashable {
        enum Day: Sendable, Hashable {
            /// 1…365: February 29 is never counted.
            case julian(Int)
            /// 0…365: February 29 is counted.
            case ofYear(Int)
            /// A weekday (0 is Sunday) of a week (5 is the last) of a month.
            case weekday(Int, week: Int, month: Int)
        }

        var day: Day
        /// After midnight, in seconds; may be negative or beyond a day.
        var time: Int

        /// In seconds since 1970, on the zone's own clocks.
        func local(year: Int) -> Int64 {
            Int64(daysSince1970(year: year)) * 86_400 + Int64(time)
        }

        private func daysSince1970(year: Int) -> Int {
            let newYear = CivilDate(year: year, month: 1, day: 1).daysSince1970
            switch day {
            case .julian(let number):
                let isLeap = CivilDate(year: year, month: 2, day: 29).isValid
                return newYear + number - 1 + (isLeap && number >= 60 ? 1 : 0)
            case .ofYear(let number):
                return newYear + number
            case .weekday(let weekday, let week, let month):
                let first = CivilDate(year: year, month: month, day: 1).daysSince1970
                // 1970-01-01 was a Thursday.
                let firstWeekday = ((first + 4) % 7 + 7) % 7
                var day = first + (weekday - firstWeekday + 7) % 7 + (week - 1) * 7
                let next = CivilDate(year: month == 12 ? year + 1 : year, month: month == 12 ? 1 : month + 1, day: 1).daysSince1970
                if day >= next { day -= 7 }
                return day
            }
        }
    }

    /// Seconds to add to UTC at an instant in seconds since 1970.
    func offset(at second: Int64) -> Int {
        guard let daylight else { return standard }
        let local = second + Int64(standard)
        let days = local >= 0 ? local / 86_400 : (local + 1) / 86_400 - 1
        let year = CivilDate(daysSince1970: Int(days)).year
        let start = daylight.start.local(year: year) - Int64(standard)
        let end = daylight.end.local(year: year) - Int64(daylight.offset)
        // South of the equator, and where winter time is the exception, the year begins within it.
        let isDaylight = start < end ? start <= second && second < end : !(end <= second && second < start)
        return isDaylight ? daylight.offset : standard
    }

    /// Nil for text that is no such rule.
    init?(posix text: ArraySlice<UInt8>) {
        var scanner = Scanner(rest: text)
        guard scanner.name(), let standard = scanner.time(limit: 24) else { return nil }
        self.standard = -standard
        if scanner.rest.isEmpty { return }
        guard scanner.name() else { return nil }
        var offset = self.standard + 3600
        if scanner.rest.first != UInt8(ascii: ",") {
            guard let given = scanner.time(limit: 24) else { return nil }
            offset = -given
        }
        guard let start = scanner.change(), let end = scanner.change(), scanner.rest.isEmpty else { return nil }
        daylight = Daylight(offset: offset, start: start, end: end)
    }

    private struct Scanner {
        var rest: ArraySlice<UInt8>

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest = rest.dropFirst()
            return true
        }

        /// Three letters or more, or anything in angle brackets.
        mutating func name() -> Bool {
            if take("<") {
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else { return false }
                rest = rest[(end + 1)...]
                return true
            }
            let letters = rest.prefix { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }
            rest = rest.dropFirst(letters.count)
            return letters.count >= 3
        }

        mutating func number(_ range: ClosedRange<Int>) -> Int? {
            let digits = rest.prefix { (0x30...0x39).contains($0) }
            guard (1...3).contains(digits.count) else { return nil }
            rest = rest.dropFirst(digits.count)
            let value = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
            return range.contains(value) ? value : nil
        }

        /// `[+-]hh[:mm[:ss]]` in seconds.
        mutating func time(limit hours: Int) -> Int? {
            let sign = take("-") ? -1 : 1
            if sign == 1 { _ = take("+") }
            guard var seconds = number(0...hours).map({ $0 * 3600 }) else { return nil }
            if take(":") {
                guard let minutes = number(0...59) else { return nil }
                seconds += minutes * 60
                if take(":") {
                    guard let rest = number(0...59) else { return nil }
                    seconds += rest
                }
            }
            return sign * seconds
        }

        mutating func change() -> Change? {
            guard take(","), let day = day() else { return nil }
            guard take("/") else { return Change(day: day, time: 2 * 3600) }
            return time(limit: 167).map { Change(day: day, time: $0) }
        }

        private mutating func day() -> Change.Day? {
            if take("J") { return number(1...365).map { .julian($0) } }
            guard take("M") else { return number(0...365).map { .ofYear($0) } }
            guard let month = number(1...12), take("."), let week = number(1...5), take("."), let weekday = number(0...6) else {
                return nil
            }
            return .weekday(weekday, week: week, month: month)
        }
    }
}
