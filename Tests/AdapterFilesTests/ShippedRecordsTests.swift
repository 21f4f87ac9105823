import AdapterFiles
import Foundation
import GatewayCore
import JSONPath
import Testing

/// The adapters that ship, against answers with every field that their providers document. Each file has an answer and, worked out by hand,
/// the whole of what it becomes on 2026-11-23.
@Suite struct ShippedRecordsTests {
    private static let here = URL(filePath: #filePath).deletingLastPathComponent()

    private static func adapter(_ provider: String) throws -> Adapter {
        let file = here.deletingLastPathComponent().deletingLastPathComponent().appending(path: "plugins/\(provider).yaml")
        let environment = Dictionary(uniqueKeysWithValues: ["CORESIGNAL", "LUSHA", "PDL"].map { ("\($0)_API_KEY", "k") })
        let (adapter, problems) = decodeAdapter(
            try String(contentsOf: file, encoding: .utf8), file: "plugins/\(provider).yaml", environment: environment)
        return try #require(adapter, "\(problems)")
    }

    @Test(arguments: [
        "coresignal-employee", "coresignal-company", "lusha-contacts-enriched", "lusha-contacts-searched", "lusha-person-v2",
        "lusha-people-v2", "lusha-companies", "lusha-company-v2", "pdl-person", "pdl-masked", "pdl-identified", "pdl-search", "pdl-bulk",
        "pdl-company",
    ])
    func anAnswerBecomes(name: String) throws {
        let row = try JSONDocument(parsing: Array(try Data(contentsOf: Self.here.appending(path: "Fixtures/\(name).json")))).root
        let adapter = try Self.adapter(try #require(row["provider"]?.string))
        let operation = try #require(adapter.operations.first { $0.name == row["operation"]?.string })
        let status = try #require(row["status"]?.number?.int64)
        let body = try #require(row["body"])
        let answer = try adapter.normalized(
            Example.Response(status: Int(status), body: Array(body.raw)), by: try #require(operation.normalization), of: operation.name,
            at: recordsInstant)
        let found = try JSONDocument(parsing: try #require(answer.serialized())).root
        let expected = try #require(row["answer"])
        #expect(found.count == expected.count)
        for (field, value) in expected.members where field != "records" { #expect(found[field]?.isEqual(to: value) == true, "\(field)") }
        let records = try #require(found["records"]?.children)
        let wanted = try #require(expected["records"]?.children)
        try #require(records.count == wanted.count)
        for (record, wanted) in zip(records, wanted) {
            #expect(Set(record.members.map(\.name)) == Set(wanted.members.map(\.name)))
            for (field, value) in wanted.members {
                let text = record[field].map { String(decoding: $0.raw, as: UTF8.self) } ?? "none"
                #expect(record[field]?.isEqual(to: value) == true, "\(field) is \(text)")
            }
        }
    }
}
