internal import Glibc

/// The names and the lock of a journal's folder.
struct JournalFolder: Sendable {
    let path: String

    /// `00000000000000000001.journal`
    func path(ofSegment number: UInt64) -> String {
        let digits = String(number)
        return "\(path)/\(String(repeating: "0", count: max(0, 20 - digits.utf8.count)))\(digits).journal"
    }

    /// Where a segment is made before it gets its name, so that every segment has a whole header.
    var newSegmentPath: String { "\(path)/new-segment" }

    /// Makes the folder and those above it where they are missing.
    func create() throws(SystemError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            made += part
            if mkdir(made, 0o750) != 0, errno != EEXIST, errno != EISDIR { throw SystemError(code: errno, operation: "create \(made)") }
            made += "/"
        }
    }

    /// The numbers of the segments that are there, ascending.
    func segments() throws(SystemError) -> [UInt64] {
        guard let folder = opendir(path) else { throw SystemError(code: errno, operation: "open \(path)") }
        defer { closedir(folder) }
        var numbers: [UInt64] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard name.hasSuffix(".journal"), name.utf8.count == 28, let number = UInt64(name.dropLast(8)) else { continue }
            numbers.append(number)
        }
        return numbers.sorted()
    }

    private var lockPath: String { "\(path)/lock" }

    /// Takes the folder for this process until the descriptor is closed. The lock is the kernel's, so a killed process leaves none behind.
    func lock() throws(JournalError) -> Descriptor {
        let file: Descriptor
        do throws(SystemError) {
            file = try Descriptor(path: lockPath, flags: O_RDWR | O_CREAT, orReading: true)
        } catch {
            throw JournalError("the journal \(path) cannot be used: \(error)")
        }
        try take(file, LOCK_EX)
        // The number is for the message above only; a disk that is too full for it does not matter.
        let text = Array("\(getpid())\n".utf8)
        if ftruncate(file.number, 0) == 0 { _ = text.withUnsafeBytes { pwrite(file.number, $0.baseAddress, $0.count, 0) } }
        return file
    }

    /// Keeps a gateway from taking the folder while it is read; nil where no gateway has ever had it. Throws when one has it now.
    func lockForReading() throws(JournalError) -> Descriptor? {
        guard let file = try? Descriptor(path: lockPath, flags: readOnly) else { return nil }
        try take(file, LOCK_SH)
        return file
    }

    private func take(_ file: Descriptor, _ kind: Int32) throws(JournalError) {
        guard flock(file.number, kind | LOCK_NB) != 0 else { return }
        let code = errno
        guard code == EWOULDBLOCK else {
            throw JournalError("the journal \(path) cannot be locked: \(SystemError(code: code, operation: "flock"))")
        }
        let holder = (try? file.read(at: 0, count: 20)).flatMap { Int(String(decoding: $0.prefix { $0 != 0x0A }, as: UTF8.self)) }
        throw JournalError("the journal \(path) is in use by \(holder.map { "process \($0)" } ?? "another process") on this machine")
    }
}
