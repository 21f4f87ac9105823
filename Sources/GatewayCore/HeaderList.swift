/// HTTP header fields in the order and spelling in which they came, in two allocations whatever their number.
///
/// Names compare without case. Values are bytes: nothing is re-encoded on the way through.
package struct HeaderList: Sendable {
    private struct Field: Sendable {
        var name: Range<Int32>
        var value: Range<Int32>
    }

    private var storage: [UInt8] = []
    private var fields: [Field] = []

    package init() {}

    package init(_ pairs: [(String, String)]) {
        for (name, value) in pairs { append(name, value) }
    }

    package var count: Int { fields.count }
    package var isEmpty: Bool { fields.isEmpty }

    package mutating func reserveCapacity(fields count: Int, bytes: Int) {
        fields.reserveCapacity(count)
        storage.reserveCapacity(bytes)
    }

    package mutating func append(_ name: String, _ value: String) {
        append(name: name.utf8, value: value.utf8)
    }

    package mutating func append(name: some Collection<UInt8>, value: some Collection<UInt8>) {
        let start = Int32(storage.count)
        storage.append(contentsOf: name)
        let middle = Int32(storage.count)
        storage.append(contentsOf: value)
        fields.append(Field(name: start..<middle, value: middle..<Int32(storage.count)))
    }

    /// The same for bytes in memory, without a generic's cost: every header of every call passes here.
    package mutating func append(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        let start = Int32(storage.count)
        storage.append(contentsOf: name)
        let middle = Int32(storage.count)
        storage.append(contentsOf: value)
        fields.append(Field(name: start..<middle, value: middle..<Int32(storage.count)))
    }

    /// Appends a field of another list as it stands there.
    package mutating func append(_ field: HeaderView) {
        field.name.withUnsafeBytes { name in
            field.value.withUnsafeBytes { value in append(name: name, value: value) }
        }
    }

    /// Removes every field of that name.
    package mutating func remove(_ name: String) {
        guard contains(name) else { return }
        removeAll { $0.isNamed(name) }
    }

    /// Removes every field for which `condition` holds.
    package mutating func removeAll(where condition: (HeaderView) -> Bool) {
        var kept: [Field] = []
        kept.reserveCapacity(fields.count)
        for index in fields.indices where !condition(self[index]) { kept.append(fields[index]) }
        fields = kept
    }

    /// Replaces every field of that name by one.
    package mutating func set(_ name: String, _ value: String) {
        remove(name)
        append(name, value)
    }

    /// The first field's value of that name, without surrounding white space; nil when there is none or it is not UTF-8.
    package func first(_ name: String) -> String? {
        firstIndex(of: name).flatMap { String(validating: storage[range(fields[$0].value)], as: UTF8.self) }
    }

    /// The values of all fields of that name, in order.
    package func all(_ name: String) -> [String] {
        var values: [String] = []
        var next = firstIndex(of: name)
        while let index = next {
            values.append(String(decoding: storage[range(fields[index].value)], as: UTF8.self))
            next = firstIndex(of: name, from: index + 1)
        }
        return values
    }

    package func contains(_ name: String) -> Bool {
        firstIndex(of: name) != nil
    }

    package subscript(index: Int) -> HeaderView {
        HeaderView(name: storage[range(fields[index].name)], value: storage[range(fields[index].value)])
    }

    /// Of all names and values.
    package var byteCount: Int { storage.count }

    /// Every field's bytes in place, in order: for writing them out without slices of each.
    package func forEach(_ body: (_ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>) -> Void) {
        storage.withUnsafeBufferPointer { bytes in
            for field in fields {
                body(UnsafeBufferPointer(rebasing: bytes[range(field.name)]), UnsafeBufferPointer(rebasing: bytes[range(field.value)]))
            }
        }
    }

    /// Where the first field of that name stands, from a place on. This is what every call asks dozens of times: no slices, no copies.
    package func firstIndex(of name: String, from start: Int = 0) -> Int? {
        var name = name
        return name.withUTF8 { name in
            storage.withUnsafeBufferPointer { bytes in
                for index in start..<fields.count where fields[index].name.count == name.count {
                    if equalIgnoringCase(UnsafeBufferPointer(rebasing: bytes[range(fields[index].name)]), name) { return index }
                }
                return nil
            }
        }
    }

    fileprivate static func areEqual(_ left: ArraySlice<UInt8>, _ right: String) -> Bool {
        equalIgnoringCase(left, right.utf8)
    }

    private func range(_ field: Range<Int32>) -> Range<Int> {
        Int(field.lowerBound)..<Int(field.upperBound)
    }
}

extension HeaderList: Hashable {
    /// Whether the fields are the same, byte for byte and in the same order.
    package static func == (left: HeaderList, right: HeaderList) -> Bool {
        left.count == right.count && (0..<left.count).allSatisfy { left[$0].name == right[$0].name && left[$0].value == right[$0].value }
    }

    package func hash(into hasher: inout Hasher) {
        for field in self {
            hasher.combine(field.name)
            hasher.combine(field.value)
        }
    }
}

/// One field of a ``HeaderList``, as slices of its bytes.
package struct HeaderView: Sendable {
    package let name: ArraySlice<UInt8>
    package let value: ArraySlice<UInt8>

    package func isNamed(_ other: String) -> Bool {
        name.count == other.utf8.count && HeaderList.areEqual(name, other)
    }

    package var nameText: String { String(decoding: name, as: UTF8.self) }
    package var valueText: String { String(decoding: value, as: UTF8.self) }
}

extension HeaderList: Sequence {
    package func makeIterator() -> AnyIterator<HeaderView> {
        var index = 0
        return AnyIterator {
            guard index < self.count else { return nil }
            defer { index += 1 }
            return self[index]
        }
    }
}

/// Whether two ASCII texts are equal without regard to case.
@inlinable
package func equalIgnoringCase(_ left: some Sequence<UInt8>, _ right: some Sequence<UInt8>) -> Bool {
    // Nearly all callers have both in memory, where a plain loop is many times quicker than two iterators.
    let result = left.withContiguousStorageIfAvailable { left in
        right.withContiguousStorageIfAvailable { right in
            guard left.count == right.count else { return false }
            for index in 0..<left.count where left[index] != right[index] {
                let lower = left[index] | 0x20
                guard lower == right[index] | 0x20, (0x61...0x7A).contains(lower) else { return false }
            }
            return true
        }
    }
    if case .some(.some(let isEqual)) = result { return isEqual }
    return left.elementsEqual(right) { a, b in
        a == b || (a | 0x20 == b | 0x20 && (0x61...0x7A).contains(a | 0x20))
    }
}

extension HeaderList {
    /// Whether the content type is that of server-sent events.
    package var areOfEventStream: Bool {
        guard let index = firstIndex(of: "content-type") else { return false }
        let media = self[index].value.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
        return equalIgnoringCase(media, "text/event-stream".utf8)
    }
}
