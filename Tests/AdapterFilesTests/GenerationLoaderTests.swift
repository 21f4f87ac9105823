import AdapterFiles
import GatewayCore
import Testing

struct GenerationLoaderTests {
    private let now = Timestamp(CivilDate(year: 2026, month: 11, day: 20))

    private var otherAdapter: String { smallAdapter.replacing(once: "provider: acmedata", with: "provider: other") }

    @Test func aBadAdapterIsOffAtTheStart() throws {
        let folder = try TemporaryFolder([
            "config.yaml": "gateway: 1", "plugins/acmedata.yaml": smallAdapter, "plugins/other.yml": "adapter: 1\nprovider: other",
            "plugins/notes.txt": "x",
            "plugins/.#acmedata.yaml": "x",
        ])
        let loaded = GenerationLoader(folder.options()).load(number: 1, at: now)
        let generation = try #require(loaded.generation)
        #expect(generation.adapters.keys.sorted() == ["acmedata"])
        #expect(loaded.hasErrors)
        #expect(
            folder.short(loaded.diagnostics) == [
                "plugins/other.yml:1:1: error: missing key 'upstream'", "plugins/other.yml:1:1: error: missing key 'prices'",
                "plugins/other.yml:1:1: error: missing key 'operations'",
            ])
        #expect(generation.warnings.count == 3)
        #expect(loaded.adapters.map(\.isLoaded) == [true, false])
        #expect(loaded.adapters.map(\.exampleCount) == [1, 0])
    }

    @Test func aReloadIsAllOrNothing() throws {
        let folder = try TemporaryFolder([
            "config.yaml": "gateway: 1", "plugins/acmedata.yaml": smallAdapter, "plugins/other.yaml": otherAdapter,
            "plugins/third.yaml": "x",
        ])
        let loader = GenerationLoader(folder.options())
        let first = loader.load(number: 1, at: now)
        let generation = try #require(first.generation)
        // The one that was off already stays off; the others can change.
        try folder.write("config.yaml", "gateway: 1\non_tracker_error: closed")
        let second = loader.load(number: 2, at: now, replacing: generation, after: first)
        #expect(try #require(second.generation).configuration.onTrackerError == .closed)
        // One that served and is bad now keeps all of the generation.
        try folder.write("plugins/other.yaml", "x")
        #expect(loader.load(number: 2, at: now, replacing: generation, after: first).generation == nil)
        // So does a bad one that has been saved, and is bad still.
        try folder.write("plugins/other.yaml", otherAdapter)
        try folder.write("plugins/third.yaml", "y")
        #expect(loader.load(number: 2, at: now, replacing: generation, after: first).generation == nil)
        try folder.remove("plugins/third.yaml")
        #expect(try #require(loader.load(number: 2, at: now, replacing: generation, after: first).generation).adapters.count == 2)
    }

    @Test func aProviderIsOneFile() throws {
        let folder = try TemporaryFolder([
            "config.yaml": "gateway: 1", "plugins/acmedata.yaml": smallAdapter, "plugins/acmedata.yml": smallAdapter,
        ])
        let loaded = GenerationLoader(folder.options()).load(number: 1, at: now)
        #expect(loaded.generation?.adapters.count == 1)
        #expect(
            folder.short(loaded.diagnostics) == [
                "plugins/acmedata.yml:2:11: error: the provider 'acmedata' has another file, \(folder.path)/plugins/acmedata.yaml"
                    .replacing(once: folder.path + "/", with: "")
            ])
    }

    @Test func ownRatesPriceAndChangeTheVersion() throws {
        let folder = try TemporaryFolder(["config.yaml": "gateway: 1", "plugins/acmedata.yaml": smallAdapter])
        let loader = GenerationLoader(folder.options())
        let plain = try #require(loader.load(number: 1, at: now).generation?.adapters["acmedata"])
        try folder.write("config.yaml", "gateway: 1\nproviders: { acmedata: { rates: [ { credit: 0.22 } ], timeout: 5s, enabled: false } }")
        let loaded = loader.load(number: 1, at: now)
        let own = try #require(loaded.generation?.adapters["acmedata"])
        #expect(loaded.diagnostics.isEmpty)
        #expect(plain.prices.entries[0].version != own.prices.entries[0].version)
        #expect(own.prices.entries[0].canonical.contains(#"{"own":true,"unit":"credit","usd":"0.22"}"#))
        let example = own.examples[0]
        #expect(try own.quote(example.request, response: example.response, at: now).charge?.cost == Money("0.44"))
        #expect((own.isEnabled, own.upstream.route.timeout) == (false, 5000))
    }

    @Test(arguments: [
        ("credit: 0.10", "credit: 1", true),
        ("credit: 0.10", "credit: 1.01", false),
        ("credit: 0.10", "credit: 0.009", false),
        ("credit: 0.10", "credit: 0", false),
        ("{ credit: 0.10 }", "{ credit: 1.01, confirmed: true }", true),
        ("    checked: 2026-11-01\n", "    checked: 2026-11-01\n    confirmed: true\n", true),
    ])
    func pricesChangeByAFactorOfTenAtMost(_ old: String, _ new: String, _ isAccepted: Bool) throws {
        let folder = try TemporaryFolder(["config.yaml": "gateway: 1", "plugins/acmedata.yaml": smallAdapter])
        let loader = GenerationLoader(folder.options())
        let first = loader.load(number: 1, at: now)
        var text = smallAdapter.replacing(once: old, with: new)
        // The example would fail at another price.
        text = text.replacing(
            once: "expect: { operation: lookup, estimate: \"0.10\", cost: \"0.20\" }", with: "expect: { operation: lookup }")
        try folder.write("plugins/acmedata.yaml", text)
        let generation = try #require(first.generation)
        let second = loader.load(number: 2, at: now, replacing: generation, after: first)
        #expect((second.generation != nil) == isAccepted, "\(second.diagnostics)")
    }

    @Test func aSlippedPointInOwnRatesIsCaught() throws {
        let folder = try TemporaryFolder(["config.yaml": "gateway: 1", "plugins/acmedata.yaml": smallAdapter])
        let loader = GenerationLoader(folder.options())
        let first = loader.load(number: 1, at: now)
        try folder.write("config.yaml", "gateway: 1\nproviders: { acmedata: { rates: [ { credit: 22 } ] } }")
        let generation = try #require(first.generation)
        let second = loader.load(number: 2, at: now, replacing: generation, after: first)
        #expect(second.generation == nil)
        #expect(
            folder.short(second.diagnostics) == [
                "config.yaml:2:45: error: the price of 'credit' goes from 0.10 to 22 in one reload, and max_price_change is 10; "
                    + "if that is right, write 'confirmed: true' in the row"
            ])
    }

    @Test func whatTakesARestartStays() throws {
        let folder = try TemporaryFolder(["config.yaml": "gateway: 1\nlisten: 127.0.0.1:1", "plugins/acmedata.yaml": smallAdapter])
        let loader = GenerationLoader(folder.options())
        let first = loader.load(number: 1, at: now)
        try folder.write(
            "config.yaml",
            "gateway: 1\nlisten: 127.0.0.1:2\nauth: { mode: keys }\nledger: { url: \"sqlite:b.db\" }\non_tracker_error: closed")
        let generation = try #require(first.generation)
        let second = loader.load(number: 2, at: now, replacing: generation, after: first)
        let configuration = try #require(second.generation).configuration
        #expect(configuration.listen.port == 1)
        #expect(configuration.authentication == .header)
        #expect(configuration.onTrackerError == .closed)
        #expect(second.restartNotes.map { $0.prefix(8) } == ["'listen'", "'ledger'", "'auth' h"])
    }

    @Test func withoutAFile() throws {
        let folder = try TemporaryFolder()
        let loaded = GenerationLoader(folder.options()).load(number: 1, at: now)
        #expect(loaded.generation == nil)
        #expect(folder.short(loaded.diagnostics) == ["config.yaml:1:1: error: the file cannot be read: No such file or directory"])
    }

    @Test func checkingSingleFiles() throws {
        let folder = try TemporaryFolder(["acmedata.yaml": smallAdapter, "b.yaml": "adapter: 1"])
        let checked = GenerationLoader(folder.options()).check(adapterFiles: [folder.file("acmedata.yaml"), folder.file("b.yaml")])
        #expect(checked.adapters.map(\.isLoaded) == [true, false])
        #expect(checked.hasErrors)
    }
}
