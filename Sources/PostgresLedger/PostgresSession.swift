internal import Dispatch
import GatewayCore
import Synchronization

/// A connection that is made when it is needed, and made again when it is lost.
///
/// Everything that waits for the server waits on a serial queue of the session's own, and so not on the concurrency runtime's few threads.
/// While the server cannot be reached, uses fail at once with the last reason until the next try is due.
final class PostgresSession: @unchecked Sendable {
    // Unchecked: the variables are used on `queue` alone, which runs one block at a time.
    private let queue: DispatchQueue
    private var connection: PostgresConnection?
    private var lastFailure: LedgerError?
    private var nextTry = ContinuousClock.now
    private var pause = firstPause

    private let connect: @Sendable (StopFlag) throws -> PostgresConnection
    private let repeats: Bool
    private let isStopped = StopFlag()

    private static let firstPause = Duration.milliseconds(50)
    private static let longestPause = Duration.seconds(5)

    /// - Parameter repeats: Whether a use whose connection turns out to be lost is tried once more on a new one: right for reading alone.
    /// - Parameter connect: Makes a connection that is ready for use. Throws ``PostgresFailure`` or ``LedgerError``.
    init(_ name: String, repeats: Bool, connect: @escaping @Sendable (StopFlag) throws -> PostgresConnection) {
        queue = DispatchQueue(label: "ledger-\(name)")
        self.repeats = repeats
        self.connect = connect
    }

    /// Runs `body` with the connection. A cancelled task does not wait for the end, which comes all the same.
    func use<Value: Sendable>(_ body: @escaping @Sendable (PostgresConnection) throws -> Value) async throws(LedgerError) -> Value {
        let reply = Reply<Value>()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                reply.wait(continuation)
                queue.async { [self] in
                    guard !reply.isGiven else { return }
                    reply.give(Result { () throws(LedgerError) in try run(body) })
                }
            }
        } onCancel: {
            reply.give(.failure(LedgerError(.unavailable, "the task that waits for Postgres was cancelled")))
        }
        return try result.get()
    }

    /// Ends the connection, and with it what is running. Waits for that, but not for a server that cannot be reached.
    func close() async {
        isStopped.raise()
        let reply = Reply<Void>()
        _ = await withCheckedContinuation { continuation in
            reply.wait(continuation)
            queue.async { [self] in
                connection = nil
                reply.give(.success(()))
            }
            DispatchQueue.global().asyncAfter(deadline: .now() + 1) { reply.give(.success(())) }
        }
    }

    private func run<Value>(_ body: (PostgresConnection) throws -> Value) throws(LedgerError) -> Value {
        let wasThere = connection != nil
        do {
            return try attempt(body)
        } catch {
            guard repeats, wasThere, connection == nil, !isStopped.isRaised else { throw error }
            return try attempt(body)
        }
    }

    private func attempt<Value>(_ body: (PostgresConnection) throws -> Value) throws(LedgerError) -> Value {
        let connection = try connected()
        do {
            return try body(connection)
        } catch let failure as PostgresFailure {
            if failure.endsConnection { self.connection = nil }
            throw failure.ledgerError
        } catch {
            throw Self.ledgerError(error)
        }
    }

    private func connected() throws(LedgerError) -> PostgresConnection {
        guard !isStopped.isRaised else { throw LedgerError(.unavailable, "the ledger is closed") }
        if let connection { return connection }
        if let lastFailure, ContinuousClock.now < nextTry { throw lastFailure }
        do {
            let made = try connect(isStopped)
            connection = made
            lastFailure = nil
            pause = Self.firstPause
            return made
        } catch {
            let failure = Self.ledgerError(error)
            lastFailure = failure
            // At random, so that gateways do not come back all at once.
            nextTry = .now + pause * Double.random(in: 0.5...1)
            pause = min(pause * 2, Self.longestPause)
            throw failure
        }
    }

    private static func ledgerError(_ error: any Error) -> LedgerError {
        switch error {
        case let error as LedgerError: error
        case let failure as PostgresFailure: failure.ledgerError
        default: LedgerError(.unavailable, "Postgres: \(error)")
        }
    }
}

/// An answer for one waiting task: the first that is given counts.
private final class Reply<Value: Sendable>: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Result<Value, LedgerError>, Never>)
        case given(Result<Value, LedgerError>)
        case done
    }

    private let state = Mutex(State.open)

    var isGiven: Bool {
        state.withLock { state in
            switch state {
            case .open, .awaited: false
            case .given, .done: true
            }
        }
    }

    func wait(_ continuation: CheckedContinuation<Result<Value, LedgerError>, Never>) {
        let given = state.withLock { state -> Result<Value, LedgerError>? in
            if case .given(let result) = state {
                state = .done
                return result
            }
            state = .awaited(continuation)
            return nil
        }
        if let given { continuation.resume(returning: given) }
    }

    func give(_ result: Result<Value, LedgerError>) {
        let continuation = state.withLock { state -> CheckedContinuation<Result<Value, LedgerError>, Never>? in
            switch state {
            case .open:
                state = .given(result)
                return nil
            case .awaited(let continuation):
                state = .done
                return continuation
            case .given, .done:
                return nil
            }
        }
        continuation?.resume(returning: result)
    }
}
