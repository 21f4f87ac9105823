/// What a record is about.
package enum RecordEntity: String, Sendable, Hashable, CaseIterable {
    case person, company
}

/// A canonical field of a record. The names are the schema's.
package enum RecordField: String, Sendable, Hashable, CaseIterable {
    case fullName, firstName, lastName, headline, jobTitle, department, seniority, companyName, companyDomain
    case email, emailQualityGrade, emails, phone, phoneQualityScore, phones
    case linkedinConnections, linkedinFollowers, totalExperienceMonths, salaryProjections, degrees, skills, careerTimeline
    case name, domain, website, industry, description, foundedYear, employeeCount
    case employeeCountChange, executiveDepartures, executiveArrivals, jobPostingsChange
    case fundingRounds, acquisitionHistory, revenueRange, employeeReviewsScore, productReviewsScore, technologies
    case linkedinUrl, city, state, country
    case aiIntelligence, aiConfidence, dataLastVerified, dataSources, dataQualityScore, dataQualityBreakdown

    private static let shared: [RecordField] = [
        .aiIntelligence, .aiConfidence, .dataLastVerified, .dataSources, .dataQualityScore, .dataQualityBreakdown,
    ]
    private static let person: [RecordField] =
        [
            .fullName, .firstName, .lastName, .headline, .jobTitle, .department, .seniority, .companyName, .companyDomain, .linkedinUrl,
            .email, .emailQualityGrade, .emails, .phone, .phoneQualityScore, .phones, .city, .state, .country, .linkedinConnections,
            .linkedinFollowers, .totalExperienceMonths, .salaryProjections, .degrees, .skills, .careerTimeline,
        ] + shared
    private static let company: [RecordField] =
        [
            .name, .domain, .website, .linkedinUrl, .industry, .description, .foundedYear, .employeeCount, .city, .state, .country,
            .employeeCountChange, .executiveDepartures, .executiveArrivals, .jobPostingsChange, .fundingRounds, .acquisitionHistory,
            .revenueRange, .employeeReviewsScore, .productReviewsScore, .technologies,
        ] + shared

    /// The fields that a record about an entity can have, in the order in which it has them; without an entity, those that any record can have.
    package static func fields(of entity: RecordEntity?) -> [RecordField] {
        switch entity {
        case .person: person
        case .company: company
        case nil: person.filter(company.contains)
        }
    }

    /// Whether the gateway works it out, so that no adapter maps it.
    package var isComputed: Bool { self == .dataQualityScore || self == .dataQualityBreakdown }

    /// What its values are.
    package var kind: FieldKind {
        switch self {
        case .fullName, .firstName, .lastName, .headline, .jobTitle, .department, .seniority, .companyName, .email, .phone, .name, .website,
            .industry, .description, .linkedinUrl, .city, .state, .country:
            .text
        case .companyDomain, .domain: .domain
        case .linkedinConnections, .linkedinFollowers, .totalExperienceMonths, .foundedYear, .employeeCount: .count
        case .emailQualityGrade: .grade
        case .phoneQualityScore, .dataQualityScore: .score
        case .aiConfidence: .fraction
        case .dataLastVerified: .instant
        case .emails, .phones, .skills, .technologies, .dataSources: .texts
        case .degrees, .careerTimeline: .values
        case .salaryProjections: .parts([("p25", .number), ("median", .number), ("p75", .number), ("currency", .text)])
        case .aiIntelligence, .dataQualityBreakdown: .object
        case .employeeCountChange, .executiveDepartures, .executiveArrivals, .jobPostingsChange, .fundingRounds, .acquisitionHistory,
            .revenueRange, .employeeReviewsScore, .productReviewsScore:
            .json
        }
    }
}

/// What a field's values are.
package enum FieldKind: Sendable {
    case text
    /// The name of a host, without scheme, `www.` and path.
    case domain
    /// A whole number that is not negative.
    case count
    /// Any number.
    case number
    /// 0…100.
    case score
    /// 0…1.
    case fraction
    /// ``EmailGrade``.
    case grade
    /// RFC 3339, UTC.
    case instant
    /// A list of texts.
    case texts
    /// A list of whatever JSON the provider gives.
    case values
    /// JSON as the provider gives it.
    case json
    /// The same, an object.
    case object
    /// An object of named parts.
    case parts([(name: String, kind: FieldKind)])

    /// For messages.
    package var noun: String {
        switch self {
        case .text: "a text"
        case .domain: "a domain"
        case .count: "a count"
        case .number: "a number"
        case .score: "a score from 0 to 100"
        case .fraction: "a number from 0 to 1"
        case .grade: "a grade: \(EmailGrade.allCases.map(\.rawValue).joined(separator: ", "))"
        case .instant: "an instant"
        case .texts, .values: "a list"
        case .json: "JSON"
        case .object: "an object"
        case .parts(let parts): "an object of \(parts.map(\.name).joined(separator: ", "))"
        }
    }

    /// Whether it is one plain value, to which a map, ranges or a factor can apply.
    package var isScalar: Bool {
        switch self {
        case .text, .domain, .count, .number, .score, .fraction, .grade, .instant: true
        case .texts, .values, .json, .object, .parts: false
        }
    }

    /// Whether it takes all nodes that a path selects, and not the first alone.
    package var isList: Bool {
        switch self {
        case .texts, .values: true
        default: false
        }
    }

    /// Whether it is a number.
    package var isNumeric: Bool {
        switch self {
        case .count, .number, .score, .fraction: true
        default: false
        }
    }
}
