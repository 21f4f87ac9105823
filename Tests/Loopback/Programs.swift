package import Foundation

/// The program's path, if it is installed.
package func executable(_ name: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init) + ["/usr/sbin"]
    return folders.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
}

/// Starts an installed program; what it is not given a pipe for goes nowhere.
package func start(_ name: String, _ arguments: [String], in folder: URL, input: Pipe? = nil, output: Pipe? = nil) throws -> Process {
    guard let path = executable(name) else { throw SocketError(description: "\(name) is not installed") }
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.standardInput = input ?? FileHandle.nullDevice
    process.standardOutput = output ?? FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
}
