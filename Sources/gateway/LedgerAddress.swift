import GatewayCore
import PostgresLedger
import SQLiteLedger

/// Where the ledger is: the one place that knows its engines.
enum LedgerAddress: CustomStringConvertible {
    case sqlite(path: String)
    case postgres(PostgresURL)

    init(_ engine: LedgerSettings.Engine) throws(LedgerError) {
        switch engine {
        case .sqlite(let path): self = .sqlite(path: path)
        case .postgres(let url): self = .postgres(try PostgresURL(url))
        }
    }

    /// Whether several gateways may write it.
    var isShared: Bool {
        switch self {
        case .sqlite: false
        case .postgres: true
        }
    }

    /// Opens it for writing, as often as it takes.
    ///
    /// - Parameter gateway: As whom: its journal's id. nil for a command that is no gateway.
    func opener(gateway: String?) -> @Sendable () async throws(LedgerError) -> any Ledger {
        switch self {
        case .sqlite(let path): SQLiteLedger.opener(path: path, clock: machineClock)
        case .postgres(let url):
            { () async throws(LedgerError) in try await PostgresLedger.open(url, gateway: gateway, clock: machineClock) }
        }
    }

    /// Opens it for reading beside a gateway that serves.
    func openReadOnly() async throws(LedgerError) -> any Ledger {
        switch self {
        case .sqlite(let path): try SQLiteLedger.readOnly(path, clock: machineClock)
        case .postgres(let url): try await PostgresLedger.readOnly(url, clock: machineClock)
        }
    }

    /// Whether it has tables for people and companies.
    var storesEntities: Bool {
        switch self {
        case .sqlite: false
        case .postgres: true
        }
    }

    /// Without anything secret.
    var description: String {
        switch self {
        case .sqlite(let path): "sqlite:\(path)"
        case .postgres(let url): "postgres://\(url.place)"
        }
    }
}
