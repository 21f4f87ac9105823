import Foundation

/// A small disk that is really mounted, and can really be full. Needs root.
package final class SmallDisk: Sendable {
    package let path: String

    /// Whether disks can be mounted here.
    package static let isPossible = getuid() == 0 && (try? SmallDisk(megabytes: 1)) != nil

    package init(megabytes: Int) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("small-disk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        do {
            // Everybody may write there, as in /tmp.
            try Self.run("mount", "-t", "tmpfs", "-o", "size=\(megabytes)m,mode=1777", "small-disk", path)
        } catch {
            try? FileManager.default.removeItem(atPath: path)
            throw error
        }
    }

    deinit {
        // Lazily: what a killed process had open may be so for a moment longer.
        try? Self.run("umount", "-l", path)
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Leaves no byte free.
    package func fill() throws {
        let descriptor = open(path + "/ballast", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        defer { close(descriptor) }
        let page = [UInt8](repeating: 0, count: 4096)
        while write(descriptor, page, page.count) > 0 {}
        guard errno == ENOSPC else { throw PostgresServerError("the disk is not full: \(String(cString: strerror(errno)))") }
    }

    /// Makes room again.
    package func free() throws {
        try FileManager.default.removeItem(atPath: path + "/ballast")
    }

    private static func run(_ command: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = command
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw PostgresServerError("\(command[0]) ended with \(process.terminationStatus)")
        }
    }
}
