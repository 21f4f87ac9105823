import AdapterFiles
import Foundation
import GatewayCore

/// A folder with files that goes with its owner.
final class TemporaryFolder: Sendable {
    let path: String

    init(_ files: [String: String] = [:]) throws {
        path = NSTemporaryDirectory() + "gateway-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (name, text) in files { try write(name, text) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file in place, as a shell's redirection does.
    func write(_ name: String, _ text: String) throws {
        let url = URL(fileURLWithPath: file(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// Writes a temporary file and renames it over the other, as editors do.
    func writeOver(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)), options: .atomic)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: file(name)) }

    func move(_ name: String, to other: String) throws { try FileManager.default.moveItem(atPath: file(name), toPath: file(other)) }

    /// Launch options for its config.yaml.
    func options(isSandbox: Bool = false, environment: [String: String] = ["ACMEDATA_API_KEY": "k"]) -> LaunchOptions {
        LaunchOptions(configFile: file("config.yaml"), isSandbox: isSandbox, environment: { environment[$0] })
    }

    /// Diagnostics without the folder's own name.
    func short(_ problems: [Diagnostic]) -> [String] { problems.map { $0.description.replacingOccurrences(of: path + "/", with: "") } }
}

/// Keeps the newest of what other threads say, for whoever waits for something particular.
final class Latest<Value: Sendable>: @unchecked Sendable {
    // `value` is touched under `condition` only.
    private let condition = NSCondition()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func update(_ change: (inout Value) -> Void) {
        condition.lock()
        defer { condition.unlock() }
        change(&value)
        condition.broadcast()
    }

    /// Waits until a value is as expected; false when half a minute has not been enough.
    func wait(until isExpected: (Value) -> Bool) -> Bool {
        let limit = Date(timeIntervalSinceNow: 30)
        condition.lock()
        defer { condition.unlock() }
        while !isExpected(value) {
            guard condition.wait(until: limit) else { return isExpected(value) }
        }
        return true
    }
}
