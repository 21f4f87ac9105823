/// A place in a distributed trace: https://www.w3.org/TR/trace-context/.
package struct TraceContext: Sendable, Hashable {
    /// The trace's 16 bytes.
    package let traceHigh: UInt64
    package let traceLow: UInt64
    /// The step's 8 bytes: the `parent-id` of whoever is called from here.
    package let span: UInt64
    /// Whether the caller may have recorded its steps. No other flag is defined; those are not passed on.
    package let isSampled: Bool

    package init(traceHigh: UInt64, traceLow: UInt64, span: UInt64, isSampled: Bool) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.span = span
        self.isSampled = isSampled
    }

    /// Reads the value of `traceparent`; nil where the specification wants it ignored. A version of the future is read as far as it is known.
    package init?(traceparent text: ArraySlice<UInt8>) {
        let start = text.startIndex
        let dash = UInt8(ascii: "-")
        guard text.count >= 55, text[start + 2] == dash, text[start + 35] == dash, text[start + 52] == dash,
            let version = Self.number(text[start..<start + 2]), version != 0xFF,
            text.count == 55 || version > 0 && text[start + 55] == dash,
            let high = Self.number(text[start + 3..<start + 19]), let low = Self.number(text[start + 19..<start + 35]), high | low != 0,
            let span = Self.number(text[start + 36..<start + 52]), span != 0, let flags = Self.number(text[start + 53..<start + 55])
        else { return nil }
        self.init(traceHigh: high, traceLow: low, span: span, isSampled: flags & 1 == 1)
    }

    /// Lower-case hexadecimal digits alone.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    /// The value of `traceparent` for whoever is called from here.
    package var traceparent: String {
        String(unsafeUninitializedCapacity: 55) { buffer in
            buffer[0] = UInt8(ascii: "0")
            buffer[1] = UInt8(ascii: "0")
            buffer[2] = UInt8(ascii: "-")
            Self.write(traceHigh, to: buffer, at: 3)
            Self.write(traceLow, to: buffer, at: 19)
            buffer[35] = UInt8(ascii: "-")
            Self.write(span, to: buffer, at: 36)
            buffer[52] = UInt8(ascii: "-")
            buffer[53] = UInt8(ascii: "0")
            buffer[54] = isSampled ? UInt8(ascii: "1") : UInt8(ascii: "0")
            return 55
        }
    }

    /// 32 digits.
    package var traceID: String {
        String(unsafeUninitializedCapacity: 32) { buffer in
            Self.write(traceHigh, to: buffer, at: 0)
            Self.write(traceLow, to: buffer, at: 16)
            return 32
        }
    }

    /// 16 digits.
    package var spanID: String { Self.text(ofSpan: span) }

    package static func text(ofSpan span: UInt64) -> String {
        String(unsafeUninitializedCapacity: 16) { buffer in
            write(span, to: buffer, at: 0)
            return 16
        }
    }

    private static func write(_ value: UInt64, to buffer: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
        for index in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * index)) & 0xF
            buffer[start + index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
        }
    }
}
