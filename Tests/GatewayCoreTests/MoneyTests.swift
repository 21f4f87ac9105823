import GatewayCore
import Testing

@Suite struct MoneyTests {
    @Test(arguments: [
        ("0", "0.00"), ("50", "50.00"), ("0.28", "0.28"), ("0.005411", "0.005411"), ("0.000000001", "0.000000001"), ("1.10", "1.10"),
        ("-0.5", "-0.50"), ("0.1000000000", "0.10"), ("9223372036.854775807", "9223372036.854775807"), ("007", "7.00"),
    ])
    func readsAndShows(_ text: String, _ shown: String) {
        #expect(Money(text)?.description == shown)
    }

    @Test(arguments: [
        "", "-", ".", "5.", ".5", "1e3", "+1", "1,000", " 1", "1 ", "$1", "0.0000000001", "9223372036.854775808", "99999999999999999999",
        "1.2.3", "--1", "NaN",
    ])
    func refuses(_ text: String) {
        #expect(Money(text) == nil)
    }

    @Test func sumsStopInsteadOfWrapping() {
        let most = Money(nanos: .max)
        let least = Money(nanos: .min)
        #expect(most + Money(nanos: 1) == most)
        #expect(least - Money(nanos: 1) == least)
        #expect(least + least == least)
        #expect(Money.zero - least == most)
        #expect(least.description == "-9223372036.854775808")
        var sum = most
        sum += most
        sum -= Money(nanos: 7)
        #expect(sum.nanos == .max - 7)
    }

    /// Half a nano-dollar goes up, whichever way the sign is.
    @Test(
        arguments: [
            ("0.0000000005", 1), ("0.00000000049999999999", 0), ("0.0000000015", 2), ("0.0000000014999", 1), ("-0.0000000005", 0),
            ("-0.00000000050001", -1), ("-0.0000000015", -1), ("1/3", 333_333_333), ("2/3", 666_666_667), ("1/2000000000", 1),
            ("1/2000000001", 0),
            ("1000000", 1_000_000_000_000_000),
        ] as [(String, Int64)])
    func roundsHalfUp(_ amount: String, _ nanos: Int64) throws {
        #expect(try exact(amount).money().nanos == nanos)
    }

    @Test(arguments: ["1000000.000000001", "-1000001", "99999999999999999999999999999"])
    func noCallCostsMore(_ amount: String) {
        #expect(throws: ArithmeticError.overflow) { try exact(amount).money() }
    }
}
