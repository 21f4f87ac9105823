import Foundation
import Testing

@Suite("Short fuzzing runs")
struct ShortRunTests {
    /// The seeds of a target by name: its own folder, and what the repository ships.
    private static func seeds(of target: FuzzTarget) throws -> [(name: String, bytes: [UInt8])] {
        let here = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let repository = here.deletingLastPathComponent().deletingLastPathComponent()
        func files(in folder: URL) throws -> [URL] {
            try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil).sorted { $0.path < $1.path }
        }
        var seeds = try files(in: here.appending(path: "Seeds/\(target.name)"))
        if target.name == "adapter" { seeds += try files(in: repository.appending(path: "plugins")) }
        if target.name == "configuration" { seeds.append(repository.appending(path: "config.yaml")) }
        return try seeds.map { ($0.lastPathComponent, Array(try Data(contentsOf: $0))) }
    }

    @Test("every seed keeps the promises, some are taken and some refused", arguments: FuzzTarget.all)
    func seeds(_ target: FuzzTarget) throws {
        var outcomes: Set<Bool> = []
        for (name, bytes) in try Self.seeds(of: target) {
            do {
                outcomes.insert(try target.check(bytes))
            } catch {
                Issue.record("\(target) \(name): \(error)")
            }
        }
        #expect(outcomes == [true, false])
    }

    @Test("small seeds, cut off after any byte, keep the promises", arguments: FuzzTarget.all)
    func cutOff(_ target: FuzzTarget) throws {
        for (name, bytes) in try Self.seeds(of: target) where bytes.count < 600 {
            for length in bytes.indices {
                do {
                    _ = try target.check(Array(bytes[..<length]))
                } catch {
                    Issue.record("\(target) \(name), cut off after \(length): \(error)")
                }
            }
        }
    }

    @Test("damaged seeds keep the promises", arguments: FuzzTarget.all)
    func damage(_ target: FuzzTarget) throws {
        let run = Run(target, seeds: try Self.seeds(of: target).map(\.bytes))
        if let (bytes, error) = run.broken { Issue.record("\(target): \(error)\n\(Data(bytes).base64EncodedString())") }
        #expect(run.accepted > 0 && run.accepted < target.shortRun)
    }

    @Test("a promise that only some inputs break is found broken")
    func plantedDefect() {
        let planted = FuzzTarget("planted", maximumLength: 64, shortRun: 4000) { bytes in
            try promise(!(bytes.contains(0) && bytes.count > 8), "no zero in what is longer than eight")
            return true
        }
        #expect(Run(planted, seeds: [Array("12345678".utf8)]).broken != nil)
    }
}

/// A target held against damaged seeds, until one breaks a promise.
private struct Run {
    private(set) var accepted = 0
    private(set) var broken: (bytes: [UInt8], error: any Error)?

    init(_ target: FuzzTarget, seeds: [[UInt8]]) {
        var mutation = Mutation(seeds: seeds, maximumLength: target.maximumLength, seed: 1)
        for _ in 0..<target.shortRun {
            let bytes = mutation.next()
            do {
                if try target.check(bytes) { accepted += 1 }
            } catch {
                broken = (bytes, error)
                return
            }
        }
    }
}
