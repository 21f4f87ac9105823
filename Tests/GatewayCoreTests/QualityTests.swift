import Foundation
import GatewayCore
import Testing

@testable import GatewayCore

/// Scores, to the last digit.
@Suite struct QualityTests {
    private let now = Timestamp(CivilDate(year: 2026, month: 11, day: 23))

    /// Days after it was verified; the score of a person and of a company.
    @Test(arguments: [
        (-1, "100", "100"), (0, "100", "100"), (30, "100", "100"), (31, "99.2328", "100"), (75, "70.7107", "100"),
        (90, "62.9961", "100"), (91, "62.5127", "99.6157"), (120, "50", "89.0899"), (180, "31.498", "70.7107"), (210, "25", "62.9961"),
        (270, "15.749", "50"), (300, "12.5", "44.5449"), (450, "3.9373", "25"), (1110, "0.0244", "1.9686"), (1920, "0", "0.087"),
        (3000, "0", "0.0014"), (100_000, "0", "0"),
    ])
    func freshnessIsHalvedContinuously(days: Int, person: String, company: String) {
        let verified = now.adding(seconds: -86_400 * Int64(days))
        #expect(Freshness.score(verified, at: now, of: .person).description == person)
        #expect(Freshness.score(verified, at: now, of: .company).description == company)
    }

    @Test func freshnessWithoutADateIsHalf() {
        #expect(Freshness.score(nil, at: now, of: .person).description == "50")
        #expect(Freshness.score(Timestamp(microseconds: .min), at: Timestamp(microseconds: .max), of: .person) == .zero)
        #expect(Freshness.score(Timestamp(microseconds: .max), at: Timestamp(microseconds: .min), of: .person) == .full)
    }

    /// Against the machine's own power, which is right to far more than four digits.
    @Test func freshnessIsThePowerAtEveryAge() {
        var previous = Score.full
        for step in 0..<4000 {
            let age = Int64(step) * 61_234_567_891
            let score = Freshness.score(Timestamp(microseconds: now.microseconds - age), at: now, of: .person)
            let halvings = max(0, Double(age) / 86_400e6 - 30) / 90
            #expect(abs(Double(score.tenThousandths) - 1e6 * exp2(-halvings)) <= 0.500_001, "\(age)")
            #expect(score.tenThousandths <= previous.tenThousandths)
            previous = score
        }
    }

    private func person(_ values: [(RecordField, RecordValue)]) -> Record {
        var record = Record(.person)
        for (field, value) in values { record.append(field, value) }
        return record
    }

    private func quality(_ values: [(RecordField, RecordValue)], confidence: Score = Score(80), weights: QualityWeights = .standard)
        -> Quality
    {
        Quality(person(values), confidence: { _ in confidence }, weights: weights, at: now)
    }

    @Test(arguments: zip(["A+", "A", "B", "C", "D"], ["95", "85", "75", "60", "40"]))
    func aGradeIsAScore(grade: String, score: String) {
        let found = quality([(.email, .text("a@b.example")), (.emailQualityGrade, .text(grade))])
        #expect(found.breakdown.first { $0.part == .email }?.score.description == score)
    }

    @Test func anAddressOrANumberWithoutAGradeIsSixty() {
        let found = quality([(.emails, .list([.text("a@b.example")])), (.phone, .text("+1"))])
        #expect(
            found.breakdown.map { "\($0.part) \($0.score)" } == [
                "email 60", "phone 60", "fullName 0", "jobTitle 0", "company 0", "linkedin 0", "freshness 50",
            ])
        // (25 × 60 + 20 × 60 + 10 × 50) / 100
        #expect(found.score == "32")
    }

    @Test func everythingThatIsThereCountsByTheConfidence() {
        let found = quality(
            [
                (.fullName, .text("Ada Example")), (.jobTitle, .text("x")), (.companyDomain, .text("a.example")),
                (.linkedinUrl, .text("l")),
                (.phoneQualityScore, .number("87.25")), (.dataLastVerified, .text("2026-11-01T00:00:00Z")),
            ], confidence: Score(tenThousandths: 333_333))
        #expect(
            found.breakdown.map { "\($0.part) \($0.score)" } == [
                "email 0", "phone 87.25", "fullName 33.3333", "jobTitle 33.3333", "company 33.3333", "linkedin 33.3333", "freshness 100",
            ])
        // (20 × 87.25 + 45 × 33.3333 + 10 × 100) / 100 = 42.449985
        #expect(found.score == "42.4")
    }

    @Test func aHalfIsRoundedUp() {
        var weights = QualityWeights.standard
        for index in weights.person.indices { weights.person[index].value = weights.person[index].part == .phone ? 10_000 : 0 }
        for (score, mean) in [
            ("87.25", "87.3"), ("87.2499", "87.2"), ("87.15", "87.2"), ("0.05", "0.1"), ("0.0499", "0"), ("99.95", "100"),
        ] {
            #expect(quality([(.phoneQualityScore, .number(score))], weights: weights).score == mean)
        }
    }

    @Test func weightsTakeThePlaceOfTheStandardOnes() {
        var weights = QualityWeights.standard
        weights.person[0].value = 12_500  // 1.25
        weights.person[1].value = 0
        // (1.25 × 60 + 20 × … no phone + 10 × 50) / (1.25 + 10 + 15 + 10 + 10 + 10) = 575 / 56.25 = 10.222…
        #expect(quality([(.email, .text("a"))], weights: weights).score == "10.2")
        #expect(QualityWeights.standard.person.reduce(0) { $0 + $1.value } == 1_000_000)
        #expect(QualityWeights.standard.company.reduce(0) { $0 + $1.value } == 1_000_000)
    }

    @Test func aCompanysParts() {
        var record = Record(.company)
        for field in [RecordField.name, .domain, .industry, .description] { record.append(field, .text("x")) }
        record.append(.employeeCount, .number("3"))
        record.append(.country, .text("x"))
        record.append(.fundingRounds, .list([.text("x")]))
        let found = Quality(record, confidence: { _ in Score(100) }, weights: .standard, at: now)
        #expect(
            found.breakdown.map { "\($0.part) \($0.score)" } == [
                "name 100", "domain 100", "industry 100", "employeeCount 100", "location 100", "financials 100", "description 100",
                "freshness 50",
            ])
        #expect(found.score == "95")
    }
}
