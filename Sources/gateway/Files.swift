import Foundation
import Glibc
import Synchronization

/// Reads a whole file, or standard input for `-`.
func readInput(_ path: String) throws -> [UInt8] {
    if path == "-" { return Array(FileHandle.standardInput.readDataToEndOfFile()) }
    do {
        return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
        throw fail("gateway: cannot read \(path): \(error.localizedDescription)")
    }
}

/// Writes a line to standard error.
func printError(_ line: String) {
    writeError(Array((line + "\n").utf8))
}

/// Writes whole lines to standard error, one writer at a time, so that none is in the middle of another's. Where that fails too (a full disk, a
/// closed pipe) there is nobody left to tell, and it must not end the process.
func writeError(_ lines: [UInt8]) {
    standardError.withLock { _ in
        var rest = lines[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Somebody who shares it wants no write to wait.
                var wanted = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
                poll(&wanted, 1, -1)
            } else if errno != EINTR {
                return
            }
        }
    }
}

private let standardError = Mutex(())

/// Not print: its buffer would keep the line from whoever waits for it.
func printNow(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}
