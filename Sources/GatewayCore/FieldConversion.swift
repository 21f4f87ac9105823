package import JSONPath

/// A text or number as a provider gives it.
package enum Scalar: Sendable {
    case text(String)
    /// As it is written.
    case number(JSONNumber)

    /// Nil for everything else. Booleans too: in the place of a value they mask it.
    init?(_ node: JSONNode) {
        switch node.kind {
        case .string:
            guard let text = node.string else { return nil }
            self = .text(text)
        case .number:
            guard let number = node.number else { return nil }
            self = .number(number)
        case .true, .false, .null, .array, .object: return nil
        }
    }

    /// What a map has it under: one for all ways to write a number.
    package var key: String {
        switch self {
        case .text(let text): text
        case .number(let number): number.normalizedText
        }
    }

    /// The number that it is or spells; nil for others, and for those beyond any use.
    var exact: Exact? {
        switch self {
        case .text(let text):
            var bytes = text.utf8[...]
            while let byte = bytes.first, byte == 0x20 || byte == 0x09 { bytes = bytes.dropFirst() }
            while let byte = bytes.last, byte == 0x20 || byte == 0x09 { bytes = bytes.dropLast() }
            return (try? Exact(decimalBytes: bytes)) ?? nil
        case .number(let number): return (try? Exact(decimalBytes: number.text.utf8)) ?? nil
        }
    }
}

extension FieldKind {
    /// What is selected, as this kind; nil when it is not, or is empty.
    func value(of nodes: [JSONNode]) -> RecordValue? {
        guard let node = nodes.first else { return nil }
        switch self {
        case .texts: return Self.list(nodes) { Scalar($0).flatMap { FieldKind.text.value(of: $0) } }
        case .values: return Self.list(nodes) { FieldKind.json.value(of: [$0]) }
        case .json:
            switch node.kind {
            case .object, .array: return node.count > 0 ? .json(node) : nil
            case .string: return node.raw.count > 2 ? .json(node) : nil
            case .number: return .json(node)
            case .true, .false, .null: return nil
            }
        case .object: return node.kind == .object && node.count > 0 ? .json(node) : nil
        case .parts(let parts):
            let members = parts.compactMap { part -> (name: String, value: RecordValue)? in
                node[part.name].flatMap { part.kind.value(of: [$0]) }.map { (part.name, $0) }
            }
            return members.isEmpty ? nil : .object(members)
        default: return Scalar(node).flatMap { value(of: $0) }
        }
    }

    /// An array among the nodes stands for its elements.
    private static func list(_ nodes: [JSONNode], _ element: (JSONNode) -> RecordValue?) -> RecordValue? {
        var elements: [RecordValue] = []
        for node in nodes {
            if node.kind == .array {
                elements += node.children.compactMap(element)
            } else if let value = element(node) {
                elements.append(value)
            }
        }
        return elements.isEmpty ? nil : .list(elements)
    }

    /// A text or number as this kind; nil when it cannot be converted.
    package func value(of scalar: Scalar) -> RecordValue? {
        switch self {
        case .text:
            switch scalar {
            case .text(let text): return text.utf8.allSatisfy { $0 == 0x20 || (0x09...0x0D).contains($0) } ? nil : .text(text)
            case .number(let number): return .text(number.text)
            }
        case .domain:
            guard case .text(let text) = scalar else { return nil }
            return Self.host(in: text).map { .text($0) }
        case .grade:
            guard case .text(let text) = scalar else { return nil }
            return EmailGrade(rawValue: text.uppercased()).map { .text($0.rawValue) }
        case .instant: return Self.instant(scalar).map { .text($0.rfc3339) }
        case .number:
            guard scalar.exact != nil else { return nil }
            // Digit for digit, where it is a number already.
            if case .number(let number) = scalar { return .number(number.text) }
            return scalar.exact.flatMap { value(of: $0) }
        case .count, .score, .fraction: return scalar.exact.flatMap { value(of: $0) }
        case .texts, .values, .json, .object, .parts: return nil
        }
    }

    /// A number as this kind.
    func value(of number: Exact) -> RecordValue? {
        switch self {
        case .count:
            // The columns that take them have 32 bits.
            guard !number.isNegative, let count = try? number.roundedHalfUp(), count <= Int128(Int32.max) else { return nil }
            return .number(String(count))
        case .score: return Score(number, in: 0...100).map { .number($0.description) }
        case .fraction: return Score(number, in: 0...1).map { .number($0.description) }
        case .number:
            guard let rounded = try? (number * Exact(10_000)).roundedHalfUp() else { return nil }
            return .number(FixedDecimal.text(rounded, fractionDigits: 4))
        case .text: return .text(number.description)
        case .domain, .grade, .instant, .texts, .values, .json, .object, .parts: return nil
        }
    }

    /// `https://www.Acme.example:443/about` → `acme.example`.
    private static func host(in text: String) -> String? {
        var host = text.lowercased()[...]
        if let scheme = host.firstRange(of: "://") { host = host[scheme.upperBound...] }
        host = host.prefix { $0 != "/" && $0 != "?" && $0 != "#" && $0 != ":" }
        if host.hasPrefix("www.") { host = host.dropFirst(4) }
        if host.hasSuffix(".") { host = host.dropLast() }
        let isHost = host.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 >= 0x80
        }
        guard isHost, host.utf8.count <= 253, host.contains("."), !host.hasPrefix("."), !host.contains("..") else { return nil }
        return String(host)
    }

    /// A date, an RFC 3339 instant, one without its distance from UTC, which is then none, or an epoch number of seconds or milliseconds.
    private static func instant(_ scalar: Scalar) -> Timestamp? {
        if case .text(let text) = scalar, let instant = Timestamp(text) ?? Timestamp(text + "Z") {
            // A distance from UTC can lead out of the four digits that a year has.
            return (firstInstant..<endOfInstants).contains(instant) ? instant : nil
        }
        guard let number = scalar.exact, !number.isNegative else { return nil }
        // Seconds reach their eleventh digit in 1973 as milliseconds and in 5138 as seconds; what is below is a year or a day's digits.
        let isSeconds = number.isLess(than: Exact(Int64(100_000_000_000)))
        guard !number.isLess(than: Exact(100_000_000)), number.isLess(than: Exact(Int64(100_000_000_000_000))),
            let microseconds = try? number * Exact(isSeconds ? 1_000_000 : 1_000)
        else { return nil }
        return Timestamp(microseconds: Int64(microseconds.floor))
    }

    private static let firstInstant = Timestamp(CivilDate(year: 1, month: 1, day: 1))
    private static let endOfInstants = Timestamp(CivilDate(year: 10_000, month: 1, day: 1))
}
