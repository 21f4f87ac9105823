import TestSupport
import Testing

@testable import GatewayCore

/// Of each field the best-scored source, of several as good the earlier.
@Suite struct MergedRecordTests {
    private let now = Timestamp(CivilDate(year: 2026, month: 11, day: 23))

    private func source(_ provider: String, confidence: Int = 80, _ values: [(RecordField, RecordValue)]) -> MergedRecord.Source {
        var record = Record(.person, confidence: Score(confidence))
        for (field, value) in values { record.append(field, value) }
        record.append(.dataSources, .list([.text(provider)]))
        return MergedRecord.Source(provider: provider, record: record)
    }

    private func merge(_ sources: MergedRecord.Source...) throws -> MergedRecord {
        try #require(MergedRecord(sources, weights: .standard, at: now))
    }

    private func owner(_ merged: MergedRecord, _ field: RecordField) -> String? { merged.sources.first { $0.field == field }?.provider }

    @Test func anAddressGoesWithItsOwnGradeAndANumberWithItsOwnScore() throws {
        let merged = try merge(
            source("a", [(.email, .text("a@x.example")), (.phone, .text("1")), (.phoneQualityScore, .number("61"))]),
            source("b", confidence: 99, [(.email, .text("b@x.example")), (.emailQualityGrade, .text("C")), (.phone, .text("2"))]),
            source("c", [(.email, .text("c@x.example")), (.emailQualityGrade, .text("D"))]))
        // 60 without a grade is as good as a C: the earlier wins, and has no grade for another's to stand beside.
        #expect(merged.record[.email]?.text == "a@x.example" && merged.record[.emailQualityGrade] == nil)
        #expect(merged.record[.phone]?.text == "1" && owner(merged, .phoneQualityScore) == "a")
        // In a table that has c's address and grade from c's own turn, neither is left beside a's.
        var stored: [UInt8] = []
        merged.stored.append(to: &stored)
        #expect(String(decoding: stored, as: UTF8.self).hasSuffix(#","emailQualityGrade":null}"#))
        #expect(merged.score(of: .email) == Score(60) && merged.score(of: .phone) == Score(61))
    }

    @Test func otherFieldsAreTheMostConfidentSourcesAndTiesTheEarliers() throws {
        let merged = try merge(
            source("a", confidence: 70, [(.fullName, .text("A")), (.jobTitle, .text("CFO")), (.city, .text("Austin"))]),
            source("b", confidence: 90, [(.fullName, .text("B")), (.companyName, .text("Nike"))]),
            source("c", confidence: 90, [(.fullName, .text("C")), (.companyDomain, .text("nike.com"))]))
        #expect(
            merged.sources.map { "\($0.field) \($0.provider)" } == [
                "fullName b", "jobTitle a", "companyName b", "companyDomain c", "city a",
            ])
        // Each part with its own source's confidence: (10 × 90 + 15 × 70 + 10 × 90 + 10 × 50) / 100.
        #expect(merged.quality.description == "33.5")
        #expect(merged.providers == ["a", "b", "c"])
        guard case .list(let named)? = merged.record[.dataSources] else { return #expect(Bool(false), "it says where it is from") }
        #expect(named.map(\.text) == ["a", "b", "c"])
    }

    @Test func sourcesThatAProviderNamesAreNamedOnceInTheOrderInWhichTheyWereAsked() throws {
        var record = Record(.person)
        record.append(.dataSources, .list([.text("b"), .text("registry"), .text("a")]))
        let merged = try merge(source("a", [(.city, .text("x"))]), MergedRecord.Source(provider: "b", record: record))
        guard case .list(let named)? = merged.record[.dataSources] else { return #expect(Bool(false), "it says where it is from") }
        #expect(named.map(\.text) == ["a", "b", "registry"])
    }

    @Test func ofOneSourceNothingIsDifferent() throws {
        let one = source(
            "a", confidence: 73,
            [(.fullName, .text("A")), (.email, .text("a@x.example")), (.dataLastVerified, .text("2026-01-01T00:00:00Z"))])
        let quality = Quality(one.record, weights: .standard, at: now)
        #expect(try merge(one).quality.description == quality.score)
    }

    /// At random, with the same answer each time.
    @Test func anotherSourceNeverMakesAFieldWorseAndEachValueIsItsSources() throws {
        var random = SplitMix64(seed: 8)
        let fields: [RecordField] = [
            .fullName, .jobTitle, .companyName, .email, .emailQualityGrade, .emails, .phone, .phoneQualityScore, .country,
        ]
        for _ in 0..<2000 {
            var sources: [MergedRecord.Source] = []
            var before: MergedRecord?
            for index in 0..<4 {
                var values: [(RecordField, RecordValue)] = []
                for field in fields where Bool.random(using: &random) {
                    switch field {
                    case .emailQualityGrade:
                        values.append((field, .text(EmailGrade.allCases.randomElement(using: &random)?.rawValue ?? "A")))
                    case .phoneQualityScore: values.append((field, .number("\(Int.random(in: 0...100, using: &random))")))
                    case .emails: values.append((field, .list([.text("\(index)")])))
                    default: values.append((field, .text("\(index)")))
                    }
                }
                sources.append(source("p\(index)", confidence: Int.random(in: 0...100, using: &random), values))
                let merged = try #require(MergedRecord(sources, weights: .standard, at: now))
                for field in fields {
                    let score = merged.score(of: field)
                    // The grade of an address that loses is not the record's any more.
                    if field != .emailQualityGrade, field != .phoneQualityScore {
                        if let old = before?.score(of: field) { #expect(try #require(score) >= old) }
                        #expect((score == nil) == sources.allSatisfy { $0.record[field] == nil })
                    }
                    guard let owner = owner(merged, field), let own = sources.first(where: { $0.provider == owner })?.record else {
                        continue
                    }
                    var (left, right): ([UInt8], [UInt8]) = ([], [])
                    merged.record[field]?.append(to: &left)
                    own[field]?.append(to: &right)
                    #expect(left == right && score == Quality.score(of: field, in: own))
                }
                if owner(merged, .email) != nil, let grade = owner(merged, .emailQualityGrade) { #expect(grade == owner(merged, .email)) }
                if owner(merged, .phone) != nil, let score = owner(merged, .phoneQualityScore) { #expect(score == owner(merged, .phone)) }
                before = merged
            }
        }
    }
}
