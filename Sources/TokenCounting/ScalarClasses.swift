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

    /// `nonisolated(unsafe)`: written in `init` and never again. As good as long as this is.
    nonisolated(unsafe) let table: Table

    init(_ runs: EmbeddedBytes) {
        let scalars = 0x110000
        var pages: [UInt8] = []
        var classes: [ScalarClass] = []
        /// The page of one class throughout, by class.
        var uniform: [UInt8: UInt8] = [:]
        /// Where the run is that holds a scalar, and where it ends.
        var run = -4
        var end = 0
        func goOn(to scalar: Int) {
            while end <= scalar {
                run += 4
                let next = runs.bytes + run + 4
                end = run + 4 < runs.count ? Int(next[0]) | Int(next[1]) << 8 | Int(next[2]) << 16 : scalars
            }
        }
        for first in stride(from: 0, to: scalars, by: 256) {
            goOn(to: first)
            let isUniform = end >= first + 256
            let bit = runs.bytes[run + 3]
            if isUniform, let page = uniform[bit] {
                pages.append(page)
                continue
            }
            pages.append(UInt8(classes.count >> 8))
            if isUniform { uniform[bit] = pages[first >> 8] }
            for scalar in first..<first + 256 {
                goOn(to: scalar)
                classes.append(ScalarClass(rawValue: 1 << runs.bytes[run + 3]))
            }
        }
        table = Table(pages: Self.copy(pages), classes: Self.copy(classes))
    }

    deinit {
        table.pages.deallocate()
        table.classes.deallocate()
    }

    private static func copy<Value>(_ values: [Value]) -> UnsafePointer<Value> {
        let memory = UnsafeMutablePointer<Value>.allocate(capacity: values.count)
        memory.initialize(from: values, count: values.count)
        return UnsafePointer(memory)
    }
}
