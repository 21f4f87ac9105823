internal import CVocabularies

/// What the patterns ask of a character, as one bit each: every scalar has exactly one.
struct ScalarClass: OptionSet {
    let rawValue: UInt8

    /// `\p{Lu}` and `\p{Lt}`.
    static let capital = ScalarClass(rawValue: 1 << 0)
    /// `\p{Ll}`.
    static let small = ScalarClass(rawValue: 1 << 1)
    /// `\p{Lm}` and `\p{Lo}`: letters without case.
    static let caseless = ScalarClass(rawValue: 1 << 2)
    /// `\p{M}`.
    static let mark = ScalarClass(rawValue: 1 << 3)
    /// `\p{N}`.
    static let number = ScalarClass(rawValue: 1 << 4)
    /// `\s`, but for the two below.
    static let space = ScalarClass(rawValue: 1 << 5)
    /// Carriage return and line feed.
    static let newline = ScalarClass(rawValue: 1 << 6)
    /// Everything else.
    static let symbol = ScalarClass(rawValue: 1 << 7)

    /// `\p{L}`.
    static let letter: ScalarClass = [.capital, .small, .caseless]
    /// `\s`.
    static let whitespace: ScalarClass = [.space, .newline]
}

/// The class of every scalar, by the Unicode version of the patterns' home, which is not the standard library's.
///
/// Scalars come in pages of 256; pages of one class throughout share one, so that the table stays near 40 kB.
final class ScalarClasses: Sendable {
    struct Table {
        let pages: UnsafePointer<UInt8>
        let classes: UnsafePointer<ScalarClass>

        /// The class of an ASCII character, which are on the first page.
        @inline(__always)
        subscript(ascii byte: UInt8) -> ScalarClass { classes[Int(byte)] }

        @inline(__always)
        subscript(scalar: UInt32) -> ScalarClass {
            classes[Int(pages[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
        }
    }

    private let pages: [UInt8]
    private let classes: [UInt8]

    init(_ runs: EmbeddedBytes) {
        let runs = runs.buffer
        let scalars = 0x110000
        var pages: [UInt8] = []
        var classes: [UInt8] = []
        /// Where the page of one class throughout is.
        var uniform: [UInt8: UInt8] = [:]
        var run = -4
        var end = 0
        pages.reserveCapacity(scalars >> 8)
        for first in stride(from: 0, to: scalars, by: 256) {
            /// Goes on to the run that holds a scalar.
            func advance(to scalar: Int) {
                while end <= scalar {
                    run += 4
                    end = run + 4 < runs.count ? Int(runs[run + 4]) | Int(runs[run + 5]) << 8 | Int(runs[run + 6]) << 16 : scalars
                }
            }
            advance(to: first)
            let isUniform = end >= first + 256
            if isUniform, let page = uniform[runs[run + 3]] {
                pages.append(page)
                continue
            }
            let page = UInt8(classes.count >> 8)
            if isUniform { uniform[runs[run + 3]] = page }
            pages.append(page)
            for scalar in first..<first + 256 {
                advance(to: scalar)
                classes.append(1 << runs[run + 3])
            }
        }
        self.pages = pages
        self.classes = classes
    }

    /// Lends the table, whose subscripts are not checked: a scalar of checked UTF-8 is always in it.
    func withTable<Result>(_ body: (Table) -> Result) -> Result {
        pages.withUnsafeBufferPointer { pages in
            classes.withUnsafeBufferPointer { classes in
                // Neither is empty, and a class is its bits.
                guard let pages = pages.baseAddress, let classes = UnsafeRawPointer(classes.baseAddress) else { preconditionFailure("no classes") }
                return body(Table(pages: pages, classes: classes.assumingMemoryBound(to: ScalarClass.self)))
            }
        }
    }
}
