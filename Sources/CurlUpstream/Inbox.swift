import CCurl
import Glibc
import Synchronization

/// What other threads ask of a loop. A loop is woken at most once a batch, and not at all while it is awake.
final class Inbox: Sendable {
    enum Command: Sendable {
        /// A new call.
        case send(CurlCall)
        /// A call that waited has its place among its provider's calls.
        case proceed(CurlCall)
        case body(CurlCall, [UInt8])
        case finishBody(CurlCall)
        /// The receiver has caught up.
        case resume(CurlCall)
        case cancel(CurlCall)
        case stop
    }

    private struct State {
        var commands: [Command] = []
        var isAsleep = false
        var isClosed = false
    }

    private let state = Mutex(State())
    /// An eventfd. It is watched for edges, so nobody needs to read it.
    let descriptor: Int32

    init() throws(CurlSetupError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard descriptor >= 0 else { throw CurlSetupError("eventfd: \(String(cString: strerror(errno)))") }
    }

    deinit {
        _ = Glibc.close(descriptor)
    }

    /// False when the loop has ended and nothing will be done about it.
    @discardableResult
    func post(_ command: Command) -> Bool {
        let (isOpen, mustWake) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.commands.append(command)
            let wasAsleep = state.isAsleep
            state.isAsleep = false
            return (true, wasAsleep)
        }
        // The only way for this to fail is a full counter, which wakes the loop as well.
        if mustWake { _ = eventfd_write(descriptor, 1) }
        return isOpen
    }

    /// Exchanges what has come for an empty array, whose capacity is used again.
    func take(into commands: inout [Command]) {
        commands.removeAll(keepingCapacity: true)
        state.withLock { swap(&$0.commands, &commands) }
    }

    /// True when nothing has come: from now on a post wakes the loop.
    func fallAsleep() -> Bool {
        state.withLock { state in
            state.isAsleep = state.commands.isEmpty
            return state.isAsleep
        }
    }

    func wakeUp() {
        state.withLock { $0.isAsleep = false }
    }

    /// Refuses what comes from now on; returns what had come.
    func close() -> [Command] {
        state.withLock { state in
            state.isClosed = true
            defer { state.commands = [] }
            return state.commands
        }
    }
}

/// The transport cannot start: no descriptors, threads or memory left.
package struct CurlSetupError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
