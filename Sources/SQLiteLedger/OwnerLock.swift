import GatewayCore
internal import Glibc

/// The right to write a ledger's file, held through a lock on a file beside it, which readers need not know of.
///
/// The lock is the kernel's and ends with the process, so a killed gateway leaves none behind; the file itself stays.
final class OwnerLock: Sendable {
    private let file: Int32

    /// Throws `.owned` when another process, or another ledger in this one, has it.
    init(database path: String) throws(LedgerError) {
        let name = path + ".lock"
        file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
        guard file >= 0 else {
            throw LedgerError(
                .unavailable,
                "\(path) cannot be opened (\(name): \(String(cString: strerror(errno)))); its folder must be there and be writable")
        }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            var text = [UInt8](repeating: 0, count: 20)
            let count = pread(file, &text, text.count, 0)
            close(file)
            guard code == EWOULDBLOCK else {
                throw LedgerError(.unavailable, "\(name) cannot be locked: \(String(cString: strerror(code)))")
            }
            let holder = Int(String(decoding: text.prefix(max(0, count)).prefix { $0 != 0x0A }, as: UTF8.self))
            throw LedgerError(
                .owned,
                "\(path) is in use by \(holder.map { "process \($0)" } ?? "another process") on this machine; a second gateway needs a ledger of its own"
            )
        }
        // The number is for the message above only; a disk that is too full for it does not matter.
        let text = Array("\(getpid())\n".utf8)
        if ftruncate(file, 0) == 0 { _ = pwrite(file, text, text.count, 0) }
    }

    deinit {
        close(file)
    }
}

/// Which file a name stands for.
struct FileIdentity: Hashable, Sendable {
    private var device: UInt64
    private var inode: UInt64

    /// nil when there is no such file, or it cannot be looked at.
    init?(path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        device = UInt64(info.st_dev)
        inode = UInt64(info.st_ino)
    }
}

/// Gives a file another name, in the place of one that has that name; nothing happens when there is none.
func moveFile(_ from: String, to: String) {
    _ = rename(from, to)
}
