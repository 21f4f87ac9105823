/// How the log is written.
package struct LogSettings: Sendable, Hashable {
    package var format: LogFormat
    /// The least severe lines that are shown. A call's line is `info`.
    package var level: LogLevel

    package init(format: LogFormat = .text, level: LogLevel = .info) {
        self.format = format
        self.level = level
    }
}

package enum LogFormat: String, Sendable, Hashable, CaseIterable {
    /// Time, level, message, then `name=value`.
    case text
    /// An object a line.
    case json
}

/// From the least severe to the most.
package enum LogLevel: String, Sendable, Hashable, CaseIterable {
    case trace, debug, info, notice, warning, error, critical
}
