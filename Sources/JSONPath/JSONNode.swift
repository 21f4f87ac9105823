/// One value of a document. Keeps the document alive; cheap to copy.
package struct JSONNode: Sendable {
    /// The kinds of JSON values.
    package enum Kind: Sendable, Hashable {
        case object, array, string, number, `true`, `false`, null
    }

    let storage: JSONStorage
    let index: Int

    /// What kind of value this is.
    package var kind: Kind {
        storage.withTape { tape in
            switch tape.kind(index) {
            case .null: .null
            case .false: .false
            case .true: .true
            case .number: .number
            case .string, .escapedString, .name, .escapedName: .string
            case .array: .array
            case .object: .object
            }
        }
    }

    /// How many elements an array or differently named members an object has; 0 for other values.
    package var count: Int {
        storage.withTape { $0.childCount(index) }
    }

    /// The value of an object's member; of several with this name, the last. Nil when there is none, or this is not an object.
    package subscript(name: String) -> JSONNode? {
        var name = name
        let found = name.withUTF8 { name in
            storage.withTape { $0.isObject(index) ? $0.member(index, name) : nil }
        }
        return found.map { JSONNode(storage: storage, index: $0) }
    }

    /// An array's element, from 0. Nil when it has fewer, or this is not an array.
    package subscript(position: Int) -> JSONNode? {
        guard position >= 0 else { return nil }
        return storage.withTape { $0.isArray(index) ? $0.element(index, position) : nil }.map { JSONNode(storage: storage, index: $0) }
    }

    /// An array's elements, or the values of an object's members that count, in the order of the text.
    package var children: [JSONNode] {
        storage.withTape { tape in
            var children: [JSONNode] = []
            tape.forEachChild(index) { children.append(JSONNode(storage: storage, index: $0)) }
            return children
        }
    }

    /// An object's members that count, in the order of the text; empty for other values.
    package var members: [(name: String, value: JSONNode)] {
        storage.withTape { tape in
            var members: [(name: String, value: JSONNode)] = []
            guard tape.isObject(index) else { return members }
            tape.forEachChild(index) { members.append((tape.string($0 - 1), JSONNode(storage: storage, index: $0))) }
            return members
        }
    }

    /// A string's characters, escapes resolved; nil for other values.
    package var string: String? {
        storage.withTape { $0.isString(index) ? $0.string(index) : nil }
    }

    /// Lends a string's characters in UTF-8, escapes resolved; without escapes nothing is copied. Nil for other values.
    package func withUTF8<Result>(_ body: (Span<UInt8>) -> Result) -> Result? {
        storage.withTape { tape in
            tape.isString(index) ? tape.withUTF8(index) { body($0.span) } : nil
        }
    }

    /// A number, exactly as written; nil for other values.
    package var number: JSONNumber? {
        storage.withTape { tape in
            tape.kind(index) == .number ? JSONNumber(checked: String(decoding: tape.text(index), as: UTF8.self)) : nil
        }
    }

    /// The value of `true` or `false`; nil for other values.
    package var bool: Bool? {
        switch kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// Whether this is `null`.
    package var isNull: Bool {
        kind == .null
    }

    /// The JSON text of this value as it stands in the document.
    package var raw: ArraySlice<UInt8> {
        storage.bytes[storage.withTape { $0.extent(index) }]
    }

    /// Whether an object in this value has two members of one name: parsers differ in which of them counts.
    package var repeatsNames: Bool {
        storage.withTape { tape in
            var place = index
            let end = tape.next(index)
            while place < end {
                if tape.isObject(place), !tape.overriddenValues(place).isEmpty { return true }
                place += tape.isContainer(place) ? 2 : 1
            }
            return false
        }
    }

    /// Where the value is: its normalized path from the document's root (RFC 9535, section 2.7).
    package var normalizedPath: String {
        storage.withTape { $0.normalizedPath(of: index) }
    }

    /// Whether two values are the same by RFC 9535, section 2.3.5.2.2: numbers by value, strings by characters, arrays by element, objects by name and
    /// value in any order. The values may be of different documents.
    package func isEqual(to other: JSONNode) -> Bool {
        storage.withTape { left in
            other.storage.withTape { right in
                JSONEquality(left, right).areEqual(index, other.index)
            }
        }
    }
}

extension Tape {
    /// How many children a container has; of members with one name, one counts.
    func childCount(_ index: Int) -> Int {
        guard isContainer(index) else { return 0 }
        return isArray(index) ? length(index) : length(index) - overriddenValues(index).count
    }

    /// Walks down from the root, at each level to the child whose subtree holds the index.
    func normalizedPath(of target: Int) -> String {
        var path = "$"
        var current = 0
        while current != target, isContainer(current) {
            var child = current + 2
            var position = 0
            if isArray(current) {
                while next(child) <= target {
                    child = next(child)
                    position += 1
                }
                path += "[\(position)]"
            } else {
                while next(child + 1) <= target { child = next(child + 1) }
                path += "['"
                appendNormalized(string(child), to: &path)
                path += "']"
                child += 1
            }
            current = child
        }
        return path
    }

    private func appendNormalized(_ name: String, to path: inout String) {
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\u{8}": path += "\\b"
            case "\t": path += "\\t"
            case "\n": path += "\\n"
            case "\u{C}": path += "\\f"
            case "\r": path += "\\r"
            case "'": path += "\\'"
            case "\\": path += "\\\\"
            case "\0"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                path += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: path.unicodeScalars.append(scalar)
            }
        }
    }
}
