internal import CPostgres
import GatewayCore
import Glibc
import Synchronization

/// One connection, always in pipeline mode: what is run together goes out together, is one transaction, and takes one round trip.
///
/// It waits with `poll`, so it belongs on a thread that may wait, and on one at a time.
final class PostgresConnection {
    let url: PostgresURL
    private let handle: OpaquePointer
    /// Ends all waiting.
    private let isStopped: StopFlag
    /// Whoever writes knows what this connection's database has (``PostgresLedger``).
    var knowsPosition = false
    /// The tables of entities as this connection has seen them.
    var entityTables: [EntityRecord.Kind: EntityTable] = [:]
    /// Seconds that the server may take over a statement; nil for any time.
    private(set) var patience: Int?

    /// Connects, which may take as long as `connect_timeout` says for each server that the URL names.
    init(_ url: PostgresURL, applicationName: String, patience: Int?, isStopped: StopFlag) throws(PostgresFailure) {
        let parameters = url.parameters(applicationName: applicationName)
        let handle = withCStrings(parameters.map(\.name)) { names in
            withCStrings(parameters.map(\.value)) { values in PQconnectdbParams(names, values, 1) }
        }
        guard let handle else { throw PostgresFailure(message: "no memory for a connection", isConnectionLost: true) }
        self.url = url
        self.handle = handle
        self.isStopped = isStopped
        guard PQstatus(handle) == CONNECTION_OK else { throw lost() }
        guard PQserverVersion(handle) >= 120_000 else {
            throw PostgresFailure(message: "\(url.place) is older than Postgres 12", isConnectionLost: true)
        }
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else { throw lost() }
        try settle(patience: patience)
    }

    deinit {
        PQfinish(handle)
    }

    /// The server's version, as it says it.
    var serverVersion: String {
        PQparameterStatus(handle, "server_version").map { String(cString: $0) } ?? "?"
    }

    /// The session's settings. The server's own timeouts free the advisory lock of a gateway that is gone without a word.
    private func settle(patience: Int?) throws(PostgresFailure) {
        let answers = try run(
            [
                PostgresStatement(
                    """
                    SELECT set_config(name, value, false) FROM (VALUES
                        ('timezone', 'UTC'), ('datestyle', 'ISO'), ('jit', 'off'), ('client_min_messages', 'warning'),
                        ('default_transaction_isolation', 'read committed'), ('statement_timeout', $1), ('lock_timeout', '0'),
                        ('idle_in_transaction_session_timeout', '60s'), ('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'),
                        ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '25s'), ('client_connection_check_interval', '5s'),
                        ('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END)
                    ) AS wanted (name, value) WHERE EXISTS (SELECT FROM pg_settings WHERE pg_settings.name ILIKE wanted.name)
                    """, PostgresParameter("\(patience ?? 0)s")),
                PostgresStatement("SELECT current_setting('server_encoding')"),
            ])
        self.patience = patience
        guard answers[1].text(0, 0) == "UTF8" else {
            throw PostgresFailure(
                message: "\(url.place) has an encoding other than UTF8, which cannot hold every text", isConnectionLost: true)
        }
    }

    /// Lets the server take longer over each statement from here on.
    func extendPatience(to seconds: Int) throws(PostgresFailure) {
        try run([PostgresStatement("SELECT set_config('statement_timeout', $1, false)", PostgresParameter("\(seconds)s"))])
        patience = seconds
    }

    /// Runs statements in one round trip. Outside of an explicit transaction they are one: all of them, or none.
    @discardableResult
    func run(_ statements: [PostgresStatement]) throws(PostgresFailure) -> [PostgresRows] {
        // The server gives up first; one that does not answer at all is given up here, a little later.
        let deadline = patience.map { Self.now() + ($0 + min($0, 5)) * 1000 } ?? .max
        for statement in statements { try send(statement) }
        guard PQpipelineSync(handle) == 1 else { throw lost() }
        try flush(until: deadline)
        var rows: [PostgresRows] = []
        var failure: PostgresFailure?
        for _ in statements {
            guard let result = try next(until: deadline) else { throw lost() }
            switch PQresultStatus(result) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK:
                rows.append(PostgresRows(result))
            case PGRES_PIPELINE_ABORTED:
                // Not run, because of the one that failed.
                PQclear(result)
            default:
                let refusal = failed(result)
                PQclear(result)
                guard !refusal.isConnectionLost else { throw refusal }
                failure = failure ?? refusal
            }
            guard try next(until: deadline) == nil else { throw lost("it answered more than was asked") }
        }
        guard let end = try next(until: deadline) else { throw lost() }
        defer { PQclear(end) }
        guard PQresultStatus(end) == PGRES_PIPELINE_SYNC else { throw failed(end) }
        if let failure { throw failure }
        return rows
    }

    /// Runs one statement in a transaction of its own, which is what CREATE INDEX CONCURRENTLY needs.
    @discardableResult
    func run(_ sql: String, _ parameters: PostgresParameter...) throws(PostgresFailure) -> PostgresRows {
        try run([PostgresStatement(sql, parameters: parameters)])[0]
    }

    private func send(_ statement: PostgresStatement) throws(PostgresFailure) {
        let sent = Self.withPointers(statement.parameters[...], []) { values in
            PQsendQueryParams(handle, statement.sql, Int32(statement.parameters.count), nil, values, nil, nil, 0)
        }
        guard sent == 1 else { throw lost() }
    }

    private static func withPointers(
        _ parameters: ArraySlice<PostgresParameter>, _ pointers: [UnsafePointer<CChar>?], _ body: ([UnsafePointer<CChar>?]) -> Int32
    ) -> Int32 {
        guard let first = parameters.first else { return body(pointers) }
        guard let bytes = first.bytes else { return withPointers(parameters.dropFirst(), pointers + [nil], body) }
        return bytes.withUnsafeBytes { buffer in
            withPointers(parameters.dropFirst(), pointers + [buffer.bindMemory(to: CChar.self).baseAddress], body)
        }
    }

    private func next(until deadline: Int) throws(PostgresFailure) -> OpaquePointer? {
        while PQisBusy(handle) == 1 {
            try wait(Int16(POLLIN), until: deadline)
            guard PQconsumeInput(handle) == 1 else { throw lost() }
        }
        return PQgetResult(handle)
    }

    /// Sends everything, and reads meanwhile: a server that waits for its answers to be read would not read what is sent.
    private func flush(until deadline: Int) throws(PostgresFailure) {
        while true {
            let left = PQflush(handle)
            guard left != 0 else { return }
            guard left == 1 else { throw lost() }
            let ready = try wait(Int16(POLLIN | POLLOUT), until: deadline)
            if ready & Int16(POLLIN) != 0, PQconsumeInput(handle) != 1 { throw lost() }
        }
    }

    @discardableResult
    private func wait(_ events: Int16, until deadline: Int) throws(PostgresFailure) -> Int16 {
        while true {
            guard !isStopped.isRaised else { throw PostgresFailure(message: "the ledger is closed", isConnectionLost: true) }
            let rest = deadline - Self.now()
            guard rest > 0 else { throw lost("it has not answered in time") }
            var descriptor = pollfd(fd: PQsocket(handle), events: events, revents: 0)
            // In slices, so that closing does not wait for a server that is silent.
            let count = poll(&descriptor, 1, Int32(min(rest, 200)))
            if count > 0 { return descriptor.revents }
            if count < 0, errno != EINTR { throw lost(String(cString: strerror(errno))) }
        }
    }

    // MARK: What went wrong

    private func lost(_ reason: String? = nil) -> PostgresFailure {
        let said = PQerrorMessage(handle).map { String(cString: $0) } ?? ""
        let text = reason ?? (said.isEmpty ? "the connection was lost" : said)
        return PostgresFailure(message: url.redacted(reason == nil ? text : "\(url.place): \(text)"), isConnectionLost: true)
    }

    private func failed(_ result: OpaquePointer) -> PostgresFailure {
        func field(_ code: Int) -> String? { PQresultErrorField(result, Int32(code)).map { String(cString: $0) } }
        guard let state = field(CPOSTGRES_STATE), let message = field(CPOSTGRES_MESSAGE) else { return lost() }
        let severity = field(CPOSTGRES_SEVERITY) ?? ""
        let detail = field(CPOSTGRES_DETAIL).map { " (\($0))" } ?? ""
        return PostgresFailure(
            state: state, message: url.redacted(message + detail), column: field(CPOSTGRES_COLUMN),
            isConnectionLost: severity == "FATAL" || severity == "PANIC" || PQstatus(handle) == CONNECTION_BAD)
    }

    /// Milliseconds of the monotonic clock.
    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}

/// Raised once, from anywhere.
final class StopFlag: Sendable {
    private let flag = Atomic(false)

    var isRaised: Bool { flag.load(ordering: .acquiring) }

    func raise() {
        flag.store(true, ordering: .releasing)
    }
}
