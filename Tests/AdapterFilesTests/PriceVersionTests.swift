import AdapterFiles
import GatewayCore
import Testing

struct PriceVersionTests {
    private func version(_ text: String) throws -> String {
        try #require(decodeAdapter(text).adapter).prices.entries[0].version
    }

    @Test func dateAndDigest() throws {
        let entry = try #require(decodeAdapter(smallAdapter).adapter).prices.entries[0]
        let canonical =
            #"{"effective":"2026-01-01T00:00:00Z","prices":[{"unit":"credit","usd":"0.1"},"#
            + #"{"unit":"token","usd":"0.00000025","when":{"model":"small"}}]}"#
        #expect(entry.canonical == canonical)
        // printf '%s' "$canonical" | sha256sum
        #expect(entry.version == "2026-01-01+f388d891")
    }

    @Test(arguments: [
        ("checked: 2026-11-01", "checked: 2026-11-02"),
        ("https://acmedata.example/pricing", "the contract of May"),
        ("credit: 0.10", "credit: 100 / 1k"),
        ("- { credit: 0.10 }\n      - { model: small, token: 0.25 / 1M }", "- { token: 0.25 / 1M, model: small }\n      - { credit: 0.1 }"),
    ])
    func whatChangesNoPriceChangesNoVersion(_ old: String, _ new: String) throws {
        #expect(try version(smallAdapter) == version(smallAdapter.replacing(once: old, with: new)))
    }

    @Test(arguments: [
        ("effective: 2026-01-01", "effective: 2026-01-01T01:00:00Z"),
        ("credit: 0.10", "credit: 0.11"),
        ("model: small", "model: \"small*\""),
    ])
    func whatChangesAPriceChangesTheVersion(_ old: String, _ new: String) throws {
        // The example would fail at another price.
        let text = smallAdapter.replacing(once: "estimate: \"0.10\", cost: \"0.20\"", with: "basis: table")
        #expect(try version(text) != version(text.replacing(once: old, with: new)))
    }

    @Test func newestFirst() throws {
        let text = smallAdapter.replacing(
            once: "prices:\n", with: "prices:\n  - { effective: 2025-01-01, source: s, checked: 2025-01-01, rates: [ { credit: 5 } ] }\n")
        let adapter = try #require(decodeAdapter(text).adapter)
        #expect(adapter.prices.entries.map { $0.version.prefix(10) } == ["2026-01-01", "2025-01-01"])
    }
}
