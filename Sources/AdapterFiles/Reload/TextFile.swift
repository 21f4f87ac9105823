internal import Crypto
internal import Glibc

/// Why a file or folder cannot be read.
struct FileProblem: Error {
    let message: String

    init(_ message: String) {
        self.message = message
    }

    /// What the last system call says.
    init(errno code: Int32) {
        message = String(cString: strerror(code))
    }
}

/// A file's contents, told apart by name and bytes.
package struct FileDigest: Sendable, Hashable {
    package let name: String
    /// The SHA-256 of name and contents; nil for a file that could not be read.
    package let hash: String?

    init(name: String, bytes: [UInt8]) {
        var hash = SHA256()
        name.utf8.withContiguousStorageIfAvailable { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        self.name = name
        self.hash = hexadecimal(hash.finalize())
    }

    /// A file that could not be read.
    init(unreadable name: String) {
        self.name = name
        hash = nil
    }
}

/// A small file, read whole.
enum TextFile {
    /// The contents of a regular file.
    ///
    /// One byte more than is allowed is read of a file that is too large, so that whoever parses it says so.
    static func read(_ path: String) throws(FileProblem) -> [UInt8] {
        // A pipe or device in a file's place must not hold the reader up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileProblem(errno: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileProblem(errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw FileProblem("it is no regular file") }
        let limit = YAMLNode.maximumBytes + 1
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while bytes.count < limit {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileProblem(errno: errno) }
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk.prefix(min(count, limit - bytes.count)))
        }
        return bytes
    }

    /// The adapter files of a folder, by name.
    static func adapters(in folder: String) throws(FileProblem) -> [String] {
        guard let directory = opendir(folder) else { throw FileProblem(errno: errno) }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                tuple.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: tuple.pointee)) { String(cString: $0) }
            }
            if isAdapter(name) { names.append(name) }
        }
        return names.sorted()
    }

    /// Whether a file of that name in the adapters' folder is one. Editors' temporary files are not.
    static func isAdapter(_ name: String) -> Bool {
        (name.hasSuffix(".yaml") || name.hasSuffix(".yml")) && !name.hasPrefix(".") && !name.hasPrefix("#")
    }
}
