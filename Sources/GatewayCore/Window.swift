/// How long a limit counts.
package enum WindowKind: String, Sendable, Hashable, CaseIterable {
    case daily, monthly
}

/// A day or a month as a time zone's calendar has it: the instants from `start` up to, not including, `end`.
package struct Window: Sendable, Hashable {
    package let kind: WindowKind
    package let start: Timestamp
    /// When the next window begins and spending starts again at nothing.
    package let end: Timestamp
    /// The zone's distance from UTC when the window ends, in seconds.
    package let offsetAtEnd: Int
    /// The end in RFC 3339 with the zone's own offset, made once for the many answers that carry it.
    package let resetText: String

    package init(kind: WindowKind, start: Timestamp, end: Timestamp, offsetAtEnd: Int) {
        self.kind = kind
        self.start = start
        self.end = end
        self.offsetAtEnd = offsetAtEnd
        resetText = end.rfc3339(offset: offsetAtEnd)
    }

    package func contains(_ instant: Timestamp) -> Bool {
        start <= instant && instant < end
    }
}

/// The day and the month of one instant. Every day lies within one month, so the day alone says whether both still hold.
package struct Windows: Sendable, Hashable {
    package let daily: Window
    package let monthly: Window

    package init(daily: Window, monthly: Window) {
        self.daily = daily
        self.monthly = monthly
    }

    package func contains(_ instant: Timestamp) -> Bool {
        daily.contains(instant)
    }

    package subscript(kind: WindowKind) -> Window {
        switch kind {
        case .daily: daily
        case .monthly: monthly
        }
    }
}
