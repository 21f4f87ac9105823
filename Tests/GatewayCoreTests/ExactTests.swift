import GatewayCore
import TestSupport
import Testing

@Suite struct ExactTests {
    @Test(arguments: [
        ("12", "12"), ("-0.25", "-0.25"), ("1.5e-3", "0.0015"), ("1E2", "100"), ("1e+2", "100"), ("0e999999999999", "0"), ("-0", "0"),
        ("0.10", "0.1"), ("00012", "12"), ("100000000000000000000000000000000000000", "100000000000000000000000000000000000000"),
        ("1.0000000000000000000000000000000000000000000000", "1"), ("0.5000000000000000000000000000000000000000000000000000", "0.5"),
        ("10000000000000000000000000000000000000000000000000e-49", "1"), ("1e38", "100000000000000000000000000000000000000"),
    ])
    func reads(_ text: String, _ shown: String) throws {
        #expect(try Exact(decimal: text)?.description == shown)
    }

    @Test(arguments: [
        "", "-", "+1", ".5", "5.", "1.e5", "1e", "1e+", "e5", "1 ", "1_000", "1.2.3", "0x10", "NaN", "∞", "١", "1e5x", "--1",
        "{'minute': 9}",
    ])
    func refuses(_ text: String) throws {
        #expect(try Exact(decimal: text) == nil)
    }

    @Test(arguments: [
        "1e400", "1e-400", "1e999999999999999999999999", "170141183460469231731687303715884105728", "9e38", "-9e38", "2e38", "1e39",
        "1e-39",
        "0.1000000000000000055511151231257827021181583404541015625",
    ])
    func outOfRange(_ text: String) {
        #expect(throws: ArithmeticError.overflow) { try Exact(decimal: text) }
    }

    @Test func manyDigitsAreLinear() {
        #expect(throws: ArithmeticError.overflow) { try Exact(decimal: String(repeating: "9", count: 100_000)) }
        #expect(throws: ArithmeticError.overflow) { try Exact(decimal: "1" + String(repeating: "0", count: 100_000)) }
        #expect((try? Exact(decimal: String(repeating: "0", count: 100_000) + "7")) == Exact(7))
        #expect((try? Exact(decimal: "0." + String(repeating: "0", count: 100_000))) == .zero)
    }

    /// Every operation against plain cross multiplication, on operands small enough that it cannot overflow.
    @Test func agreesWithCrossMultiplication() throws {
        var random = SplitMix64(seed: 1)
        for _ in 0..<5_000 {
            let (a, b) = (Int128.random(in: -999...999, using: &random), Int128.random(in: 1...999, using: &random))
            let (c, d) = (Int128.random(in: -999...999, using: &random), Int128.random(in: 1...999, using: &random))
            let (left, right) = (try Exact(a, over: b), try Exact(c, over: d))
            #expect(try left + right == Exact(a * d + c * b, over: b * d))
            #expect(try left - right == Exact(a * d - c * b, over: b * d))
            #expect(try left * right == Exact(a * c, over: b * d))
            if c == 0 {
                #expect(throws: ArithmeticError.divisionByZero) { try left / right }
            } else {
                #expect(try left / right == Exact(a * d, over: b * c))
            }
            #expect(left.isLess(than: right) == (a * d < c * b))
            #expect(left.floor * left.denominator <= left.numerator && (left.floor + 1) * left.denominator > left.numerator)
            #expect(left.ceiling * left.denominator >= left.numerator && (left.ceiling - 1) * left.denominator < left.numerator)
            #expect(left.denominator > 0)
        }
    }

    /// Values at the edges of the range: an error or a value that keeps the invariants, never a trap.
    @Test func edgesOverflowAsErrors() {
        var random = SplitMix64(seed: 2)
        let edges: [Int128] = [
            0, 1, -1, 2, -2, 3, -3, 1 << 63, 1 << 64, -(1 << 64), .max, .max - 1, .min + 1, .min + 2, .min, .max / 2, .max / 3,
        ]
        let values = edges.flatMap { numerator in edges.compactMap { try? Exact(numerator, over: $0) } } + edges.map { Exact($0) }
        for _ in 0..<20_000 {
            guard let left = values.randomElement(using: &random), let right = values.randomElement(using: &random) else { continue }
            for result in [try? left + right, try? left - right, try? left * right, try? left / right] {
                if let result { #expect(result.denominator > 0) }
            }
            let orders = [left.isLess(than: right), right.isLess(than: left), left == right].count { $0 }
            #expect(orders == 1, "\(left) and \(right)")
            _ = (left.floor, left.ceiling, left.description, try? left.money(), try? left.roundedHalfUp())
        }
    }

    /// What is shown reads back as the same value, decimal or fraction.
    @Test func showsExactly() throws {
        var random = SplitMix64(seed: 3)
        for _ in 0..<5_000 {
            let denominators: [Int128] = [
                1, 2, 3, 5, 7, 64, 625, 1 << 18, 1 << 19, 1_000_000, 4_000_000, 1_000_000_000_000_000_000, 10_000_000_000_000_000_000,
            ]
            let value = try Exact(
                Int128(Int64.random(in: -9_999_999...9_999_999, using: &random)), over: denominators.randomElement(using: &random) ?? 1)
            let (shown, isFraction) = (value.description, value.description.contains("/"))
            #expect(exact(shown) == value, "\(shown)")
            #expect(isFraction || !shown.contains(".") || !shown.hasSuffix("0"))
        }
        #expect(exact("0.000000000000000001").description == "0.000000000000000001")
        #expect(try Exact(1, over: 10_000_000_000_000_000_000).description == "1/10000000000000000000")
        #expect(Exact(Int128.min).description == "\(Int128.min)")
    }

    @Test func comparesWideValues() throws {
        let third = try Exact(.max, over: 3)
        #expect(Exact(.max / 3).isLess(than: third))
        #expect(try Exact(.min + 1, over: 3).isLess(than: Exact(.min / 3)))
        #expect(try Exact(.max - 1, over: .max).isLess(than: Exact.one))
        #expect(try !Exact(.max, over: .max - 1).isLess(than: Exact.one))
    }
}
