/// What a caller may say of the person or company that is looked for, and adapters put into their requests.
package enum MatchField: String, Sendable, Hashable, CaseIterable {
    case linkedinUrl, email, phone, fullName, firstName, lastName, companyName, companyDomain, jobTitle, city, state, country
    case name, domain, website
    /// The last segment of `linkedinUrl`; never the caller's own word.
    case linkedinSlug

    /// What a caller can say of an entity.
    package static func fields(of entity: RecordEntity) -> [MatchField] {
        switch entity {
        case .person:
            [
                .linkedinUrl, .email, .phone, .fullName, .firstName, .lastName, .companyName, .companyDomain, .jobTitle, .city, .state,
                .country,
            ]
        case .company: [.name, .domain, .linkedinUrl, .website, .country]
        }
    }

    /// What an adapter can ask for: what the caller says, and what follows from it.
    package static func known(of entity: RecordEntity) -> [MatchField] { fields(of: entity) + [.linkedinSlug] }

    /// Other words for a field.
    package static func aliases(of entity: RecordEntity) -> [(name: String, field: MatchField)] {
        switch entity {
        case .person: [("domain", .companyDomain)]
        case .company: [("companyName", .name), ("companyDomain", .domain)]
        }
    }

    /// The field that a caller's or an adapter's word means; nil for others.
    package init?(_ name: String, of entity: RecordEntity, among fields: [MatchField]) {
        let alias = Self.aliases(of: entity).first { $0.name == name }?.field
        guard let field = alias ?? MatchField(rawValue: name), fields.contains(field) else { return nil }
        self = field
    }

    /// What its values are.
    package var kind: FieldKind { RecordField(rawValue: rawValue)?.kind ?? .text }

    /// A value such as callers send, by which adapters are tried out.
    package var sample: String {
        switch self {
        case .linkedinUrl: "https://www.linkedin.com/in/ada-example"
        case .linkedinSlug: "ada-example"
        case .email: "ada@example.com"
        case .phone: "+15555550100"
        case .fullName: "Ada Example"
        case .firstName: "Ada"
        case .lastName: "Example"
        case .companyName, .name: "Example Company"
        case .companyDomain, .domain: "example.com"
        case .website: "https://example.com"
        case .jobTitle: "Head of Engineering"
        case .city: "Austin"
        case .state: "Texas"
        case .country: "United States"
        }
    }
}

/// The person or company that is looked for.
package struct EntityMatch: Sendable, Hashable {
    package private(set) var values: [MatchField: String]
    package let entity: RecordEntity

    /// The longest value of a field, in bytes.
    package static let longestValue = 1024

    /// Adds what follows from what is said, where it is not said itself.
    package init(_ said: [MatchField: String], of entity: RecordEntity) {
        values = said
        self.entity = entity
        if let url = said[.linkedinUrl] { values[.linkedinSlug] = Self.slug(of: url) }
        switch entity {
        case .person:
            if said[.fullName] == nil, let first = said[.firstName], let last = said[.lastName] { values[.fullName] = "\(first) \(last)" }
        case .company:
            if said[.domain] == nil, let website = said[.website] {
                values[.domain] = FieldKind.domain.value(of: .text(website))?.text
            }
        }
    }

    package subscript(field: MatchField) -> String? { values[field] }

    /// A text as a field's value; nil where it is none. A domain is written in one way, whatever it was copied from.
    package static func value(of text: String, for field: MatchField) -> String? {
        guard (1...longestValue).contains(text.utf8.count),
            !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else { return nil }
        return field.kind.value(of: .text(text))?.text
    }

    /// The same with what a record says beside it.
    package func adding(_ record: Record) -> EntityMatch {
        var said = values
        said[.linkedinSlug] = nil
        for field in MatchField.fields(of: entity) where said[field] == nil {
            said[field] = RecordField(rawValue: field.rawValue).flatMap { record[$0]?.text }.flatMap { Self.value(of: $0, for: field) }
        }
        return EntityMatch(said, of: entity)
    }

    /// `https://www.linkedin.com/in/ada-example/?x=y` → `ada-example`; nil where no segment names anybody.
    private static func slug(of url: String) -> String? {
        let path = (url.firstRange(of: "://").map { url[$0.upperBound...] } ?? url[...]).prefix { $0 != "?" && $0 != "#" }
        let segments = path.split(separator: "/")
        guard segments.count > 1, let last = segments.last else { return nil }
        return PercentCoding.decoded(last)
    }
}
