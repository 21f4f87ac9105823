internal import Glibc

/// The system calls that make bytes durable: the real ones, or a test's failing ones. Each returns 0 or the count, or throws the errno.
package struct JournalStorage: Sendable {
    /// Creates a file that must not be there and opens it for reading and writing.
    package var create: @Sendable (_ path: String) throws(SystemError) -> Int32
    /// Writes some of the bytes at an offset; returns how many.
    package var write: @Sendable (_ file: Int32, _ bytes: UnsafeRawBufferPointer, _ offset: UInt64) throws(SystemError) -> Int
    /// Makes a file's bytes durable.
    package var synchronize: @Sendable (_ file: Int32) throws(SystemError) -> Void
    package var truncate: @Sendable (_ file: Int32, _ size: UInt64) throws(SystemError) -> Void
    /// Gives a file its final name and makes the folder's entry durable.
    package var rename: @Sendable (_ from: String, _ to: String, _ folder: String) throws(SystemError) -> Void

    /// The machine's.
    package static let system = JournalStorage(
        create: { path throws(SystemError) in
            try SystemError.check("create", retry: true) { open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o640) }
        },
        write: { file, bytes, offset throws(SystemError) in
            try SystemError.check("write", retry: true) { pwrite(file, bytes.baseAddress, bytes.count, off_t(offset)) }
        },
        synchronize: { file throws(SystemError) in
            // Not repeated after an error: the kernel may have dropped the pages and would report success.
            _ = try SystemError.check("fdatasync", retry: false) { fdatasync(file) }
        },
        truncate: { file, size throws(SystemError) in
            _ = try SystemError.check("truncate", retry: true) { ftruncate(file, off_t(size)) }
        },
        rename: { from, to, folder throws(SystemError) in
            _ = try SystemError.check("rename", retry: false) { Glibc.rename(from, to) }
            let handle = try Descriptor(path: folder, flags: O_RDONLY | O_DIRECTORY)
            do throws(SystemError) {
                _ = try SystemError.check("fsync of the folder", retry: false) { fsync(handle.number) }
            } catch {
                // EINVAL: a file system that keeps no such promise; nothing better is to be had from it.
                guard error.code == EINVAL else { throw error }
            }
        })
}

/// A system call that failed.
package struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The errno.
    package var code: Int32
    /// What was being done.
    package var operation: String

    package init(code: Int32, operation: String) {
        self.code = code
        self.operation = operation
    }

    package var description: String {
        "\(operation): \(String(cString: strerror(code)))"
    }

    /// No file has the name.
    var isMissing: Bool { code == ENOENT }

    /// Runs a call that returns a negative number on failure; again when a signal interrupted it and `retry` says so.
    static func check<Value: SignedInteger>(_ operation: String, retry: Bool, _ call: () -> Value) throws(SystemError) -> Value {
        while true {
            let value = call()
            if value >= 0 { return value }
            let code = errno
            if code == EINTR, retry { continue }
            throw SystemError(code: code, operation: operation)
        }
    }
}

let readOnly = O_RDONLY
let readWrite = O_RDWR

/// Removes a file; false when that fails.
func removeFile(_ path: String) -> Bool {
    unlink(path) == 0
}

/// Gives a file another name; false when that fails.
func renameFile(_ from: String, _ to: String) -> Bool {
    rename(from, to) == 0
}

/// An open file, closed with its last reference.
final class Descriptor: Sendable {
    let number: Int32

    init(number: Int32) {
        self.number = number
    }

    convenience init(path: String, flags: Int32) throws(SystemError) {
        self.init(number: try SystemError.check("open \(path)", retry: true) { open(path, flags | O_CLOEXEC, 0o640) })
    }

    /// Opens for writing or, where the disk is read-only and `orReading` says that this is better than nothing, for reading.
    convenience init(path: String, flags: Int32, orReading: Bool) throws(SystemError) {
        do throws(SystemError) {
            try self.init(path: path, flags: flags)
        } catch {
            guard orReading, error.code == EROFS else { throw error }
            try self.init(path: path, flags: O_RDONLY)
        }
    }

    deinit {
        close(number)
    }

    /// The size, and whether the file still has a name.
    func state() throws(SystemError) -> (size: UInt64, linked: Bool) {
        var info = stat()
        _ = try SystemError.check("stat", retry: true) { fstat(number, &info) }
        return (UInt64(max(0, info.st_size)), info.st_nlink > 0)
    }

    func isFolder() throws(SystemError) -> Bool {
        var info = stat()
        _ = try SystemError.check("stat", retry: true) { fstat(number, &info) }
        return info.st_mode & S_IFMT == S_IFDIR
    }

    /// Reads some of the next bytes, also of a pipe; none at the end.
    func readNext(_ count: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = try SystemError.check("read", retry: true) { Glibc.read(number, &bytes, count) }
        bytes.removeLast(count - got)
        return bytes
    }

    /// Reads up to `count` bytes at an offset; fewer only at the end of the file.
    func read(at offset: UInt64, count: Int) throws(SystemError) -> [UInt8] {
        var failure: SystemError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(SystemError) {
                while filled < count {
                    let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                    let place = off_t(offset) + off_t(filled)
                    let got = try SystemError.check("read", retry: true) { pread(number, rest.baseAddress, rest.count, place) }
                    if got == 0 { break }
                    filled += got
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
