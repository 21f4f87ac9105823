internal import JSONPath

/// What tells a request whose answer is kept or shared from every other: the SHA-256 of a ``CacheQuestion``.
package struct CacheKey: Sendable, Hashable, CustomStringConvertible {
    package static let size = 32

    /// ``size`` bytes.
    package let digest: [UInt8]

    /// Needs ``size`` bytes.
    package init(digest: some Sequence<UInt8>) {
        self.digest = Array(digest)
    }

    /// 64 hexadecimal digits.
    package var description: String { Hexadecimal.text(digest) }
}

/// What a request asks, by whom, of whom: requests with the same bytes here have the same answer.
///
/// Spellings that mean the same to every provider are one (the order of a JSON object's members and of a query's parameters, a number's
/// writing). Whatever a provider could take differently makes another question: the worst that it costs is a call.
package struct CacheQuestion: Sendable {
    package var workspace: String
    package var provider: String
    package var operation: String
    package var method: String
    /// The provider's own path, as it came.
    package var path: String
    /// As it is sent, less the provider's credentials.
    package var query: String?
    package var body: [UInt8]
    /// `Accept`, the encoding in effect, and what the adapter lists, with all values of each.
    package var headers: [(name: String, values: [String])]

    package init(
        workspace: String, provider: String, operation: String, method: String, path: String, query: String?, body: [UInt8],
        headers: [(name: String, values: [String])]
    ) {
        self.workspace = workspace
        self.provider = provider
        self.operation = operation
        self.method = method
        self.path = path
        self.query = query
        self.body = body
        self.headers = headers
    }

    /// Every part with its length before it, so that no two questions have the same bytes.
    package var canonicalBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256 + body.count)
        func append(_ count: Int) {
            withUnsafeBytes(of: UInt64(count).bigEndian) { bytes.append(contentsOf: $0) }
        }
        func append(_ part: some Collection<UInt8>) {
            append(part.count)
            bytes.append(contentsOf: part)
        }
        // The first byte is the form's own version: keys of another form are never met.
        bytes.append(1)
        for part in [workspace, provider, operation, method, path] { append(part.utf8) }
        let parameters = query.map(Self.sorted)
        append(parameters.map { $0.count + 1 } ?? 0)
        for parameter in parameters ?? [] { append(parameter.utf8) }
        let fields = headers.map { (name: $0.name.lowercased(), values: $0.values) }.sorted { $0.name < $1.name }
        append(fields.count)
        for field in fields {
            append(field.name.utf8)
            append(field.values.count)
            for value in field.values { append(value.utf8) }
        }
        if body.isEmpty {
            bytes.append(0)
        } else if let json = Self.canonicalJSON(body) {
            bytes.append(1)
            append(json)
        } else {
            bytes.append(2)
            append(body)
        }
        return bytes
    }

    /// Parameters by name; those of one name stay in their order, which a provider may care about.
    private static func sorted(_ query: String) -> [Substring] {
        let parameters = query.split(separator: "&", omittingEmptySubsequences: false)
        func name(_ parameter: Substring) -> Substring.UTF8View.SubSequence { parameter.utf8.prefix { $0 != UInt8(ascii: "=") } }
        return parameters.enumerated().sorted { left, right in
            let (a, b) = (name(left.element), name(right.element))
            if a.lexicographicallyPrecedes(b) { return true }
            return a.elementsEqual(b) && left.offset < right.offset
        }.map(\.element)
    }

    /// Nil for what is not JSON, or JSON that parsers do not agree on.
    private static func canonicalJSON(_ body: [UInt8]) -> [UInt8]? {
        guard let root = try? JSONDocument(parsing: body).root, !root.repeatsNames, let value = try? JSONValue(root) else { return nil }
        return value.canonical
    }
}

/// Bytes as text, two digits each.
package enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    package static func text(_ bytes: some Collection<UInt8>) -> String {
        String(unsafeUninitializedCapacity: bytes.count * 2) { buffer in
            var index = 0
            for byte in bytes {
                buffer[index] = digits[Int(byte >> 4)]
                buffer[index + 1] = digits[Int(byte & 15)]
                index += 2
            }
            return index
        }
    }

    /// The bytes of an even number of digits; nil for anything else.
    package static func bytes(_ text: some StringProtocol) -> [UInt8]? {
        guard text.utf8.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count / 2)
        var high: UInt8?
        for digit in text.utf8 {
            guard let value = Character(UnicodeScalar(digit)).hexDigitValue.map(UInt8.init) else { return nil }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes
    }
}
