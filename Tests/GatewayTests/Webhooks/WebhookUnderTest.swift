import Foundation
import Loopback
import Testing

/// A receiver of alerts in a process of its own, in Python, so that it owes nothing to the gateway's way of signing.
final class WebhookUnderTest {
    let folder: URL
    let secret: String
    private(set) var port = 0
    private var process: Process?

    /// Starts it; `secret` is what the gateway should sign with.
    init(secret: String = "s3cret of the tests") throws {
        self.secret = secret
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("webhook-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try start()
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Starts it again where it was.
    func start() throws {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("receiver.py")
        let output = Pipe()
        process = try Loopback.start(
            "python3", [script.path, String(port), secret, folder.appendingPathComponent("log").path], in: folder, input: Pipe(),
            output: output)
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), byte.first != 0x0A { line += byte }
        port = try #require(Int(String(decoding: line, as: UTF8.self)), "the receiver says where it listens")
    }

    func stop() {
        guard let process else { return }
        try? (process.standardInput as? Pipe)?.fileHandleForWriting.close()
        process.waitUntilExit()
        self.process = nil
    }

    /// What `/switch` answers from here on.
    func answer(_ status: Int) throws { try Data("\(status)".utf8).write(to: folder.appendingPathComponent("switch"), options: .atomic) }

    struct Post {
        var path: String
        var isVerified: Bool
        var type: String
        var alert: [String: Any]

        var level: String { alert["level"] as? String ?? "" }
        var id: String { alert["id"] as? String ?? "" }
    }

    /// What has come so far at a path.
    func posts(at path: String) -> [Post] {
        let text = (try? String(contentsOf: folder.appendingPathComponent("log"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            guard let entry = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else { return nil }
            return Post(
                path: entry["path"] as? String ?? "", isVerified: entry["verified"] as? Bool ?? false, type: entry["type"] as? String ?? "",
                alert: entry["body"] as? [String: Any] ?? [:])
        }.filter { $0.path == path }
    }

    /// As config.yaml has it.
    func configuration(_ paths: String..., signedWith secret: String? = nil) -> String {
        paths.map { #"{ url: "http://127.0.0.1:\#(port)\#($0)", secret: "\#(secret ?? self.secret)" }"# }.joined(separator: ", ")
    }
}
