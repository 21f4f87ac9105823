/// A JSON number taken apart, for comparing by value: exact for any number of digits and any exponent, in time linear in the text.
///
/// The value is ±0.d₁d₂… × 10^(point + exponent), where d₁ is not 0, `point` comes from where the decimal point stands and `exponent` is as written.
/// Refers to the text's memory, which must outlive it.
struct Decimal {
    let isNegative: Bool
    /// From the first digit that is not 0 to the last that is not 0; may hold the decimal point. Empty for zero.
    private let digits: UnsafeBufferPointer<UInt8>
    /// Where the decimal point stands: how many digits are before it, counted from the first of `digits`; negative when zeros stand between.
    let point: Int
    /// Whether the exponent as written has a minus sign.
    let exponentIsNegative: Bool
    private let exponentDigits: UnsafeBufferPointer<UInt8>

    /// Takes a text of RFC 8259's grammar apart.
    init(_ text: UnsafeBufferPointer<UInt8>) {
        var position = 0
        let negative = text.first == UInt8(ascii: "-")
        if negative { position = 1 }
        var first: Int?
        var last = 0
        var dot: Int?
        while position < text.count, text[position] | 0x20 != UInt8(ascii: "e") {
            if text[position] == UInt8(ascii: ".") {
                dot = position
            } else if text[position] != UInt8(ascii: "0") {
                first = first ?? position
                last = position
            }
            position += 1
        }
        let pointPosition = dot ?? position
        if let first {
            digits = UnsafeBufferPointer(rebasing: text[first...last])
            point = pointPosition > first ? pointPosition - first : pointPosition + 1 - first
            isNegative = negative
        } else {
            digits = UnsafeBufferPointer(rebasing: text[0..<0])
            point = 0
            isNegative = false
        }
        position += 1
        var negativeExponent = false
        if position < text.count, !isDigit(text[position]) {
            negativeExponent = text[position] == UInt8(ascii: "-")
            position += 1
        }
        while position < text.count, text[position] == UInt8(ascii: "0") { position += 1 }
        exponentIsNegative = negativeExponent
        exponentDigits = UnsafeBufferPointer(rebasing: text[min(position, text.count)...])
    }

    var isZero: Bool { digits.isEmpty }

    /// The exponent as written; nil when it has more than fifteen digits.
    var exponent: Int? {
        guard exponentDigits.count <= 15 else { return nil }
        let magnitude = exponentDigits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        return exponentIsNegative ? -magnitude : magnitude
    }

    /// The digits' values from the first that is not 0 to the last that is not 0.
    func forEachDigit(_ body: (UInt8) -> Void) {
        for byte in digits where byte != UInt8(ascii: ".") { body(byte - UInt8(ascii: "0")) }
    }

    /// -1, 0 or 1 as the left number is less than, equal to or greater than the right.
    static func compare(_ left: Decimal, _ right: Decimal) -> Int {
        let signs = left.sign - right.sign
        guard signs == 0 else { return signs.signum() }
        guard !left.isZero else { return 0 }
        var order = compareScales(left, right)
        if order == 0 { order = compareDigits(left.digits, right.digits) }
        return left.isNegative ? -order : order
    }

    static func == (left: Decimal, right: Decimal) -> Bool {
        compare(left, right) == 0
    }

    private var sign: Int { isZero ? 0 : isNegative ? -1 : 1 }

    /// Compares the powers of ten. The difference of the exponents as written is taken digit by digit from the left; once it is larger than any text
    /// is long, further digits cannot change the outcome, so nothing can overflow.
    private static func compareScales(_ left: Decimal, _ right: Decimal) -> Int {
        let width = max(left.exponentDigits.count, right.exponentDigits.count)
        var difference = 0
        for place in 0..<width {
            difference = difference * 10 + left.exponentDigit(place, of: width) - right.exponentDigit(place, of: width)
            if abs(difference) > 1 << 40 { return difference.signum() }
        }
        return (difference + left.point - right.point).signum()
    }

    private func exponentDigit(_ place: Int, of width: Int) -> Int {
        let position = place - (width - exponentDigits.count)
        guard position >= 0 else { return 0 }
        let digit = Int(exponentDigits[position] - UInt8(ascii: "0"))
        return exponentIsNegative ? -digit : digit
    }

    private static func compareDigits(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Int {
        var (i, j) = (0, 0)
        while true {
            if i < left.count, left[i] == UInt8(ascii: ".") { i += 1 }
            if j < right.count, right[j] == UInt8(ascii: ".") { j += 1 }
            guard i < left.count, j < right.count else { return (left.count - i).signum() - (right.count - j).signum() }
            if left[i] != right[j] { return left[i] < right[j] ? -1 : 1 }
            i += 1
            j += 1
        }
    }
}
