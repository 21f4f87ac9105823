import AdapterFiles
import GatewayCore
import JSONPath
import Testing

/// The small adapter, with an operation that normalizes as `lines` say.
func recordsAdapter(_ lines: String) -> String {
    let indented = lines.split(separator: "\n", omittingEmptySubsequences: false).map { "      " + $0 }.joined(separator: "\n")
    return smallAdapter.replacing(once: "    charge:\n", with: "    normalize:\n\(indented)\n    charge:\n")
}

/// 2026-11-23, midnight UTC.
let recordsInstant = Timestamp(CivilDate(year: 2026, month: 11, day: 23))

/// What an answer becomes by a `normalize` section.
func normalized(
    _ lines: String, _ body: String, status: Int = 200, entity: String? = nil, headers: [(String, String)] = []
) throws -> NormalizedAnswer {
    let (decoded, problems) = decodeAdapter(recordsAdapter(lines))
    let adapter = try #require(decoded, "\(problems)")
    let operation = adapter.operations[0]
    return try adapter.normalized(
        Example.Response(status: status, headers: HeaderList(headers), body: Array(body.utf8)), by: try #require(operation.normalization),
        of: operation.name, entity: entity, at: recordsInstant)
}

extension Record {
    /// A field's JSON; nil when the record has none.
    func json(_ field: String) -> String? {
        guard let value = RecordField(rawValue: field).flatMap({ self[$0] }) else { return nil }
        var bytes: [UInt8] = []
        value.append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// All of it, without what the gateway works out.
    var mapped: [String] {
        values.filter { ![.dataSources, .dataQualityScore, .dataQualityBreakdown].contains($0.field) }
            .map { "\($0.field) \(json($0.field.rawValue) ?? "")" }
    }
}
