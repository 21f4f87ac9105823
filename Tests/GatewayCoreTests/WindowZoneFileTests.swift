import GatewayCore
import Testing

/// Compiled zone files, made by hand: what the machine's own do not show.
@Suite struct WindowZoneFileTests {
    /// A version 2 file.
    static func file(
        transitions: [(Int64, UInt8)] = [], offsets: [Int32] = [0], footer: String = "", leapSeconds: Int = 0, version: String = "2"
    ) -> [UInt8] {
        func number(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.bigEndian) { Array($0) } }
        func header(times: Int, types: Int) -> [UInt8] {
            Array("TZif".utf8) + Array(version.utf8) + [UInt8](repeating: 0, count: 15)
                + [0, 0, leapSeconds, times, types, 4].flatMap { number(UInt32($0)) }
        }
        var bytes = Array("TZif".utf8) + Array(version.utf8) + [UInt8](repeating: 0, count: 15)
        bytes += [0, 0, 0, 0, 1, 1].flatMap { number(UInt32($0)) } + [0, 0, 0, 0, 0, 0, 0]
        bytes += header(times: transitions.count, types: offsets.count)
        bytes += transitions.flatMap { number($0.0) } + transitions.map(\.1)
        bytes += offsets.flatMap { number($0) + [0, 0] } + Array("ABC\0".utf8)
        bytes += [UInt8](repeating: 0, count: leapSeconds * 12)
        return bytes + Array("\n\(footer)\n".utf8)
    }

    @Test func takesTheOffsetOfTheLastTransition() throws {
        let rules = try #require(ZoneRules(tzif: Self.file(transitions: [(100, 1), (200, 2)], offsets: [-60, 3600, 7200])))
        #expect([Int64.min, 99, 100, 199, 200, .max].map(rules.offset) == [-60, -60, 3600, 3600, 7200, 7200])
    }

    @Test(arguments: [
        ("EST5EDT,M3.2.0,M11.1.0", "2040-03-11T06:59:59Z", -5 * 3600), ("EST5EDT,M3.2.0,M11.1.0", "2040-03-11T07:00:00Z", -4 * 3600),
        ("EST5EDT,M3.2.0,M11.1.0", "2040-11-04T05:59:59Z", -4 * 3600), ("EST5EDT,M3.2.0,M11.1.0", "2040-11-04T06:00:00Z", -5 * 3600),
        // South of the equator.
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2040-01-01T00:00:00Z", 11 * 3600),
        ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2040-07-01T00:00:00Z", 36_000),
        ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2040-12-31T23:00:00Z", 11 * 3600),
        // Winter time as the exception, changes on another day than the rule's.
        ("IST-1GMT0,M10.5.0,M3.5.0/1", "2040-12-01T00:00:00Z", 0), ("IST-1GMT0,M10.5.0,M3.5.0/1", "2040-06-01T00:00:00Z", 3600),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2040-03-25T00:59:59Z", -7200),
        ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2040-03-25T01:00:00Z", -3600),
        ("EET-2EEST,M3.4.4/50,M10.4.4/50", "2040-03-23T23:59:59Z", 7200),
        ("EET-2EEST,M3.4.4/50,M10.4.4/50", "2040-03-24T00:00:00Z", 10_800),
        // Days of the year, with and without February 29; daylight saving all year.
        ("AAA0BBB,J60/0,J300", "2040-02-29T23:59:59Z", 0), ("AAA0BBB,J60/0,J300", "2040-03-01T00:00:00Z", 3600),
        ("AAA0BBB,59/0,300", "2040-02-29T00:00:00Z", 3600), ("XXX3EDT4,0/0,J365/23", "2040-12-31T23:30:00Z", -4 * 3600),
        ("XXX3EDT4,0/0,J365/23", "2041-01-01T03:30:00Z", -4 * 3600), ("<+0545>-5:45", "2040-01-01T00:00:00Z", 20_700),
    ])
    func followsTheRecurringRule(_ footer: String, _ instant: String, _ offset: Int) throws {
        let rules = try #require(ZoneRules(tzif: Self.file(footer: footer)))
        #expect(rules.offset(at: try #require(Timestamp(instant)).seconds) == offset)
    }

    @Test(arguments: [
        "EST", "5", "EST5EDT", "EST5EDT,M3.2.0", "EST5EDT,M13.2.0,M11.1.0", "EST5EDT,M3.6.0,M11.1.0", "EST5EDT,M3.2.7,M11.1.0",
        "EST5EDT,J0,J1",
        "EST5EDT,M3.2.0,M11.1.0x", "EST25", "EST5:60", "<EST5", "EST5EDT,M3.2.0/168,M11.1.0", "EST5EDT,400,1", "EST99999999999999999999",
    ])
    func refusesRule(_ footer: String) {
        #expect(ZoneRules(tzif: Self.file(footer: footer)) == nil)
    }

    @Test func refusesDamagedFiles() {
        let whole = Self.file(transitions: [(100, 1), (200, 0)], offsets: [0, 3600], footer: "EST5EDT,M3.2.0,M11.1.0")
        #expect(ZoneRules(tzif: whole) != nil)
        for length in 0..<whole.count {
            #expect(ZoneRules(tzif: Array(whole.prefix(length))) == nil)
        }
        #expect(ZoneRules(tzif: Self.file(transitions: [(200, 0), (100, 0)])) == nil)
        #expect(ZoneRules(tzif: Self.file(transitions: [(100, 1)])) == nil)
        #expect(ZoneRules(tzif: Self.file(offsets: [.min])) == nil)
        #expect(ZoneRules(tzif: Self.file(leapSeconds: 1)) == nil)
        #expect(ZoneRules(tzif: Self.file(version: "\0")) == nil)
    }

    @Test func readsWhateverBytesWithoutTrapping() {
        var generator = SystemRandomNumberGenerator()
        let whole = Self.file(transitions: [(100, 1), (200, 0)], offsets: [0, 3600], footer: "EST5EDT,M3.2.0,M11.1.0")
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let rules = ZoneRules(tzif: bytes)
            let seconds: [Int64] = [.min / 1_000_000, -1, 150, 2_000_000_000, .max / 1_000_000]
            for second in seconds {
                #expect(abs(rules?.offset(at: second) ?? 0) <= 26 * 3600)
            }
        }
    }
}
