import ArgumentParser
import Foundation
import GatewayCore
import JSONPath

struct WaterfallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "waterfall",
        abstract: "Suggest the cheapest order in which to ask providers.",
        discussion: """
            Asks the running gateway, which looks at its ledger's newest rows: what providers' answers to earlier calls were worth, and what they
            cost. What is wanted is said as in a question to /_gateway/enrich.

            Examples:
              gateway waterfall
              gateway waterfall --entity person --want email,phone --min-quality 80
              gateway waterfall --entity company --days 7
            """)

    @OptionGroup var options: ConfigurationOptions

    @Option(help: "person or company.")
    var entity = "person"

    @Option(help: ArgumentHelp("The fields that must be there, comma-separated; anything when left out.", valueName: "fields"))
    var want: String?

    @Option(help: ArgumentHelp("How good they, or without them the record, must be: 0 to 100.", valueName: "score"))
    var minQuality: String?

    @Option(help: "How many days to look back.")
    var days: Int?

    func run() async throws {
        let configuration = try options.configuration()
        let client = AdminClient(address: configuration.admin.listen, token: configuration.admin.token)
        let parameters = [("entity", entity), ("want", want), ("minQuality", minQuality), ("days", days.map(String.init))]
            .compactMap { name, value in value.map { "\(name)=\(PercentCoding.encoded($0))" } }
        guard let reply = await client.send("GET", "/v1/waterfall?\(parameters.joined(separator: "&"))") else {
            throw fail("gateway: no gateway answers on \(configuration.admin.listen), which would look into its ledger")
        }
        guard reply.status == 200, let answer = reply.json else {
            throw fail("gateway: \(reply.json?["detail"]?.string ?? "the admin plane answered \(reply.status)")")
        }
        FileHandle.standardOutput.write(Data(text(answer).utf8))
    }

    private func text(_ answer: JSONNode) -> String {
        let columns = ["provider", "calls", "enough", "rate", "mean cost", "per hit", "ms", "why"]
        let names = ["provider", "calls", "satisfied", "rate", "mean_cost", "cost_per_satisfied", "mean_duration_ms", "reason"]
        let rows = (answer["providers"]?.children ?? []).map { provider in
            names.map { name in
                let text = provider[name].flatMap { $0.string ?? $0.number?.text } ?? ""
                return name == "rate" ? TextTable.percent(text) : text
            }
        }
        var text = TextTable.render(columns, TextTable.alignedOnPoint(rows, [4, 5]), numeric: Set(columns[1...6]))
        for (name, title) in [("configured", "now"), ("suggested", "suggested")] {
            guard let order = answer[name], let cost = order["expected_cost"]?.string, let rate = order["expected_hit_rate"]?.string
            else { continue }
            let providers = (order["order"]?.children ?? []).compactMap(\.string).joined(separator: ", ")
            text += "\n\(title): \(providers): $\(cost) a question, \(TextTable.percent(rate)) satisfied"
        }
        return text + "\n\n\(answer["yaml"]?.string ?? "")\n"
    }
}
