import GatewayCore
import JSONPath
import Testing

/// One line of the log, whatever is in it.
@Suite struct LogLineTests {
    private static let hostile = "a b=\"c\"\n2026-01-01T00:00:00.000Z error forged\r\u{1B}[31m\u{7F}é\u{0}"
    private static let instant = Timestamp(microseconds: 1_764_099_296_007_999)

    private func line(_ format: LogFormat) -> String {
        var line = LogLine("what \(Self.hostile)", level: "warning", at: Self.instant, as: format)
        line.add("workspace", Self.hostile)
        line.add(named: Self.hostile, "1")
        line.add("cost", Money(nanos: 5_027_000))
        line.add("status", -1)
        line.add("unverified", true)
        line.add("total_ms", milliseconds: 1_234_567)
        line.add("gateway_ms", milliseconds: -5)
        line.end()
        return String(decoding: line.bytes, as: UTF8.self)
    }

    @Test(arguments: LogFormat.allCases)
    func nothingInALineBeginsAnother(format: LogFormat) {
        let line = line(format)
        #expect(line.utf8.filter { $0 < 0x20 }.count == 1 && line.utf8.last == UInt8(ascii: "\n"))
    }

    @Test func jsonIsAnObjectWithEveryValueAsItWas() throws {
        let value = try JSONValue(JSONDocument(parsing: line(.json)).root)
        #expect(value["time"] == .string("2025-11-25T19:34:56.007Z") && value["level"] == .string("warning"))
        #expect(value["message"] == .string("what \(Self.hostile)") && value["workspace"] == .string(Self.hostile))
        #expect(value[Self.hostile] == .string("1"))
        // Exact: a number would be read as a binary fraction.
        #expect(value["cost"] == .string("0.005027"))
        #expect(line(.json).hasSuffix(#","status":-1,"unverified":true,"total_ms":1.234,"gateway_ms":0.000}"# + "\n"))
    }

    @Test func textHasItsValuesInQuotesWhereTheyNeedThem() {
        var line = LogLine("reloaded", level: "notice", at: Timestamp(seconds: 0), as: .text)
        line.add("plain", "a/b:c,d")
        line.add("empty", "")
        line.add("spaced", "a b")
        line.add("cost", Money(nanos: 280_000_000))
        line.end()
        #expect(
            String(decoding: line.bytes, as: UTF8.self)
                == "1970-01-01T00:00:00.000Z notice reloaded plain=a/b:c,d empty=\"\" spaced=\"a b\" cost=0.28\n")
    }
}
