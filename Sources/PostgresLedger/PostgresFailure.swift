import GatewayCore

/// What went wrong with a connection or a statement.
struct PostgresFailure: Error {
    /// The SQLSTATE, where the server gave one.
    var state = ""
    /// Without secrets, in one line.
    var message: String
    /// The column that the server names.
    var column: String?
    /// The connection is of no use any more.
    var isConnectionLost = false

    /// What it means to those who use the ledger.
    var ledgerError: LedgerError {
        switch state {
        case "42P01", "42703", "42704", "3F000":
            LedgerError(.schema, "Postgres: \(message); run 'gateway migrate' on this database")
        default:
            LedgerError(.unavailable, "Postgres: \(message)\(advice)")
        }
    }

    private var advice: String {
        switch state {
        case "25006": "; this server is read-only, a standby perhaps"
        case "42501": "; give the gateway's role the right to read and write the tables"
        default: ""
        }
    }

    /// Whether a statement fails for one of its rows, and would for ever: data that no column takes, a constraint, a size, a trigger's refusal.
    /// A column that must have a value and that the gateway does not know is none of the row's fault.
    var concernsRowOnly: Bool {
        switch state.prefix(2) {
        case "22", "54": true
        case "23": state != "23502" || column.map { CostColumns.names.contains($0) } ?? false
        default: state == "P0001"
        }
    }

    /// Whether a statement on a table that an application owns fails for what the table is, or for its row: waiting for it would block
    /// what stands behind it. Outages, and what comes of doing two things at once, pass.
    var concernsTableOnly: Bool {
        !isConnectionLost && !["", "08", "25", "40", "53", "55", "57", "58", "F0", "XX"].contains(state.prefix(2))
    }

    /// Whether another connection may do better: this one is gone, or leads to a server that takes no records.
    var endsConnection: Bool { isConnectionLost || state == "25006" }
}
