import Testing

@testable import JSONPath

@Suite("JSON numbers")
struct JSONNumberTests {
    private func number(_ text: String) throws -> JSONNumber { try #require(JSONNumber(text)) }

    @Test(
        "one value is one number, however it is written",
        arguments: [
            ["1", "1.0", "1e0", "10e-1", "0.1e1", "0.0001E+4", "1000000000000000000000e-21"],
            ["0", "-0", "0.0", "-0e5", "0e999999999999999999999"],
            ["100", "1e2", "100.00", "0.001e5"], ["-12.5", "-125e-1", "-0.125e2"], ["1e400", "10e399", "0.1e401"],
            ["1e99999999999999999999", "10e99999999999999999998", "0.01e100000000000000000001"],
            ["1e-99999999999999999999", "0.1e-99999999999999999998", "10e-100000000000000000000"],
        ])
    func equal(_ texts: [String]) throws {
        let numbers = try texts.map(number)
        for a in numbers {
            for b in numbers {
                #expect(a == b && !(a < b) && a.hashValue == b.hashValue, "\(a) \(b)")
            }
        }
    }

    @Test("order is exact")
    func order() throws {
        let ascending = try [
            "-1e999999999999999999999", "-1e400", "-1e399", "-9007199254740993", "-9007199254740992", "-1.5", "-1", "-1e-400", "0",
            "1e-99999999999999999999", "1e-9", "0.1", "0.10000000000000000000000000000000001", "0.5", "1",
            "1.0000000000000000000000000000001", "2", "10",
            "9007199254740992", "9007199254740993", "18446744073709551616", "18446744073709551617", "1e399", "1e400", "1e999999999999",
            "1e9999999999999",
        ].map(number)
        for (i, a) in ascending.enumerated() {
            for (j, b) in ascending.enumerated() { #expect((a < b) == (i < j) && (a == b) == (i == j), "\(a) \(b)") }
        }
    }

    @Test(
        "texts that are not numbers are refused",
        arguments: ["", "-", "01", "1.", ".1", "+1", "1e", "0x1", "1 ", " 1", "NaN", "1_000", "1e5.0"])
    func refuses(_ text: String) {
        #expect(JSONNumber(text) == nil)
    }

    @Test(
        "integers are exact or nothing",
        arguments: [
            ("0", 0), ("-0", 0), ("1e2", 100), ("1.50e1", 15), ("1.5", nil), ("9223372036854775807", .max), ("9223372036854775808", nil),
            ("-9223372036854775808", .min), ("-9223372036854775809", nil), ("922337203685477580.7e1", .max),
            ("1e18", 1_000_000_000_000_000_000),
            ("1e19", nil), ("1e999999999999999999", nil), ("99999999999999999999999999999999999900000000000000000000", nil),
            ("0e99999999999999999999", 0),
        ] as [(String, Int64?)])
    func integers(_ text: String, _ value: Int64?) throws {
        #expect(try number(text).int64 == value)
    }

    @Test(
        "decimals come apart",
        arguments: [
            ("0.00", 0, 0), ("12.50", 125, -1), ("-0.001", -1, -3), ("1e400", 1, 400), ("1200", 12, 2),
            ("123456789012345678901234567890.123456", 123_456_789_012_345_678_901_234_567_890_123_456, -6),
        ] as [(String, Int128, Int)])
    func decimals(_ text: String, _ significand: Int128, _ exponent: Int) throws {
        let decimal = try #require(try number(text).decimal)
        #expect(decimal.significand == significand && decimal.exponent == exponent)
    }

    @Test("decimals that do not fit are nothing", arguments: ["1234567890123456789012345678901234567", "1e9999999999999999"])
    func tooLargeDecimals(_ text: String) throws {
        #expect(try number(text).decimal == nil)
    }

    @Test(
        "normalized texts are one for a value",
        arguments: [
            ("1e2", "100"), ("-0", "0"), ("0.50", "0.5"), ("1.0", "1"), ("1e20", "100000000000000000000"), ("1e21", "1e+21"),
            ("1E22", "1e+22"),
            ("0.000001", "0.000001"), ("0.0000001", "1e-7"), ("-123.4560", "-123.456"), ("123456e-3", "123.456"),
            ("12345678901234567890123", "1.2345678901234567890123e+22"),
            ("1e-400", "1e-400"), ("10E99999999999999999", "10e99999999999999999"),
        ])
    func normalized(_ text: String, _ expected: String) throws {
        #expect(try number(text).normalizedText == expected)
        #expect(try number(expected) == number(text))
    }

    @Test(
        "whole numbers are told from others",
        arguments: [
            ("1", true), ("1.0", true), ("15e-1", false), ("1e99999999999999999999", true), ("1e-99999999999999999999", false),
            ("0e-5", true),
        ])
    func wholeNumbers(_ text: String, _ isInteger: Bool) throws {
        #expect(try number(text).isInteger == isInteger)
    }
}
