internal import Glibc

/// inotify on a set of folders. Confined to the watcher's thread.
struct FolderEvents: ~Copyable {
    let descriptor: Int32
    /// By the kernel's number: a folder that is replaced keeps its path and gets another.
    private var watches: [Int32: (folder: String, interest: FolderInterest)] = [:]
    private static let mask =
        UInt32(IN_CLOSE_WRITE) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVED_FROM) | UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_ATTRIB)
        | UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(IN_ONLYDIR)

    /// Nil when the kernel has no more to give.
    init?() {
        descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
    }

    deinit { close(descriptor) }

    enum Coverage {
        /// The folders are those that were watched before.
        case same
        /// There are new ones, in which something may have happened before they were watched.
        case more
        /// A folder that matters cannot be watched.
        case incomplete
    }

    /// Watches these folders and no others.
    mutating func watch(_ folders: [String: FolderInterest]) -> Coverage {
        var next: [Int32: (folder: String, interest: FolderInterest)] = [:]
        var coverage = Coverage.same
        for (folder, interest) in folders {
            let watch = inotify_add_watch(descriptor, folder, Self.mask)
            guard watch >= 0 else {
                // A folder that is not there is waited for in the one above. What may not be read above the configuration is left out.
                if interest.isNear, errno != ENOENT, errno != ENOTDIR { coverage = .incomplete }
                continue
            }
            if watches[watch] == nil, coverage == .same { coverage = .more }
            // Two paths to one folder share its number.
            var merged = next[watch]?.interest ?? interest
            merged.names.formUnion(interest.names)
            merged.isAdapterFolder = merged.isAdapterFolder || interest.isAdapterFolder
            next[watch] = (folder, merged)
        }
        for watch in watches.keys where next[watch] == nil { inotify_rm_watch(descriptor, watch) }
        watches = next
        return coverage
    }

    /// Takes all events that have come and says whether one of them matters.
    mutating func drain() -> Bool {
        var matters = false
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: MemoryLayout<inotify_event>.alignment)
        defer { buffer.deallocate() }
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return matters }
            var offset = 0
            let header = MemoryLayout<inotify_event>.size
            while offset + header <= count {
                let event = buffer.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                let length = Int(event.len)
                let end = min(offset + header + length, count)
                let name = String(
                    decoding: UnsafeRawBufferPointer(rebasing: buffer[(offset + header)..<end]).prefix { $0 != 0 }, as: UTF8.self)
                if matter(event, name) { matters = true }
                offset += header + length
            }
        }
    }

    private func matter(_ event: inotify_event, _ name: String) -> Bool {
        if event.mask & UInt32(IN_Q_OVERFLOW) != 0 { return true }
        guard let (folder, interest) = watches[event.wd] else { return false }
        if event.mask & (UInt32(IN_IGNORED) | UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF)) != 0 { return true }
        guard interest.includes(name) else { return false }
        // A file that has just been made is empty, and its writer closes it soon: reading it now would be reading half of it.
        if event.mask & UInt32(IN_CREATE) != 0 { return !Self.isEmptyFile(Path.joined(folder, name)) }
        return true
    }

    private static func isEmptyFile(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_size == 0
    }
}
