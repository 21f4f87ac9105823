import DataPlane
import Dispatch
import GatewayCore
import Logging
import Synchronization

/// Standard error, for lines that never hold up whoever writes them.
///
/// A line is put into a buffer, and one thread writes what has gathered. When nobody reads (a full pipe, a terminal that is held), that thread
/// waits and the buffer fills; lines for which there is no room are dropped and counted, and a line tells of them when there is room again. The log
/// is no record of calls: the journal and the ledger are, and they lose none.
final class LogOutput: CallLog, Sendable {
    /// The process's own.
    static let standardError = LogOutput()

    private struct State {
        var waiting: [UInt8] = []
        /// Lines lost since the reader was told of any.
        var dropped = 0
        /// The thread will look.
        var isScheduled = false
    }

    private let state = Mutex(State())
    /// What every call looks at: the index of the level among all.
    private let level = Atomic<Int>(2)
    private let isJSON = Atomic<Bool>(false)
    private let allDropped = Atomic<Int>(0)
    private let queue = DispatchQueue(label: "gateway.log")

    private static let capacity = 4 << 20
    /// How long lines are gathered. One write for many, and the thread is not woken for each.
    private static let gathering = DispatchTimeInterval.milliseconds(20)
    /// How long the end of the process waits for the reader.
    private static let patience = DispatchTimeInterval.seconds(1)

    /// Puts settings in force.
    func adopt(_ settings: LogSettings) {
        level.store(settings.level.severity, ordering: .relaxed)
        isJSON.store(settings.format == .json, ordering: .relaxed)
    }

    var format: LogFormat { isJSON.load(ordering: .relaxed) ? .json : .text }

    var callFormat: LogFormat? { level.load(ordering: .relaxed) <= LogLevel.info.severity ? format : nil }

    var leastSevere: Logger.Level { Logger.Level(LogLevel.allCases[level.load(ordering: .relaxed)]) }

    /// Lines lost since the start.
    var droppedLines: Int { allDropped.load(ordering: .relaxed) }

    func append(_ line: LogLine) { append(line, isUrgent: false) }

    /// - Parameter isUrgent: Whether it is written at once, because it may be the process's last.
    func append(_ line: LogLine, isUrgent: Bool) {
        let isFirst = state.withLock { state in
            guard state.waiting.count + line.bytes.count <= Self.capacity else {
                state.dropped += 1
                allDropped.add(1, ordering: .relaxed)
                return false
            }
            state.waiting += line.bytes
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if isUrgent {
            queue.async { self.flush() }
        } else if isFirst {
            queue.asyncAfter(deadline: .now() + Self.gathering) { self.flush() }
        }
    }

    private func flush() {
        while true {
            let (lines, dropped) = state.withLock { state in
                let found = (state.waiting, state.dropped)
                (state.waiting, state.dropped) = ([], 0)
                if found.0.isEmpty, found.1 == 0 { state.isScheduled = false }
                return found
            }
            if lines.isEmpty, dropped == 0 { return }
            writeError(lines)
            guard dropped > 0 else { continue }
            var line = LogLine(
                "lines of the log were lost: its reader did not take them in time", level: "warning", at: machineClock(), as: format)
            line.add("lines", dropped)
            line.end()
            writeError(line.bytes)
        }
    }

    /// Returns when what has been logged is written, or after a second in which nobody reads.
    func drain() {
        guard state.withLock({ $0.isScheduled }) else { return }
        let written = DispatchSemaphore(value: 0)
        queue.async {
            self.flush()
            written.signal()
        }
        _ = written.wait(timeout: .now() + Self.patience)
    }
}

extension LogLevel {
    fileprivate var severity: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

extension Logger.Level {
    /// The same in the logger's words.
    init(_ level: LogLevel) {
        self =
            switch level {
            case .trace: .trace
            case .debug: .debug
            case .info: .info
            case .notice: .notice
            case .warning: .warning
            case .error: .error
            case .critical: .critical
            }
    }

    fileprivate var word: StaticString {
        switch self {
        case .trace: "trace"
        case .debug: "debug"
        case .info: "info"
        case .notice: "notice"
        case .warning: "warning"
        case .error: "error"
        case .critical: "critical"
        }
    }
}

/// The loggers' way into the log.
struct OutputLogHandler: LogHandler {
    private let output: LogOutput
    /// A level of one logger's own.
    private var ownLevel: Logger.Level?
    var metadata: Logger.Metadata = [:]

    init(_ output: LogOutput) {
        self.output = output
    }

    var logLevel: Logger.Level {
        get { ownLevel ?? output.leastSevere }
        set { ownLevel = newValue }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = LogLine("\(event.message)", level: event.level.word, at: machineClock(), as: output.format)
        let metadata = metadata.merging(event.metadata ?? [:]) { $1 }
        for (name, value) in metadata.sorted(by: { $0.key < $1.key }) { line.add(named: name, "\(value)") }
        if let error = event.error { line.add("error", "\(error)") }
        line.end()
        output.append(line, isUrgent: event.level >= .warning)
    }
}
