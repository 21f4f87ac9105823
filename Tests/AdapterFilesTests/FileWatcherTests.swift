import Foundation
import GatewayCore
import Testing

@testable import AdapterFiles

struct DebounceTests {
    @Test func dueOnceTheBurstHasPaused() {
        var debounce = Debounce(quiet: 100, longest: 500)
        #expect(debounce.deadline == nil)
        debounce.note(at: 1000)
        debounce.note(at: 1050)
        #expect(debounce.deadline == 1150)
        let taken = [1149, 1150, 1151].map { debounce.takeIfDue(at: $0) }
        #expect(taken == [false, true, false])
    }

    @Test func dueInTheEndWhateverComes() {
        var debounce = Debounce(quiet: 100, longest: 500)
        for instant in stride(from: UInt64(1000), through: 1480, by: 40) { debounce.note(at: instant) }
        #expect(debounce.deadline == 1500)
    }
}

struct FileWatcherTests {
    /// Watches a folder's a.yaml and keeps what it says; `body` changes it and waits.
    private func watching(
        _ folder: TemporaryFolder, usesEvents: Bool, _ body: (Latest<String?>) throws -> Void
    ) throws {
        let latest = Latest<String?>(nil)
        let paths = WatchedPaths(configuration: folder.file("config.yaml"), adapters: folder.file("plugins"))
        let watcher = FileWatcher(
            usesEvents: usesEvents, paths: { paths }, warn: { Issue.record("\($0)") },
            changed: {
                let text = (try? TextFile.read(folder.file("plugins/a.yaml"))).map { String(decoding: $0, as: UTF8.self) }
                latest.update { $0 = text }
            })
        watcher.start()
        defer { watcher.stop() }
        try body(latest)
    }

    private func folder() throws -> TemporaryFolder { try TemporaryFolder(["config.yaml": "c", "plugins/a.yaml": "0"]) }

    @Test func everyWayToSave() throws {
        let folder = try folder()
        try watching(folder, usesEvents: true) { latest in
            #expect(latest.wait { $0 == "0" })
            try folder.write("plugins/a.yaml", "in place")
            #expect(latest.wait { $0 == "in place" })
            try folder.writeOver("plugins/a.yaml", "renamed over")
            #expect(latest.wait { $0 == "renamed over" })
            try folder.remove("plugins/a.yaml")
            #expect(latest.wait { $0 == nil })
            try folder.write("plugins/a.yaml", "back")
            #expect(latest.wait { $0 == "back" })
            try folder.move("plugins", to: "old")
            #expect(latest.wait { $0 == nil })
            try folder.write("new/a.yaml", "replaced folder")
            try folder.move("new", to: "plugins")
            #expect(latest.wait { $0 == "replaced folder" })
            try folder.write("plugins/a.yaml", "in the replaced folder")
            #expect(latest.wait { $0 == "in the replaced folder" })
        }
    }

    /// How Kubernetes updates a mounted ConfigMap.
    @Test func aLinkThatTurns() throws {
        let folder = try TemporaryFolder(["config.yaml": "c", "v1/a.yaml": "1", "v2/a.yaml": "2"])
        try FileManager.default.createSymbolicLink(atPath: folder.file("data"), withDestinationPath: "v1")
        try FileManager.default.createSymbolicLink(atPath: folder.file("plugins"), withDestinationPath: "data")
        try watching(folder, usesEvents: true) { latest in
            #expect(latest.wait { $0 == "1" })
            try FileManager.default.createSymbolicLink(atPath: folder.file("data.new"), withDestinationPath: "v2")
            #expect(rename(folder.file("data.new"), folder.file("data")) == 0)
            #expect(latest.wait { $0 == "2" })
            try folder.write("v2/a.yaml", "3")
            #expect(latest.wait { $0 == "3" })
        }
    }

    @Test(arguments: [true, false])
    func ofManySavesTheLastOneCounts(_ usesEvents: Bool) throws {
        let folder = try folder()
        try watching(folder, usesEvents: usesEvents) { latest in
            #expect(latest.wait { $0 == "0" })
            for number in 1...100 { try folder.writeOver("plugins/a.yaml", "\(number)") }
            #expect(latest.wait { $0 == "100" })
        }
    }

    @Test func otherFilesDoNotMatter() {
        let interest = FolderInterest(names: ["config.yaml"], isAdapterFolder: false)
        #expect(interest.includes("config.yaml"))
        #expect(!interest.includes("gateway.db-wal"))
        #expect(FolderInterest(isAdapterFolder: true).includes("b.yml"))
        #expect(!FolderInterest(isAdapterFolder: true).includes(".b.yml.swp"))
    }
}

struct ReloaderTests {
    private let now = Timestamp(CivilDate(year: 2026, month: 11, day: 20))

    private struct Running {
        let folder: TemporaryFolder
        let current: CurrentGeneration
        let reloader: Reloader
        let outcomes = Latest<[ReloadOutcome]>([])
        let adopted = Latest<[Int]>([])

        init(now: Timestamp) throws {
            folder = try TemporaryFolder(["config.yaml": "gateway: 1", "plugins/acmedata.yaml": smallAdapter])
            let loader = GenerationLoader(folder.options())
            let started = loader.load(number: 1, at: now)
            current = CurrentGeneration(try #require(started.generation))
            let (outcomes, adopted) = (outcomes, adopted)
            reloader = Reloader(
                loader: loader, started: started, current: current, clock: { now },
                report: { outcome in outcomes.update { $0.append(outcome) } },
                warn: { Issue.record("\($0)") }, adopt: { adoption in adopted.update { $0.append(adoption.generation.number) } })
        }
    }

    @Test func onRequest() async throws {
        let running = try Running(now: now)
        #expect(await running.reloader.reload() == .unchanged(generation: 1))
        try running.folder.write("config.yaml", "gateway: 1\nlisten: 7")
        guard case .refused(1, let problems) = await running.reloader.reload() else {
            Issue.record("not refused")
            return
        }
        #expect(problems.count == 1)
        #expect(running.current.lastAttempt.problems == problems)
        try running.folder.write("config.yaml", "gateway: 1")
        #expect(await running.reloader.reload() == .unchanged(generation: 1))
        #expect(running.current.lastAttempt.problems.isEmpty)
        try running.folder.write("config.yaml", "gateway: 1\non_tracker_error: closed")
        #expect(await running.reloader.reload() == .replaced(generation: 2, notes: []))
        #expect(running.current.generation.number == 2)
        #expect(running.adopted.wait { $0 == [2] })
    }

    @Test func aSavedFileIsLive() throws {
        let running = try Running(now: now)
        running.reloader.watch()
        defer { running.reloader.stop() }
        try running.folder.writeOver("config.yaml", "gateway: 1\non_tracker_error: closed")
        #expect(running.outcomes.wait { $0.last == .replaced(generation: 2, notes: []) })
        try running.folder.write("plugins/acmedata.yaml", "adapter: 1")
        #expect(running.outcomes.wait { if case .refused(2, _)? = $0.last { true } else { false } })
        #expect(running.current.generation.adapters.count == 1)
        try running.folder.write("more/acmedata.yaml", smallAdapter.replacing(once: "adapter: 1", with: "adapter: 1\ntitle: More"))
        try running.folder.write("config.yaml", "gateway: 1\nplugins: more")
        #expect(running.outcomes.wait { $0.last == .replaced(generation: 3, notes: []) })
        #expect(running.current.generation.adapters["acmedata"]?.title == "More")
        // The folder that the configuration names now is the one that is watched.
        try running.folder.write("more/acmedata.yaml", smallAdapter.replacing(once: "adapter: 1", with: "adapter: 1\ntitle: Most"))
        #expect(running.outcomes.wait { $0.last == .replaced(generation: 4, notes: []) })
        #expect(running.current.generation.adapters["acmedata"]?.title == "Most")
    }
}
