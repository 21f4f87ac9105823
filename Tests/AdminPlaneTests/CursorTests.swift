import GatewayCore
import Testing

@testable import AdminPlane

@Suite struct CursorTests {
    private let cursor = CallCursor(CallQuery(workspace: "acme", limit: 10))

    @Test(
        arguments: [
            (1_795_000_000_000_000, "01KC0000000000000000000000"), (0, "x"), (-62_135_596_800_000_000, "ü \"'/%&=\u{0}"),
            (253_402_300_799_999_999, String(repeating: "9", count: 128)),
        ] as [(Int64, String)])
    func aPlaceComesBackAsItWas(microseconds: Int64, id: String) throws {
        let place = CallQuery.Place(createdAt: Timestamp(microseconds: microseconds), id: id)
        let text = cursor.text(place)
        #expect(text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        #expect(cursor.place(text) == place)
        // The page's length and its beginning are no part of the question.
        var query = CallQuery(workspace: "acme", limit: 3)
        query.after = place
        #expect(CallCursor(query).place(text) == place)
    }

    @Test func anotherQuestionsCursorIsRefused() {
        let place = CallQuery.Place(createdAt: Timestamp(seconds: 1), id: "x")
        let text = cursor.text(place)
        for other in [
            CallQuery(limit: 10), CallQuery(workspace: "acm", limit: 10), CallQuery(provider: "acme", limit: 10),
            CallQuery(workspace: "acme", status: 200, limit: 10), CallQuery(workspace: "acme", from: Timestamp(seconds: 0), limit: 10),
            CallQuery(workspace: "4:acme", limit: 10), CallQuery(workspace: "acme,-", limit: 10),
        ] { #expect(CallCursor(other).place(text) == nil) }
    }

    /// No byte can be changed, left out or added so that a cursor is read as two things.
    @Test func whatIsForgedIsRefusedOrIsAPlaceOfItsOwn() {
        let text = cursor.text(CallQuery.Place(createdAt: Timestamp(seconds: 1_795_000_000), id: "01KC0000000000000000000000"))
        var forged = [
            "", "0", "zz", text + "0", text + "zz", text.uppercased() + "A", String(text.dropLast(1)), " " + text, text + "\u{0}",
        ]
        forged += [
            text.prefix(8) + "7fffffffffffffff" + "78", text.prefix(8) + "8000000000000000" + "78", text.prefix(8) + "0+0+0+0+0+0+0+0+78",
        ]
        .map { String($0) }
        forged += [text.prefix(24) + "ff", text.prefix(24) + "c328"].map { String($0) }
        forged.append(text + String(repeating: "61", count: 1000))
        for text in forged { #expect(cursor.place(text) == nil, "\(text)") }
        for index in text.indices {
            for digit in "0f" {
                var changed = text
                changed.replaceSubrange(index...index, with: [digit])
                guard let place = cursor.place(changed) else { continue }
                #expect(cursor.text(place) == changed)
            }
        }
    }

    @Test(arguments: [("acme", ""), ("a-2", "search_people-1"), ("a", String(repeating: "Z", count: 64))])
    func aPlaceAmongHoursComesBackAsItWas(provider: String, pool: String) {
        let place = ComparisonQuery.Place(
            hour: Timestamp(seconds: 1_795_003_200), pool: ProviderPool(provider: provider, name: pool))
        let comparison = HourlyComparison(
            pool: place.pool, hour: place.hour, from: place.hour, until: place.hour, low: .zero, high: .zero, reported: .zero, drift: .zero,
            bound: .one, createdAt: place.hour)
        #expect(ComparisonCursor.place(ComparisonCursor.text(comparison)) == place)
    }

    @Test(arguments: ["", "1", "1.a", "01.a.", "-1.a.", "1.A.", "1..x", "10000000.a.", "1.a.b c", "1.a.b.c", "1.a.\u{0}", "٣.a."])
    func anythingElseIsNoPlaceAmongHours(text: String) {
        #expect(ComparisonCursor.place(text) == nil)
    }
}
