import Foundation
import Glibc

/// Reads a whole file, or standard input for `-`.
func readInput(_ path: String) throws -> [UInt8] {
    if path == "-" { return Array(FileHandle.standardInput.readDataToEndOfFile()) }
    do {
        return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    } catch {
        throw fail("gateway: cannot read \(path): \(error.localizedDescription)")
    }
}

/// Writes a line to standard error. Where that fails too (a full disk, a closed pipe) there is nobody left to tell, and it must not end the process.
func printError(_ line: String) {
    var rest = Array((line + "\n").utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        if count < 0 {
            guard errno == EINTR else { return }
        } else {
            rest = rest.dropFirst(count)
        }
    }
}

/// Not print: its buffer would keep the line from whoever waits for it.
func printNow(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
}
