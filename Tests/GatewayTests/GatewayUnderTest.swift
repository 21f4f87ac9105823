import Foundation
import Loopback
import Testing

/// A gateway process of its own: the real executable, in a scratch folder, on free ports.
final class GatewayUnderTest {
    let folder: URL
    private(set) var port = 0
    private(set) var adminPort = 0
    /// What it said when it began to serve.
    private(set) var greeting = ""
    private var process = Process()
    private let errors = Lines()

    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Beside the test bundle, where the build puts every product.
    static var executable: URL {
        get throws {
            for argument in CommandLine.arguments + [Bundle.main.executablePath ?? ""] where argument.contains(".build") {
                var folder = URL(fileURLWithPath: argument).deletingLastPathComponent()
                while folder.path.contains(".build") {
                    let candidate = folder.appendingPathComponent("gateway")
                    if FileManager.default.isExecutableFile(atPath: candidate.path) { return candidate }
                    folder.deleteLastPathComponent()
                }
            }
            let built = repository.appendingPathComponent(".build/debug/gateway")
            try #require(FileManager.default.isExecutableFile(atPath: built.path), "the gateway is built before its tests")
            return built
        }
    }

    /// One of the adapters that ship, for a gateway that is to have no others: commands load them all, and run their examples.
    static func shipped(_ name: String) throws -> [String: String] {
        [name: try String(contentsOf: repository.appendingPathComponent("plugins/\(name)"), encoding: .utf8)]
    }

    /// A scratch folder with a configuration and the adapters to use, by file name.
    init(configuration: String = "", plugins: [String: String] = [:], shippedPlugins: Bool = true) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("gateway-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder.appendingPathComponent("plugins"), withIntermediateDirectories: true)
        if shippedPlugins {
            let shipped = Self.repository.appendingPathComponent("plugins")
            for name in try FileManager.default.contentsOfDirectory(atPath: shipped.path) {
                try FileManager.default.copyItem(
                    at: shipped.appendingPathComponent(name), to: folder.appendingPathComponent("plugins/\(name)"))
            }
        }
        for (name, text) in plugins { try write(text, to: "plugins/\(name)") }
        try write(
            """
            gateway: 1
            listen: 127.0.0.1:0
            admin: { listen: 127.0.0.1:0 }
            \(configuration)
            """, to: "config.yaml")
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        try? FileManager.default.removeItem(at: folder)
    }

    func write(_ text: String, to name: String) throws {
        // Written beside and renamed, as editors do.
        try Data(text.utf8).write(to: folder.appendingPathComponent(name), options: .atomic)
    }

    func read(_ name: String) throws -> String {
        try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
    }

    /// Starts it and returns once it serves. `openFiles` are the shell's `ulimit` options that it starts with; with a `log` of the test's own, it is
    /// the test's to read.
    func start(
        sandbox: Bool = true, environment: [String: String] = [:], arguments: [String] = [], openFiles: String? = nil, log: Pipe? = nil
    ) throws {
        process = Process()
        process.executableURL = try Self.executable
        // The sandbox has a ledger of its own, unless told which: here commands are to find it where the configuration says.
        let isTold = try arguments.contains("--ledger") || read("config.yaml").contains("postgres://")
        let ledger = sandbox && !isTold ? ["--ledger", "sqlite:gateway.db"] : []
        let arguments = ["serve"] + (sandbox ? ["--sandbox"] : []) + ledger + arguments
        process.arguments = arguments
        if let openFiles {
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", #"ulimit \#(openFiles) && exec "$0" "$@""#, try Self.executable.path] + arguments
        }
        process.currentDirectoryURL = folder
        process.environment = ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }
        let output = Pipe()
        let error = log ?? Pipe()
        process.standardOutput = output
        process.standardError = error
        if log == nil { errors.follow(error.fileHandleForReading) }
        try process.run()
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), byte.first != 0x0A { line += byte }
        greeting = String(decoding: line, as: UTF8.self)
        let ports = greeting.matches(of: /http:\/\/127\.0\.0\.1:(\d+)/).compactMap { Int($0.1) }
        try #require(ports.count == 2, "it says where it serves: \(greeting) \(errors.all.joined(separator: "\n"))")
        port = ports[0]
        adminPort = ports[1]
        // Commands find the running gateway where the configuration says.
        let fixed = try read("config.yaml").replacing(
            /admin: \{ listen: 127\.0\.0\.1:\d+ \}/, with: "admin: { listen: 127.0.0.1:\(adminPort) }")
        try write(fixed, to: "config.yaml")
    }

    /// How many files and sockets it has open.
    var openFileCount: Int {
        get throws { try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processIdentifier)/fd").count }
    }

    /// The most memory that it has had, bytes.
    var peakMemory: Int {
        get throws {
            let status = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
            return (status.firstMatch(of: /VmHWM:\s+(\d+) kB/).flatMap { Int($0.1) } ?? 0) * 1024
        }
    }

    /// A connection to the data plane.
    func client(receiveBuffer: Int32? = nil) throws -> RawClient { try RawClient(port: port, receiveBuffer: receiveBuffer) }

    /// What it has written to standard error so far.
    var log: [String] { errors.all }

    func kill9() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Stops it as an operator would, and returns its exit code.
    @discardableResult
    func stop() -> Int32 {
        process.terminate()
        process.waitUntilExit()
        return process.terminationStatus
    }

    func get(_ target: String, _ headers: [String: String] = ["X-Workspace-Id": "acme"]) throws -> Reply {
        try send("GET", target, headers)
    }

    func send(_ method: String, _ target: String, _ headers: [String: String] = ["X-Workspace-Id": "acme"], body: String? = nil) throws
        -> Reply
    {
        try HTTPClient(port: port).send(method, target, headers, body: body)
    }

    func admin(_ method: String, _ target: String) throws -> Reply {
        try HTTPClient(port: adminPort).send(method, target, [:])
    }

    /// Runs another command of the executable in the same folder.
    func command(_ arguments: String..., environment: [String: String]? = nil) throws -> CommandResult {
        try CommandResult.run(try Self.executable, arguments, in: folder, environment: environment)
    }

    /// Runs SQL on the ledger, read-only.
    func ledger(_ sql: String) throws -> [[String]] {
        let script = """
            import sqlite3, json, sys
            database = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
            print(json.dumps([[None if v is None else str(v) for v in row] for row in database.execute(sys.argv[2])]))
            """
        let result = try CommandResult.run(
            URL(fileURLWithPath: "/usr/bin/env"), ["python3", "-c", script, folder.appendingPathComponent("gateway.db").path, sql],
            in: folder)
        try #require(result.status == 0, "\(result.error)")
        let rows = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[Any]] ?? []
        return rows.map { $0.map { $0 as? String ?? "" } }
    }
}

/// Waits until a condition holds; records an issue when it never does.
func eventually(_ what: String, within seconds: Double = 20, _ condition: () throws -> Bool) rethrows {
    let deadline = Date().addingTimeInterval(seconds)
    while Date() < deadline {
        if try condition() { return }
        usleep(20_000)
    }
    Issue.record("never happened: \(what)")
}

/// The lines that a process writes, as they come. The lock guards the array; the handler runs on a thread of its own.
final class Lines: @unchecked Sendable {
    private let lock = NSLock()
    private var text = ""

    func follow(_ handle: FileHandle) {
        handle.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            guard !data.isEmpty else {
                handle.readabilityHandler = nil
                return
            }
            guard let self else { return }
            self.lock.withLock { self.text += String(decoding: data, as: UTF8.self) }
        }
    }

    var all: [String] { lock.withLock { text.split(separator: "\n").map(String.init) } }
}

/// A command that has run to its end.
struct CommandResult {
    var status: Int32
    var output: String
    var error: String

    static func run(_ executable: URL, _ arguments: [String], in folder: URL, environment: [String: String]? = nil) throws -> CommandResult
    {
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.currentDirectoryURL = folder
        if let environment { process.environment = environment }
        // Files, not pipes: a pipe that nobody reads would stop the command.
        let name = UUID().uuidString
        let files = ["out", "err"].map { FileManager.default.temporaryDirectory.appendingPathComponent("\(name).\($0)") }
        for file in files { try Data().write(to: file) }
        defer { for file in files { try? FileManager.default.removeItem(at: file) } }
        let handles = try files.map { try FileHandle(forWritingTo: $0) }
        process.standardOutput = handles[0]
        process.standardError = handles[1]
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return CommandResult(
            status: process.terminationStatus, output: try String(contentsOf: files[0], encoding: .utf8),
            error: try String(contentsOf: files[1], encoding: .utf8))
    }
}
