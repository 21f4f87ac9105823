import JSONPath
import TestSupport
import Testing

@testable import GatewayCore

/// What a row keeps of an answer decides as the waterfall would have decided.
@Suite struct AnswerWorthTests {
    private static let now = Timestamp(CivilDate(year: 2026, month: 11, day: 23))

    private func record(_ entity: RecordEntity, _ random: inout SplitMix64) -> Record {
        let confidence =
            Bool.random(using: &random)
            ? Normalization.standardConfidence : Score(tenThousandths: Int.random(in: 0...1_000_000, using: &random))
        var record = Record(entity, confidence: confidence)
        for field in RecordField.fields(of: entity) where field.isWantable && Int.random(in: 0..<3, using: &random) == 0 {
            switch field {
            case .emailQualityGrade: record.append(field, .text(EmailGrade.allCases.randomElement(using: &random)?.rawValue ?? "A"))
            case .phoneQualityScore:
                record.append(field, .number(["0", "59.9999", "60", "80", "100"].randomElement(using: &random) ?? "1"))
            case .dataLastVerified: record.append(field, .text("2026-0\(Int.random(in: 1...9, using: &random))-01T00:00:00Z"))
            default: record.append(field, .text("x"))
            }
        }
        record.append(.dataSources, .list([.text("p")]))
        record.append(Quality(record, weights: .standard, at: Self.now))
        return record
    }

    private func isSatisfied(_ records: [Record], _ question: EnrichmentQuestion) throws -> Bool {
        let rule = EnrichmentRule(
            operation: "find", alternatives: [[.email], [.domain]],
            request: RequestTemplate(method: "GET", path: try TextTemplate("/x", for: question.entity)))
        var waterfall = Waterfall(question, order: [.init(provider: "p", rules: [rule])], weights: .standard, at: Self.now)
        guard case .ask = waterfall.next() else { return false }
        waterfall.take(
            EnrichmentStep.Ending(
                answer: NormalizedAnswer(entity: question.entity, records: records, provider: "p", operation: "find", status: 200)))
        return waterfall.isSatisfied
    }

    @Test(arguments: RecordEntity.allCases, 1...4 as ClosedRange<UInt64>)
    func itDecidesAsTheWaterfallDoes(entity: RecordEntity, seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let match = EntityMatch(entity == .person ? [.email: "a@b.example"] : [.domain: "b.example"], of: entity)
        let wantable = RecordField.fields(of: entity).filter(\.isWantable)
        var outcomes: Set<Bool> = []
        for _ in 0..<300 {
            let records =
                switch Int.random(in: 0..<8, using: &random) {
                case 0: [Record]()
                case 1: [Record(entity)]
                default: [record(entity, &random), record(entity, &random)]
                }
            let text = String(decoding: AnswerWorth(records.first).json.serialized, as: UTF8.self)
            let worth = try #require(AnswerWorth(json: text), "\(text)")
            #expect(worth == AnswerWorth(records.first))
            for _ in 0..<8 {
                let wanted = (0..<Int.random(in: 0...2, using: &random)).compactMap { _ in
                    (Bool.random(using: &random) ? [.email, .phone, .emailQualityGrade] : wantable).randomElement(using: &random)
                }.filter(wantable.contains)
                let good =
                    Bool.random(using: &random)
                    ? Score(Int.random(in: 0...100, using: &random)) : [Score(60), Score(80)].randomElement(using: &random) ?? .zero
                let question = EnrichmentQuestion(entity: entity, match: match, wanted: wanted, minimumQuality: good)
                let expected = try isSatisfied(records, question)
                #expect(worth.satisfies(wanted, as: good) == expected, "\(text) \(wanted) \(good)")
                outcomes.insert(expected)
            }
        }
        #expect(outcomes == [true, false])
    }

    @Test func itIsCompact() {
        var record = Record(.person, confidence: Score(80))
        record.append(.fullName, .text("Ada"))
        record.append(.email, .text("ada@example.com"))
        record.append(.emailQualityGrade, .text("A+"))
        record.append(Quality(record, weights: .standard, at: Self.now))
        #expect(
            String(decoding: AnswerWorth(record).json.serialized, as: UTF8.self)
                == #"{"quality":36.8,"confidence":80,"email":95,"fields":["fullName","email","emailQualityGrade"]}"#)
        #expect(AnswerWorth(nil).json == .null && AnswerWorth(json: "null") == .nothing)
    }

    @Test(arguments: [
        "", "1", "[]", "{}", "true", #"{"quality":1}"#, #"{"quality":"1","confidence":2,"fields":[]}"#,
        #"{"quality":101,"confidence":2,"fields":[]}"#, #"{"quality":1,"confidence":2,"fields":{}}"#, "{",
    ])
    func whatItHasNotWrittenIsNotRead(text: String) {
        #expect(AnswerWorth(json: text) == nil)
    }

    @Test func aFieldThatIsNoMoreIsPassedOver() throws {
        let worth = try #require(AnswerWorth(json: #"{"quality":1,"confidence":2,"fields":["email","shoeSize",7],"more":1,"email":60}"#))
        #expect(worth.satisfies([.email], as: Score(60)) && !worth.satisfies([.phone], as: .zero))
    }

    @Test func aRecordWithoutAFieldIsNeverEnough() throws {
        let worth = try #require(AnswerWorth(json: #"{"quality":5,"confidence":80,"fields":[]}"#))
        #expect(!worth.satisfies([], as: .zero))
    }

    @Test(
        arguments: [
            (nil, nil, nil, [], "0"), ("person", "email,phone", "80", [.email, .phone], "80"),
            ("company", "domain,domain", "0.5", [.domain], "0.5"),
            ("person", "emails", "1e2", [.emails], "100"),
        ] as [(String?, String?, String?, [RecordField], String)])
    func whatIsWantedIsReadFromParameters(entity: String?, want: String?, quality: String?, wanted: [RecordField], score: String) throws {
        let question = try EnrichmentQuestion(wanting: want, minimumQuality: quality, about: entity)
        #expect(question.entity.rawValue == entity ?? "person" && question.wanted == wanted && question.minimumQuality.description == score)
    }

    @Test(
        arguments: [
            ("persn", nil, nil, ["unknown entity 'persn'; did you mean 'person'?"]),
            ("", "x", nil, ["unknown entity ''; known: person, company"]),
            (nil, "emial", nil, ["unknown field in want 'emial'; did you mean 'email'?"]),
            ("company", "emails,domain", "101", ["minQuality is a number from 0 to 100", "unknown field in want 'emails'; known: name, "]),
            (nil, "email,", "", ["minQuality is a number from 0 to 100", "unknown field in want ''; known: fullName, "]),
            (nil, "dataQualityScore", nil, ["unknown field in want 'dataQualityScore'"]), (nil, "", nil, ["unknown field in want ''"]),
            (nil, nil, "-1", ["minQuality is a number from 0 to 100"]), (nil, nil, "good", ["minQuality is a number from 0 to 100"]),
        ] as [(String?, String?, String?, [String])])
    func whatCannotBeWantedIsSaidWithTheNearestName(entity: String?, want: String?, quality: String?, problems: [String]) {
        do throws(EnrichmentQuestion.Refusal) {
            _ = try EnrichmentQuestion(wanting: want, minimumQuality: quality, about: entity)
            Issue.record("it is refused")
        } catch {
            #expect(
                error.problems.count == problems.count && zip(error.problems, problems).allSatisfy { $0.hasPrefix($1) }, "\(error.problems)"
            )
        }
    }
}
