import AdapterFiles
import ArgumentParser
import GatewayCore
import JSONPath

struct Key: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make, list and revoke callers' keys.",
        discussion: """
            With 'auth: { mode: keys }', callers show a key in the place of the provider's own. Asks the running gateway, else writes to
            the ledger itself. A key that is made or revoked is in force on every gateway within a second.

            Examples:
              gateway key create --workspace acme --name "billing service"
              gateway key list --workspace acme
              gateway key revoke 01J9ZK…
            """,
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key and print it: it is shown this once, and stored only as its SHA-256.",
            discussion: """
                Examples:
                  gateway key create --workspace acme
                  gateway key create --workspace acme --name "billing service" --operation enrich_person --rate 5 --expires 90d
                """)

        @OptionGroup var options: ConfigurationOptions

        @Option(help: "The workspace that pays for calls with this key.")
        var workspace: String

        @Option(help: "What it is for, to tell keys apart.")
        var name: String?

        @Option(
            help: "When it ends: a day or an instant (2027-01-01, 2027-01-01T12:00:00Z), or in so many days (90d); never when left out.")
        var expires: String?

        @Option(name: .customLong("provider"), help: "A provider that it may call; all when left out. Can be repeated.")
        var providers: [String] = []

        @Option(name: .customLong("operation"), help: "An operation that it may call; all when left out. Can be repeated.")
        var operations: [String] = []

        @Option(help: "Calls a second, such as 5 or 0.5; any number when left out.")
        var rate: String?

        func validate() throws {
            _ = try wish(at: machineClock())
        }

        func run() async throws {
            let configuration = try options.configuration()
            let wish = try wish(at: machineClock())
            let reply = await configuration.adminClient.send(
                "POST", "/v1/keys", body: ("application/json", wish.json.serialized))
            let (id, secret): (String, String)
            if let reply {
                guard reply.status == 201, let made = reply.json, let madeID = made["id"]?.string, let key = made["key"]?.string else {
                    throw fail("gateway: \(reply.refusal)")
                }
                (id, secret) = (madeID, key)
            } else {
                let mark = ChangeMarks(gateway: nil).next(from: ChangeMark.command)
                let made = wish.key(id: CallIDGenerator().next(at: mark.instant), at: mark.instant)
                try await configuration.withLedger { store throws(LedgerError) in try await store.add(made.key, mark) }
                (id, secret) = (made.key.id.description, made.secret.reveal())
            }
            printNow(secret)
            printError("key \(id) of workspace \(wish.workspace): keep it now, it is not shown again")
            if configuration.authentication != .keys {
                printError("note: config.yaml has 'auth: { mode: header }', which asks for no key")
            }
        }

        private func wish(at now: Timestamp) throws -> KeyWish {
            var wish = KeyWish(workspace: workspace, name: name)
            if let expires {
                let days = expires.hasSuffix("d") ? Int64(expires.dropLast()) : nil
                guard let end = days.flatMap({ (1...36_500).contains($0) ? now.adding(seconds: $0 * 86_400) : nil }) ?? Timestamp(expires)
                else { throw ValidationError("--expires is a day, an instant, or a number of days such as 90d.") }
                wish.expiresAt = end
            }
            if !providers.isEmpty { wish.permissions.providers = Set(providers) }
            if !operations.isEmpty { wish.permissions.operations = Set(operations) }
            if let rate {
                guard let read = CallRate(rate) else { throw ValidationError("--rate is a number from 0.001 to 1000000.") }
                wish.permissions.rate = read
            }
            do {
                // The one place that knows what is right.
                return try KeyWish(json: wish.json.serialized, now: now)
            } catch {
                throw ValidationError(error.problems.joined(separator: " "))
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List keys, without what is secret in them.",
            discussion: """
                Examples:
                  gateway key list
                  gateway key list --workspace acme --format json
                """)

        @OptionGroup var options: ConfigurationOptions

        @Option(help: "Only this workspace's.")
        var workspace: String?

        @Option(help: "table or json.")
        var format: Format = .table

        enum Format: String, ExpressibleByArgument, CaseIterable {
            case table, json
        }

        func run() async throws {
            let configuration = try options.configuration()
            let keys = try await keys(configuration)
            switch format {
            case .json:
                printNow(String(decoding: JSONValue.object([.init("keys", .array(keys))]).serialized, as: UTF8.self))
            case .table:
                let columns = ["id", "workspace", "name", "created_at", "last_used_at", "expires_at", "revoked_at"]
                let rows = keys.map { key in columns.map { Self.text(key[$0]) } }
                print(TextTable.render(columns, rows), terminator: "")
            }
        }

        private static func text(_ value: JSONValue?) -> String {
            if case .string(let text)? = value { text } else { "" }
        }

        private func keys(_ configuration: Configuration) async throws -> [JSONValue] {
            var keys: [JSONValue] = []
            var cursor: String?
            repeat {
                var parameters = ["limit=1000"]
                if let workspace { parameters.append("workspace=\(PercentCoding.encoded(workspace))") }
                if let cursor { parameters.append("cursor=\(cursor)") }
                guard let reply = await configuration.adminClient.send("GET", "/v1/keys?\(parameters.joined(separator: "&"))") else {
                    return try await fromLedger(configuration)
                }
                guard reply.status == 200, let root = reply.json, let page = root["keys"]?.children else {
                    throw fail("gateway: \(reply.refusal)")
                }
                keys += try page.map { try JSONValue($0) }
                cursor = root["next"]?.string
            } while cursor != nil
            return keys
        }

        private func fromLedger(_ configuration: Configuration) async throws -> [JSONValue] {
            try await configuration.withLedger(readOnly: true) { store throws(LedgerError) in
                try await store.keys(workspace: workspace, after: nil, limit: .max)
            }.map { KeyReport.json($0) }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revoke a key: it opens nothing any more, within a second.",
            discussion: """
                Example:
                  gateway key revoke 01J9ZK…
                """)

        @OptionGroup var options: ConfigurationOptions

        @Argument(
            help: "The key's id, as 'gateway key list' shows it.",
            transform: { text in
                guard let id = CallID(text) else { throw ValidationError("An id has 26 characters, as 'gateway key list' shows it.") }
                return id
            })
        var id: CallID

        func run() async throws {
            let configuration = try options.configuration()
            if let reply = await configuration.adminClient.send("DELETE", "/v1/keys/\(id)") {
                guard reply.status == 200 else { throw fail("gateway: \(reply.refusal)") }
            } else {
                let revoked = try await configuration.withLedger { store throws(LedgerError) in
                    try await store.revokeKey(id, ChangeMarks(gateway: nil).next(from: ChangeMark.command))
                }
                guard revoked != nil else { throw fail("gateway: there is no key of this id") }
            }
            printNow("revoked \(id)")
        }
    }
}

extension Configuration {
    fileprivate var adminClient: AdminClient { AdminClient(address: admin.listen, token: admin.token) }

    /// What is done when no gateway runs.
    fileprivate func withLedger<Value>(
        readOnly: Bool = false, _ body: (any KeyStore) async throws(LedgerError) -> Value
    ) async throws -> Value {
        do {
            let address = try LedgerAddress(ledger.engine)
            let store = readOnly ? try await address.openReadOnly() : try await address.opener(gateway: nil)()
            do throws(LedgerError) {
                let value = try await body(store)
                await store.close()
                return value
            } catch {
                await store.close()
                throw error
            }
        } catch {
            throw fail("gateway: no gateway answers on \(admin.listen), and the ledger cannot be used: \(error)")
        }
    }
}

extension AdminClient.Reply {
    /// What the admin plane says against it.
    fileprivate var refusal: String {
        json?["detail"]?.string
            ?? "the running gateway's admin plane answered \(status): \(String(decoding: body.prefix(200), as: UTF8.self))"
    }
}
