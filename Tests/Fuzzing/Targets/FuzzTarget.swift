/// A parser, and what it promises of any bytes whatever.
///
/// `Tests/Fuzzing/run` gives it to libFuzzer for as long as one likes; the tests give it its seeds and some damaged copies of them.
struct FuzzTarget: Sendable, CustomStringConvertible {
    let name: String
    /// The longest input worth trying.
    let maximumLength: Int
    /// How many damaged inputs a test tries.
    let shortRun: Int
    /// Returns whether the parser took the bytes, and throws where it broke a promise. May trap: that is a finding too.
    let check: @Sendable ([UInt8]) throws -> Bool

    var description: String { name }

    init(_ name: String, maximumLength: Int, shortRun: Int, check: @escaping @Sendable ([UInt8]) throws -> Bool) {
        self.name = name
        self.maximumLength = maximumLength
        self.shortRun = shortRun
        self.check = check
    }

    static let all: [FuzzTarget] = [
        json, query, regexp, expression, yaml, adapter, configuration, request, chunked, path, route, gzip, responseHead, response, entry,
        segment, tokens, records, cacheKey, eventStream, enrichment,
    ]
}

/// A promise that a parser broke.
struct BrokenPromise: Error, CustomStringConvertible {
    let description: String
}

/// Holds a parser to a promise.
func promise(_ holds: Bool, _ text: @autoclosure () -> String) throws(BrokenPromise) {
    if !holds { throw BrokenPromise(description: text()) }
}

/// A text before the first empty line of an input, and what is behind it: for parsers that need two things.
func halves(_ bytes: [UInt8]) -> (first: String, second: [UInt8]?) {
    let cut = zip(bytes, bytes.dropFirst()).enumerated().first { $1 == (UInt8(ascii: "\n"), UInt8(ascii: "\n")) }?.offset
    guard let cut else { return (String(decoding: bytes, as: UTF8.self), nil) }
    return (String(decoding: bytes[..<cut], as: UTF8.self), Array(bytes[(cut + 2)...]))
}
