import ArgumentParser
import Foundation
import GatewayCore

struct Normalize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the records in a provider's response, as a caller with X-Gateway-Normalize: true gets them.",
        discussion: """
            --response is {"status","headers","body"}, as JSON; a body is JSON, or a string for anything else. Without --operation it is the
            one that finds the fullest record.

            Example:
              gateway normalize acmedata --operation enrich_person --response answer.json
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The provider, as callers name it.")
    var provider: String

    @Option(help: "The operation whose response it is.")
    var operation: String?

    @Option(help: ArgumentHelp("The provider's response.", valueName: "file"))
    var response: String

    func run() throws {
        let (adapter, configuration) = try options.adapter(provider)
        let response = try ExchangeFile.response(response)
        var best: (answer: NormalizedAnswer, fields: Int)?
        var refusal: Normalization.Refusal?
        for (name, normalization) in try candidates(in: adapter) {
            do throws(Normalization.Refusal) {
                let answer = try adapter.normalized(
                    response, by: normalization, of: name, weights: configuration.quality, at: machineClock())
                let fields = answer.records.map(\.values.count).max() ?? 0
                if best.map({ fields > $0.fields }) ?? true { best = (answer, fields) }
            } catch {
                refusal = error
            }
        }
        guard let bytes = best?.answer.serialized() else { throw fail("gateway: \(refusal.map { "\($0)" } ?? "there are no records")") }
        FileHandle.standardOutput.write(Data(bytes + [UInt8(ascii: "\n")]))
    }

    private func candidates(in adapter: Adapter) throws -> [(String, Normalization)] {
        let known = adapter.operations.compactMap { found in found.normalization.map { (found.name, $0) } }
        let wanted = known.filter { operation == nil || $0.0 == operation }
        guard wanted.isEmpty else { return wanted }
        let names = known.isEmpty ? "there are none" : "there are \(known.map(\.0).joined(separator: ", "))"
        throw fail("gateway: the adapter has no operation \(operation.map { "'\($0)' " } ?? "")with 'normalize'; \(names)")
    }
}
