/// How narrow a row's conditions are. Of the rows that hold for a call, each unit takes the greatest.
struct Specificity: Comparable, Hashable {
    /// This deployment's own rows stand above the adapter's.
    let isOverride: Bool
    let dimensions: Int
    let exact: Int
    let prefixLength: Int

    init(_ row: PriceRow) {
        isOverride = row.isOverride
        dimensions = row.conditions.count
        var exact = 0
        var prefixLength = 0
        for condition in row.conditions.values {
            switch condition {
            case .exactly: exact += 1
            case .prefix(let prefix): prefixLength += prefix.utf8.count
            }
        }
        self.exact = exact
        self.prefixLength = prefixLength
    }

    static func < (left: Specificity, right: Specificity) -> Bool {
        if left.isOverride != right.isOverride { return right.isOverride }
        return (left.dimensions, left.exact, left.prefixLength) < (right.dimensions, right.exact, right.prefixLength)
    }
}

extension PriceRow.Condition {
    /// Whether a dimension's value, as text, meets the condition.
    func holds(for value: String) -> Bool {
        switch self {
        case .exactly(let text): value == text
        case .prefix(let prefix): value.utf8.starts(with: prefix.utf8)
        }
    }
}

/// What is known of a dimension when a row is chosen.
enum DimensionState {
    case known(String)
    /// Only the answer will tell.
    case unknown
    /// Nobody says: conditions on it do not hold.
    case absent
}

/// The rows that name one unit, the most specific first, as one operation sees them.
struct UnitRates: Sendable {
    struct Candidate: Sendable {
        let conditions: [(dimension: Int, condition: PriceRow.Condition)]
        let rate: Rate
    }

    let unit: String
    let candidates: [Candidate]

    /// `dimensions` are the operation's; a row with a condition on any other never holds in it.
    init(unit: String, rows: [PriceRow], dimensions: [String]) {
        self.unit = unit
        let ranked = rows.enumerated().map { (place: $0.offset, specificity: Specificity($0.element), row: $0.element) }
            .sorted { $1.specificity < $0.specificity || ($0.specificity == $1.specificity && $0.place < $1.place) }
        candidates = ranked.compactMap { ranked in
            guard let rate = ranked.row.rates[unit] else { return nil }
            var conditions: [(dimension: Int, condition: PriceRow.Condition)] = []
            for (name, condition) in ranked.row.conditions {
                guard let index = dimensions.firstIndex(of: name) else { return nil }
                conditions.append((index, condition))
            }
            conditions.sort { $0.dimension < $1.dimension }
            return Candidate(conditions: conditions, rate: rate)
        }
    }

    /// The rate of the most specific row that holds. While a dimension is unknown, the dearest of the rows that could come to be it.
    func rate(_ states: [DimensionState]) -> Rate? {
        var dearest: Rate?
        for candidate in candidates {
            var isCertain = true
            var isPossible = true
            for (dimension, condition) in candidate.conditions {
                switch states[dimension] {
                case .known(let value): isPossible = condition.holds(for: value)
                case .unknown: isCertain = false
                case .absent: isPossible = false
                }
                if !isPossible { break }
            }
            guard isPossible else { continue }
            if let rate = dearest {
                if rate.value.isLess(than: candidate.rate.value) { dearest = candidate.rate }
            } else {
                dearest = candidate.rate
            }
            // Whatever the answer says, no row below this one will be chosen.
            if isCertain { return dearest }
        }
        return dearest
    }

    /// Why no row holds, in words that the caller may read.
    func refusal(_ states: [DimensionState], names: [String]) -> String {
        let asked = Set(candidates.flatMap { $0.conditions.map(\.dimension) }).sorted()
        var clauses: [String] = []
        for dimension in asked {
            switch states[dimension] {
            case .known(let value): clauses.append("\(names[dimension]) is \(quoted(value))")
            case .absent: clauses.append("\(names[dimension]) is not given")
            case .unknown: continue
            }
        }
        var text = "no price for '\(unit)'" + (clauses.isEmpty ? "" : " where \(clauses.joined(separator: " and "))")
        // The dimension that no row accepts by itself, if there is one, is what the caller can mend.
        for dimension in asked {
            let conditions = candidates.compactMap { candidate in candidate.conditions.first { $0.dimension == dimension }?.condition }
            var value = ""
            if case .known(let known) = states[dimension] {
                guard !conditions.contains(where: { $0.holds(for: known) }), conditions.count == candidates.count else { continue }
                value = known
            } else if case .unknown = states[dimension] {
                continue
            }
            let near = Set(conditions.map(\.text)).sorted {
                let (left, right) = (Self.commonPrefix($0, value), Self.commonPrefix($1, value))
                return left > right || (left == right && $0 < $1)
            }
            text += "; \(names[dimension]) may be " + near.prefix(5).joined(separator: ", ") + (near.count > 5 ? ", …" : "")
            break
        }
        return text
    }

    private static func commonPrefix(_ left: String, _ right: String) -> Int {
        zip(left.utf8, right.utf8).prefix { $0 == $1 }.count
    }
}

extension PriceRow.Condition {
    /// As an adapter writes it.
    var text: String {
        switch self {
        case .exactly(let text): text
        case .prefix(let prefix): prefix + "*"
        }
    }
}
