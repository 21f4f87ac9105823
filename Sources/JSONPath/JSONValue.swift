/// A JSON value to be written, with an object's members in the order given.
///
/// Names in an object are expected to differ; where they do not, the last one counts in `subscript` and `canonical`.
package enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// A member of an object.
    package struct Member: Sendable, Hashable {
        /// The member's name.
        package let name: String
        /// The member's value.
        package let value: JSONValue

        /// A member with a name and a value.
        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }

        /// Whether names, code by code, and values are the same.
        package static func == (left: Member, right: Member) -> Bool {
            left.name.utf8.elementsEqual(right.name.utf8) && left.value == right.value
        }
    }

    /// How deep the values taken from a document may be nested.
    package static let maximumDepth = 512

    /// Copies a node and all in it; of members with one name the last counts.
    ///
    /// - Throws: `JSONDepthError` when it is nested deeper than `maximumDepth`.
    package init(_ node: JSONNode) throws(JSONDepthError) {
        self = try node.storage.withTape { (tape) throws(JSONDepthError) in try tape.value(node.index, depth: 0) }
    }

    /// A member's value; nil when there is none, or this is not an object.
    package subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// The value as JSON, without white space.
    package var serialized: [UInt8] {
        var bytes: [UInt8] = []
        JSONText.append(self, to: &bytes)
        return bytes
    }

    /// One text for all ways to write the value: members sorted and strings escaped as RFC 8785 has it; numbers by `JSONNumber.normalizedText`,
    /// which unlike RFC 8785 loses no digit.
    package var canonical: [UInt8] {
        var bytes: [UInt8] = []
        JSONText.append(canonicalized, to: &bytes)
        return bytes
    }

    private var canonicalized: JSONValue {
        switch self {
        case .null, .bool, .string: return self
        case .number(let number): return .number(JSONNumber(checked: number.normalizedText))
        case .array(let elements): return .array(elements.map(\.canonicalized))
        case .object(let members):
            var sorted: [(units: [UInt16], member: Member)] = []
            for (units, member) in members.map({ (Array($0.name.utf16), $0) }).enumerated().sorted(by: Self.comesFirst).map(\.element) {
                if sorted.last?.units == units { sorted.removeLast() }
                sorted.append((units, Member(member.name, member.value.canonicalized)))
            }
            return .object(sorted.map(\.member))
        }
    }

    /// Whether two values are written alike, but for how their numbers are written: members in one order, strings code by code (Swift's own `==` on
    /// strings takes different codes for the same accented letter).
    package static func == (left: JSONValue, right: JSONValue) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a.utf8.elementsEqual(b.utf8)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }

    /// The order of UTF-16 code units, and of place for those with one name.
    private static func comesFirst(
        _ left: EnumeratedSequence<[([UInt16], Member)]>.Element, _ right: EnumeratedSequence<[([UInt16], Member)]>.Element
    ) -> Bool {
        left.element.0 == right.element.0 ? left.offset < right.offset : left.element.0.lexicographicallyPrecedes(right.element.0)
    }
}

extension Tape {
    fileprivate func value(_ index: Int, depth: Int) throws(JSONDepthError) -> JSONValue {
        switch kind(index) {
        case .null: return .null
        case .true: return .bool(true)
        case .false: return .bool(false)
        case .number: return .number(JSONNumber(checked: String(decoding: text(index), as: UTF8.self)))
        case .string, .escapedString, .name, .escapedName: return .string(string(index))
        case .array:
            guard depth < JSONValue.maximumDepth else { throw JSONDepthError() }
            var elements: [JSONValue] = []
            elements.reserveCapacity(length(index))
            try forEachChild(index) { (child) throws(JSONDepthError) in elements.append(try value(child, depth: depth + 1)) }
            return .array(elements)
        case .object:
            guard depth < JSONValue.maximumDepth else { throw JSONDepthError() }
            var members: [JSONValue.Member] = []
            members.reserveCapacity(length(index))
            try forEachChild(index) { (child) throws(JSONDepthError) in
                members.append(JSONValue.Member(string(child - 1), try value(child, depth: depth + 1)))
            }
            return .object(members)
        }
    }
}

/// A value is nested deeper than is accepted.
package struct JSONDepthError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One line of English.
    package var description: String { "JSON nested deeper than \(JSONValue.maximumDepth) levels" }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// `null`.
    package init(nilLiteral: ()) { self = .null }

    /// `true` or `false`.
    package init(booleanLiteral value: Bool) { self = .bool(value) }

    /// An integer.
    package init(integerLiteral value: Int64) { self = .number(JSONNumber(value)) }

    /// A string.
    package init(stringLiteral value: String) { self = .string(value) }

    /// An array.
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }

    /// An object with its members in the order given.
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements.map { Member($0.0, $0.1) }) }
}
