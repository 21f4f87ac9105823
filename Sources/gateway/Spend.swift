import AdapterFiles
import ArgumentParser
import Foundation
import GatewayCore
import JSONPath

struct Spend: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sum up what was spent, from the ledger.",
        discussion: """
            Asks the running gateway, else reads the ledger itself. Amounts are US dollars, exact; 'saved' is what calls would have cost
            that were answered with what others had paid for, 'hit rate' the share of calls that found anything, 'reported' what providers
            themselves say. Below a table that reaches until now, a running gateway's bars say how much of
            each workspace's limits is used today and this month.

            Examples:
              gateway spend
              gateway spend --workspace acme --by provider,operation
              gateway spend --by day --from 2026-11-01 --to 2026-11-30
              gateway spend --by user --format csv > november.csv
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(help: "Only this workspace.")
    var workspace: String?

    @Option(help: ArgumentHelp("What to sum by, comma-separated: provider, operation, day, user, entity.", valueName: "dimensions"))
    var by = "provider"

    @Option(help: "The first day (2026-11-01) or instant; the month's first day when left out.")
    var from: String?

    @Option(help: "The last day, included, or the instant before which; now when left out.")
    var to: String?

    @Option(help: "table, json or csv.")
    var format: SpendFormat = .table

    func validate() throws {
        _ = try query()
    }

    private func query() throws -> SpendQuery {
        do {
            return try SpendQuery(workspace: workspace, by: by, from: from, to: to, now: machineClock())
        } catch {
            throw ValidationError(error.description)
        }
    }

    func run() async throws {
        let query = try query()
        let configuration = try options.configuration()
        let report: JSONValue
        let client = AdminClient(address: configuration.admin.listen, token: configuration.admin.token)
        if let reply = await client.send("GET", target(query)) {
            guard reply.status == 200, let root = reply.json, let value = try? JSONValue(root) else {
                let detail = reply.json?["detail"]?.string ?? String(decoding: reply.body.prefix(200), as: UTF8.self)
                throw fail("gateway: the running gateway's admin plane answered \(reply.status): \(detail)")
            }
            report = value
        } else {
            report = SpendReport.json(try await fromLedger(query, configuration), query: query)
        }
        let table = SpendTable(report)
        let text: String
        switch format {
        case .json:
            text = String(decoding: report.serialized, as: UTF8.self) + "\n"
        case .csv:
            text = table.csv
        case .table:
            let palette = Palette.standardOutput
            // Of a month that is over, what is used now says nothing.
            let bars = BudgetBars(client: client, alerts: configuration.alerts, palette: palette)
            text = table.text(palette) + (to == nil ? await bars.text(table.workspaces) : "")
        }
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    private func target(_ query: SpendQuery) -> String {
        var parameters = ["from=\(query.from.rfc3339)", "to=\(query.until.rfc3339)"]
        if !query.by.isEmpty { parameters.append("by=\(query.by.map(\.rawValue).joined(separator: ","))") }
        if let workspace { parameters.append("workspace=\(PercentCoding.encoded(workspace))") }
        return "/v1/spend?\(parameters.joined(separator: "&"))"
    }

    private func fromLedger(_ query: SpendQuery, _ configuration: Configuration) async throws -> [SpendRow] {
        do {
            let ledger = try await LedgerAddress(configuration.ledger.engine).openReadOnly()
            let rows = try await ledger.spend(query)
            await ledger.close()
            return rows
        } catch {
            throw fail("gateway: no gateway answers on \(configuration.admin.listen), and the ledger cannot be read: \(error)")
        }
    }
}

enum SpendFormat: String, ExpressibleByArgument, CaseIterable {
    case table, json, csv
}
