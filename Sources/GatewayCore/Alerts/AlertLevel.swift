/// How near to its limit an alert says that a window's spending is. Later cases are worse.
package enum AlertLevel: String, Sendable, Hashable, CaseIterable, Comparable {
    case warning, critical, emergency

    package static func < (left: AlertLevel, right: AlertLevel) -> Bool {
        left.rank < right.rank
    }

    private var rank: Int {
        switch self {
        case .warning: 0
        case .critical: 1
        case .emergency: 2
        }
    }

    /// This one and those that are worse.
    package var andWorse: [AlertLevel] { Self.allCases.filter { $0 >= self } }
}

extension AlertSettings {
    /// Per cent of a limit at which an alert of this level is due.
    package func threshold(of level: AlertLevel) -> Exact {
        switch level {
        case .warning: warning
        case .critical: critical
        case .emergency: emergency
        }
    }
}
