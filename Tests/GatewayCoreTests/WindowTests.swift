import Foundation
import GatewayCore
import Testing

/// The gateway's windows against those that Python's zoneinfo has, which `Fixtures/windows.py` wrote down.
@Suite struct WindowTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")

    struct Record: Decodable {
        /// Of the time zone database.
        var release: String
        var zones: [String: [[Int64]]]
    }

    /// Empty when it cannot be read, which is a test of its own.
    static let recorded: Record = {
        let data = try? Data(contentsOf: fixtures.appending(path: "windows.json"))
        return data.flatMap { try? JSONDecoder().decode(Record.self, from: $0) } ?? Record(release: "", zones: [:])
    }()

    /// Rows from here on are forecasts, which another release of the database may not share.
    static let settledUntil: Int64 = 1_767_000_000

    static let hasRecordedRelease: Bool = {
        let database = try? String(contentsOfFile: "/usr/share/zoneinfo/tzdata.zi", encoding: .utf8)
        return database?.prefix(60).split(separator: "\n").first?.hasSuffix(" \(recorded.release)") ?? false
    }()

    /// Rows as the script writes them.
    static func row(_ zone: Zone, at second: Int64) -> [Int64] {
        let windows = zone.windows(at: Timestamp(seconds: second))
        let (day, month) = (windows.daily, windows.monthly)
        return [
            second, second - day.start.seconds, day.end.seconds - second, Int64(day.offsetAtEnd), second - month.start.seconds,
            month.end.seconds - second, Int64(month.offsetAtEnd),
        ]
    }

    @Test func theFixtureIsThere() {
        #expect(Self.recorded.zones.count >= 12)
        #expect(Self.recorded.zones.values.reduce(0) { $0 + $1.count } > 3000)
    }

    @Test(arguments: recorded.zones.keys.sorted())
    func agreesWithTheRecord(_ name: String) throws {
        let zone = try #require(Zone(name))
        for row in try #require(Self.recorded.zones[name]) where row[0] < Self.settledUntil || Self.hasRecordedRelease {
            #expect(Self.row(zone, at: row[0]) == row)
        }
    }

    static var hasPython: Bool {
        (try? python(["-c", "import zoneinfo; zoneinfo.ZoneInfo('America/New_York')"])) != nil
    }

    struct PythonFailed: Error {}

    static func python(_ arguments: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw PythonFailed() }
        return data
    }

    @Test(.enabled(if: hasPython, "python3 with a time zone database"))
    func agreesWithPythonAtRandomInstantsInAllZones() throws {
        let seed = UInt32.random(in: 0 ... .max)
        let script = Self.fixtures.appending(path: "windows.py").path
        let zones = try JSONDecoder().decode(Record.self, from: Self.python([script, "--random", "\(seed)", "12"])).zones
        #expect(zones.count > 400)
        for (name, rows) in zones {
            // Python lists whatever file lies there; the IANA database's names begin with a capital.
            guard let zone = Zone(name) else {
                #expect(name.first?.isLowercase == true, "\(name) is not known")
                continue
            }
            for row in rows {
                #expect(Self.row(zone, at: row[0]) == row, "\(name), seed \(seed)")
            }
        }
    }

    @Test(arguments: [
        // 25 and 23 hours.
        ("America/New_York", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T00:00:00-05:00", "2026-12-01T00:00:00-05:00"),
        ("America/New_York", "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T00:00:00-04:00", "2026-04-01T00:00:00-04:00"),
        // Midnight left out: the day begins at 01:00.
        ("America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T00:00:00-02:00", "2018-12-01T00:00:00-02:00"),
        ("Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-22T22:00:00Z", "2026-04-24T01:00:00+03:00", "2026-05-01T00:00:00+03:00"),
        // Midnight twice: the day begins at the first.
        ("America/Havana", "2024-11-03T12:00:00Z", "2024-11-03T04:00:00Z", "2024-11-04T00:00:00-05:00", "2024-12-01T00:00:00-05:00"),
        // A minute after midnight clocks went back to the day before; the new day went on.
        ("America/St_Johns", "2009-11-01T02:45:00Z", "2009-11-01T02:30:00Z", "2009-11-02T00:00:00-03:30", "2009-12-01T00:00:00-03:30"),
        // A whole day left out.
        ("Pacific/Apia", "2011-12-30T09:00:00Z", "2011-12-29T10:00:00Z", "2011-12-31T00:00:00+14:00", "2012-01-01T00:00:00+14:00"),
        ("Asia/Kolkata", "2024-02-29T12:00:00Z", "2024-02-28T18:30:00Z", "2024-03-01T00:00:00+05:30", "2024-03-01T00:00:00+05:30"),
        ("UTC", "2026-12-31T23:59:59.999999Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
    ])
    func knows(_ name: String, _ instant: String, _ start: String, _ dayEnd: String, _ monthEnd: String) throws {
        let windows = try #require(Zone(name)).windows(at: try #require(Timestamp(instant)))
        #expect(windows.daily.start.rfc3339 == start)
        #expect(windows.daily.resetText == dayEnd)
        #expect(windows.monthly.resetText == monthEnd)
        #expect(windows.daily.kind == .daily && windows.monthly.kind == .monthly)
        #expect(Timestamp(dayEnd) == windows.daily.end)
    }

    @Test(arguments: ["America/St_Johns", "Pacific/Apia", "Africa/Casablanca", "America/Havana", "Antarctica/Troll", "Europe/Dublin"])
    func daysFollowEachOtherWithoutGapsWithinTheirMonths(_ name: String) throws {
        let zone = try #require(Zone(name))
        var windows = zone.windows(at: Timestamp(seconds: 1_230_000_000))
        for _ in 0..<1500 {
            let next = zone.windows(at: windows.daily.end)
            #expect(next.daily.start == windows.daily.end)
            #expect(zone.windows(at: Timestamp(microseconds: next.daily.start.microseconds - 1)) == windows)
            #expect(next.monthly == windows.monthly || next.monthly.start == next.daily.start)
            #expect(next.monthly.start <= next.daily.start && next.daily.end <= next.monthly.end)
            windows = next
        }
    }

    @Test(arguments: [
        "", "utc", "america/new_york", "America/New_York ", "Nowhere/Land", "../UTC", "/usr/share/zoneinfo/UTC", "America/../UTC",
        "America",
        "America/", "America//New_York", "posixrules", "posix/UTC", "right/UTC", "localtime", "tzdata.zi", "PST", "UTC+3", "GMT+3",
        "+03:00",
        "UTC\0", "Ümlaut/Zone", String(repeating: "A/", count: 1000) + "B",
    ])
    func refusesWhatIsNoZone(_ name: String) {
        #expect(!isValidZone(name))
    }

    @Test(arguments: ["UTC", "America/New_York", "Asia/Calcutta", "Etc/GMT+5", "EST5EDT", "America/Argentina/Buenos_Aires", "Europe/Kyiv"])
    func knowsZone(_ name: String) {
        #expect(isValidZone(name))
    }
}
