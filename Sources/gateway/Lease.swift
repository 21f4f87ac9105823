import AdapterFiles
import ArgumentParser
import GatewayCore

struct Lease: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "What the gateways on a Postgres database have leased of its budgets.",
        discussion: """
            Gateways that share a database lease slices of its budgets, each as its journal's id. A gateway that is stopped gives its slices
            back; one that was killed does so at its next start. Those of a machine that is gone for good are freed with 'forget'.

            Examples:
              gateway lease list
              gateway lease forget 5f0c…
            """,
        subcommands: [List.self, Forget.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what each gateway has leased in windows that have not ended.",
            discussion: """
                Example:
                  gateway lease list
                """)

        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await options.withLeases { store in
                let leases = try await store.leases()
                for lease in leases where lease.unused != .zero || !lease.isRunning { print(lease.line) }
                if leases.isEmpty { print("no gateway has leased anything") }
            }
        }
    }

    struct Forget: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Free what a gateway that will never come back has leased.",
            discussion: """
                What it has spent and has not brought into the ledger is not known then. 'gateway replay' brings it, from its journal.

                Example:
                  gateway lease forget 5f0c…
                """)

        @OptionGroup var options: ConfigurationOptions

        @Argument(help: ArgumentHelp("The gateway, as 'gateway lease list' shows it.", valueName: "id"))
        var id: String

        func run() async throws {
            try await options.withLeases { store in
                let freed = try await store.forget(gateway: id)
                for lease in freed { print("freed \(lease.unused) of \(lease.account.line)") }
                if freed.isEmpty { throw fail("gateway: no gateway \(id) has leased anything; see 'gateway lease list'") }
            }
        }
    }
}

extension LeaseSummary {
    fileprivate var line: String {
        "\(gateway)\(isRunning ? "" : " (not running)")  \(account.line)  \(unused) unused of \(granted)"
    }
}

extension AccountKey {
    fileprivate var line: String {
        "\(workspace)\(name.isEmpty ? "" : " \(scope.rawValue) \(name)") from \(start.rfc3339) to \(end.rfc3339)"
    }
}

extension ConfigurationOptions {
    fileprivate func withLeases(_ body: (any LeaseStore) async throws -> Void) async throws {
        let engine = try configuration().ledger.engine
        do {
            let ledger = try await LedgerAddress(engine).openReadOnly()
            defer { Task { await ledger.close() } }
            guard let store = ledger.leases else {
                throw fail("gateway: an SQLite ledger belongs to one gateway, which needs no leases; 'lease' is for postgres://…")
            }
            try await body(store)
        } catch let error as LedgerError {
            throw fail("gateway: \(error)")
        }
    }
}
