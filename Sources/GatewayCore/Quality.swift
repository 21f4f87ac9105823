/// A part of a record that its quality is made of.
package enum QualityPart: String, Sendable, Hashable, CaseIterable {
    case email, phone, fullName, jobTitle, company, linkedin
    case name, domain, industry, employeeCount, location, financials, description
    case freshness
}

/// How much each part of a record counts.
package struct QualityWeights: Sendable, Hashable {
    package struct Weight: Sendable, Hashable {
        package let part: QualityPart
        /// In ten-thousandths.
        package var value: Int
    }

    /// Parts in the order in which a breakdown has them.
    package var person: [Weight]
    package var company: [Weight]

    package static let standard = QualityWeights(
        person: weights([
            (.email, 25), (.phone, 20), (.fullName, 10), (.jobTitle, 15), (.company, 10), (.linkedin, 10), (.freshness, 10),
        ]),
        company: weights([
            (.name, 15), (.domain, 15), (.industry, 10), (.employeeCount, 15), (.location, 10), (.financials, 15), (.description, 10),
            (.freshness, 10),
        ]))

    private static func weights(_ weights: [(QualityPart, Int)]) -> [Weight] {
        weights.map { Weight(part: $0.0, value: $0.1 * 10_000) }
    }

    package subscript(entity: RecordEntity) -> [Weight] {
        get {
            switch entity {
            case .person: person
            case .company: company
            }
        }
        set {
            switch entity {
            case .person: person = newValue
            case .company: company = newValue
            }
        }
    }
}

/// How good a record is: a score for each part, and their weighted mean.
package struct Quality: Sendable {
    package let breakdown: [(part: QualityPart, score: Score)]
    /// Tenths.
    private let tenths: Int

    /// - Parameter confidence: The source's own in a field; nil: the record's.
    package init(
        _ record: Record, confidence: ((RecordField) -> Score)? = nil, weights: QualityWeights, at now: Timestamp
    ) {
        var breakdown: [(part: QualityPart, score: Score)] = []
        var sum: Int128 = 0
        var total: Int128 = 0
        for weight in weights[record.entity] {
            let score = Self.score(weight.part, record, confidence ?? { _ in record.confidence }, now)
            breakdown.append((weight.part, score))
            sum += Int128(weight.value) * Int128(score.tenThousandths)
            total += Int128(weight.value)
        }
        self.breakdown = breakdown
        // Both are in ten-thousandths of weights, the sum in ten-thousandths of scores too: rounded once, half up.
        tenths = total == 0 ? 0 : Int((2 * sum * 10 + total * 10_000) / (2 * total * 10_000))
    }

    /// Σ weight × score / Σ weight, one decimal.
    package var score: String { FixedDecimal.text(Int128(tenths), fractionDigits: 1) }

    private static func score(
        _ part: QualityPart, _ record: Record, _ confidence: (RecordField) -> Score, _ now: Timestamp
    ) -> Score {
        switch part {
        case .email: emailScore(record)
        case .phone: phoneScore(record)
        case .freshness: Freshness.score(record[.dataLastVerified]?.text.flatMap { Timestamp($0) }, at: now, of: record.entity)
        default:
            part.fields.filter { record[$0] != nil }.map(confidence).max() ?? .zero
        }
    }

    private static func emailScore(_ record: Record) -> Score {
        if let grade = record[.emailQualityGrade]?.text.flatMap(EmailGrade.init(rawValue:)) { return grade.score }
        return record[.email] != nil || record[.emails] != nil ? Score(60) : .zero
    }

    private static func phoneScore(_ record: Record) -> Score {
        if case .number(let text)? = record[.phoneQualityScore], let value = (try? Exact(decimal: text)) ?? nil,
            let score = Score(value, in: 0...100)
        {
            return score
        }
        return record[.phone] != nil || record[.phones] != nil ? Score(60) : .zero
    }

    /// How good a record's value of a field is: an address by its grade, a number by its score, anything else by the confidence in the
    /// record; nil where there is no such value.
    package static func score(of field: RecordField, in record: Record) -> Score? {
        guard record[field] != nil else { return nil }
        return switch field {
        case .email, .emails, .emailQualityGrade: emailScore(record)
        case .phone, .phones, .phoneQualityScore: phoneScore(record)
        default: record.confidence
        }
    }
}

extension QualityPart {
    /// One of these makes the part a part that is there.
    fileprivate var fields: [RecordField] {
        switch self {
        case .email: [.email, .emails]
        case .phone: [.phone, .phones]
        case .fullName: [.fullName]
        case .jobTitle: [.jobTitle]
        case .company: [.companyName, .companyDomain]
        case .linkedin: [.linkedinUrl]
        case .name: [.name]
        case .domain: [.domain]
        case .industry: [.industry]
        case .employeeCount: [.employeeCount]
        case .location: [.country]
        case .financials: [.revenueRange, .fundingRounds]
        case .description: [.description]
        case .freshness: [.dataLastVerified]
        }
    }
}

extension Record {
    /// How good it is; nil where nothing has been added.
    package var quality: Score? {
        guard case .number(let text)? = self[.dataQualityScore], let exact = (try? Exact(decimal: text)) ?? nil else { return nil }
        return Score(exact, in: 0...100)
    }

    /// Adds how good it is.
    package mutating func append(_ quality: Quality) {
        append(.dataQualityScore, .number(quality.score))
        append(.dataQualityBreakdown, .object(quality.breakdown.map { ($0.part.rawValue, .number($0.score.description)) }))
    }
}

/// What age does to a record.
enum Freshness {
    private static let day: Int64 = 86_400_000_000

    /// 100 up to 30 days (a company: 90) after it was verified, then halved for each further 90 (180), continuously; 50 when nobody knows when.
    ///
    /// The power of two is worked out in whole numbers, to 2^-48, and the score rounded half up to a ten-thousandth, so that it is the same
    /// everywhere.
    static func score(_ verified: Timestamp?, at now: Timestamp, of entity: RecordEntity) -> Score {
        guard let verified else { return Score(50) }
        let (fresh, halfLife) = entity == .person ? (30 * day, 90 * day) : (90 * day, 180 * day)
        let (age, overflow) = now.microseconds.subtractingReportingOverflow(verified.microseconds)
        guard !overflow else { return now > verified ? .zero : .full }
        guard age > fresh else { return .full }
        let (halvings, rest) = (age - fresh).quotientAndRemainder(dividingBy: halfLife)
        // 100 / 2^21 is below half a ten-thousandth.
        guard halvings < 21 else { return .zero }
        let shift = UInt128(62 + halvings)
        let scaled = UInt128(Score.full.tenThousandths) * UInt128(negativePower(of: rest, over: halfLife))
        return Score(tenThousandths: Int((scaled + (1 << (shift - 1))) >> shift))
    }

    /// 2^-(`numerator` / `denominator`), which is below 1, times 2^62.
    private static func negativePower(of numerator: Int64, over denominator: Int64) -> UInt64 {
        var power: UInt64 = 1 << 62
        var rest = numerator
        for root in roots {
            guard rest != 0 else { break }
            rest *= 2
            guard rest >= denominator else { continue }
            rest -= denominator
            power = UInt64((UInt128(power) * UInt128(root)) >> 62)
        }
        return power
    }

    /// 2^(-1/2), 2^(-1/4), 2^(-1/8), …, times 2^62: what each binary digit of an exponent stands for.
    private static let roots: [UInt64] = {
        var roots: [UInt64] = []
        var power: UInt128 = 1 << 61
        for _ in 0..<48 {
            power = squareRoot(power << 62)
            roots.append(UInt64(power))
        }
        return roots
    }()

    /// The nearest whole number that is not above, by Newton's method from above.
    private static func squareRoot(_ value: UInt128) -> UInt128 {
        var root: UInt128 = 1 << 63
        while true {
            let next = (root + value / root) / 2
            guard next < root else { return root }
            root = next
        }
    }
}
