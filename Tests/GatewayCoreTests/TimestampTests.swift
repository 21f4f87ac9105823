import GatewayCore
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01", 0), ("2026-11-01", 1_793_491_200_000_000), ("2026-11-01T08:00:00Z", 1_793_520_000_000_000),
        ("2026-11-01t08:00:00z", 1_793_520_000_000_000), ("2026-11-01 08:00:00.25+02:00", 1_793_512_800_250_000),
        ("2026-11-01T08:00:00-05:30", 1_793_539_800_000_000), ("1969-12-31T23:59:59.999999Z", -1), ("1970-01-01T00:00:00.0000019Z", 1),
        ("2024-02-29", 1_709_164_800_000_000), ("2016-12-31T23:59:60Z", 1_483_228_799_000_000), ("0001-01-01", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ])
    func reads(_ text: String, _ microseconds: Int64) {
        #expect(Timestamp(text)?.microseconds == microseconds)
    }

    @Test(arguments: [
        "", "2026", "2026-11", "2026-11-1", "2026-13-01", "2026-00-01", "2026-11-31", "2026-02-29", "2100-02-29", "0000-01-01",
        "2026-11-01T",
        "2026-11-01T08:00", "2026-11-01T08:00:00", "2026-11-01T24:00:00Z", "2026-11-01T08:60:00Z", "2026-11-01T08:00:61Z",
        "2026-11-01T08:00:00.Z",
        "2026-11-01T08:00:00+24:00", "2026-11-01T08:00:00+02", "2026-11-01T08:00:00+02:60", "2026-11-01T08:00:00Zx", "2026/11/01",
        "+026-11-01",
        "2026-11-01T08:00:00.25", "２０２６-11-01", "2026-11-01T-8:00:00Z", " 2026-11-01",
    ])
    func refuses(_ text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test(arguments: [
        (1_795_411_200_000_000, -18_000, "2026-11-23T00:20:00-05:00"), (1_795_411_200_000_000, 0, "2026-11-23T05:20:00Z"),
        (1_795_411_200_250_000, 20_700, "2026-11-23T11:05:00.25+05:45"), (-1, 0, "1969-12-31T23:59:59.999999Z"),
        (0, -12_600, "1969-12-31T20:30:00-03:30"), (1, 0, "1970-01-01T00:00:00.000001Z"),
    ])
    func prints(_ microseconds: Int64, _ offset: Int, _ text: String) {
        let instant = Timestamp(microseconds: microseconds)
        #expect(instant.rfc3339(offset: offset) == text)
        #expect(Timestamp(text) == instant)
    }

    @Test func readsWhatItPrints() {
        for _ in 0..<2000 {
            let instant = Timestamp(microseconds: .random(in: -62_135_000_000_000_000...253_402_000_000_000_000))
            #expect(Timestamp(instant.rfc3339) == instant)
            #expect(Timestamp(instant.rfc3339(offset: .random(in: -14 * 60...14 * 60) * 60)) == instant)
        }
    }

    @Test func roundsDown() {
        #expect(Timestamp(microseconds: -1).seconds == -1 && Timestamp(microseconds: -1).milliseconds == -1)
        #expect(Timestamp(microseconds: -1_000_000).seconds == -1 && Timestamp(microseconds: 1_999_999).seconds == 1)
        // The earliest instant there is, too.
        #expect(
            Timestamp(microseconds: .min).seconds == -9_223_372_036_855
                && Timestamp(microseconds: .min).milliseconds == -9_223_372_036_854_776)
        #expect(Timestamp(microseconds: .min).rfc3339.hasPrefix("-"))
    }

    @Test func countsDays() {
        for day in stride(from: -800_000, to: 3_000_000, by: 97) {
            let date = CivilDate(daysSince1970: day)
            #expect(date.daysSince1970 == day)
        }
        #expect(CivilDate(daysSince1970: 20_758).description == "2026-11-01")
        #expect(!CivilDate(year: 2026, month: 11, day: 31).isValid && CivilDate(year: 2000, month: 2, day: 29).isValid)
    }
}
