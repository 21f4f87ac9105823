import Synchronization

/// A time zone by its IANA name, and the days and months of its calendar.
///
/// The rules are the machine's own, from its tzdata package: they change with it, at the next start.
package struct Zone: Sendable {
    package let name: String
    private let rules: ZoneRules

    /// Nil for a name that the machine's time zone database does not have. Names are case-sensitive, as they are there.
    /// UTC is known without any.
    package init?(_ name: String) {
        if name == "UTC" {
            self = .utc
            return
        }
        guard let rules = ZoneFile.read(name).flatMap(ZoneRules.init(tzif:)) else { return nil }
        self.init(name: name, rules: rules)
    }

    package init(name: String, rules: ZoneRules) {
        self.name = name
        self.rules = rules
    }

    package static let utc = Zone(name: "UTC", rules: .utc)

    package static func isValid(_ name: String) -> Bool {
        Zone(name) != nil
    }

    /// Seconds that are added to UTC to get the zone's time at an instant.
    package func offset(at instant: Timestamp) -> Int {
        offset(instant.seconds)
    }

    private func offset(_ second: Int64) -> Int {
        rules.offset(at: second)
    }

    /// The day and the month that an instant lies in.
    package func windows(at instant: Timestamp) -> Windows {
        let second = instant.seconds
        let local = second + Int64(offset(second))
        var day = Int(local >= 0 ? local / 86_400 : (local + 1) / 86_400 - 1)
        // Where clocks go back over midnight, the day that has begun goes on although they show the one before again.
        while start(ofDay: day + 1) <= second { day += 1 }
        let date = CivilDate(daysSince1970: day)
        let month = CivilDate(year: date.year, month: date.month, day: 1)
        let next = CivilDate(year: date.month == 12 ? date.year + 1 : date.year, month: date.month == 12 ? 1 : date.month + 1, day: 1)
        return Windows(
            daily: window(.daily, from: day, to: day + 1),
            monthly: window(.monthly, from: month.daysSince1970, to: next.daysSince1970))
    }

    private func window(_ kind: WindowKind, from first: Int, to next: Int) -> Window {
        let end = start(ofDay: next)
        return Window(
            kind: kind, start: Timestamp(seconds: start(ofDay: first)), end: Timestamp(seconds: end), offsetAtEnd: offset(end))
    }

    /// The first second at which the zone's clocks show the day (given in days since 1970) or a later one.
    ///
    /// Mostly that is midnight. Where clocks are put forward over midnight it is the moment they are; where they are put back
    /// over it, the first of the two midnights. A day that is left out altogether starts, and ends, where the next does.
    private func start(ofDay day: Int) -> Int64 {
        let midnight = Int64(day) * 86_400
        // No zone is further than 15 hours from UTC. Hour by hour, because no zone changes its clocks twice in one.
        var hour = midnight - 15 * 3600
        var offset = Int64(offset(hour))
        while hour < midnight + 15 * 3600 {
            let next = hour + 3600
            let nextOffset = Int64(self.offset(next))
            let change = nextOffset == offset ? next : self.change(after: hour, upTo: next)
            if midnight - offset < change { return max(hour, midnight - offset) }
            if midnight - nextOffset < next { return max(change, midnight - nextOffset) }
            (hour, offset) = (next, nextOffset)
        }
        return hour
    }

    /// The second at which a new offset begins, somewhere after `hour` and not after `next`.
    private func change(after hour: Int64, upTo next: Int64) -> Int64 {
        let before = offset(hour)
        var (low, high) = (hour, next)
        while high - low > 1 {
            let middle = (low + high) / 2
            if offset(middle) == before { low = middle } else { high = middle }
        }
        return high
    }
}

/// Whether a name is an IANA time zone's.
package func isValidZone(_ name: String) -> Bool {
    Zone.isValid(name)
}

/// The current windows of each zone in use, so that they are computed once a day and not once for each workspace.
final class WindowCache: Sendable {
    private struct Entry {
        var zone: Zone
        var windows: Windows
        var days: [Window: [Timestamp]] = [:]
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// A zone that is not known counts as UTC; the configuration's reader refuses such names.
    func windows(zone name: String, at instant: Timestamp) -> Windows {
        entries.withLock { entries in
            if let entry = entries[name], entry.windows.contains(instant) { return entry.windows }
            let zone = entries[name]?.zone ?? Zone(name) ?? .utc
            let windows = zone.windows(at: instant)
            entries[name] = Entry(zone: zone, windows: windows)
            return windows
        }
    }

    /// When the days begin that lie in a window, and the one before it.
    func days(in window: Window, zone name: String) -> [Timestamp] {
        entries.withLock { entries in
            if let days = entries[name]?.days[window] { return days }
            let zone = entries[name]?.zone ?? Zone(name) ?? .utc
            var days: [Timestamp] = []
            var day = zone.windows(at: window.start.adding(seconds: -1)).daily
            while day.start < window.end {
                days.append(day.start)
                day = zone.windows(at: day.end).daily
            }
            entries[name]?.days[window] = days
            return days
        }
    }

    /// Whether a day of the zone begins at an instant.
    func isDayStart(_ instant: Timestamp, zone name: String) -> Bool {
        let zone = entries.withLock { $0[name]?.zone } ?? Zone(name) ?? .utc
        return zone.windows(at: instant).daily.start == instant
    }
}
