internal import Glibc

/// The files whose changes matter: config.yaml and the adapters' folder. Absolute paths.
struct WatchedPaths: Sendable, Hashable {
    var configuration: String
    var adapters: String?
}

/// What in a folder matters.
struct FolderInterest: Sendable, Hashable {
    var names: Set<String> = []
    /// Whether every adapter file in it does.
    var isAdapterFolder = false
    /// Whether the configuration lies in it; the folders above are watched where that is allowed.
    var isNear = false

    func includes(_ name: String) -> Bool {
        names.contains(name) || isAdapterFolder && TextFile.isAdapter(name)
    }
}

extension WatchedPaths {
    /// Every folder in which an entry decides what the paths lead to, with those entries' names.
    ///
    /// All folders from the root on count, and all links on the way, so that a folder or link that is replaced is seen like a saved file.
    func folders() -> [String: FolderInterest] {
        var folders: [String: FolderInterest] = [:]
        Self.walk(configuration, &folders)
        if let adapters {
            Self.walk(adapters, &folders)
            folders[adapters, default: FolderInterest()].isAdapterFolder = true
            folders[adapters]?.isNear = true
            for name in (try? TextFile.adapters(in: adapters)) ?? [] {
                let path = Path.joined(adapters, name)
                if Self.link(path) != nil { Self.walk(path, &folders) }
            }
        }
        return folders
    }

    private static func walk(_ path: String, _ folders: inout [String: FolderInterest]) {
        var rest = path.split(separator: "/").map(String.init)[...]
        var folder = "/"
        // As many links as the kernel follows.
        var links = 0
        while let name = rest.popFirst() {
            folders[folder, default: FolderInterest()].names.insert(name)
            if rest.isEmpty { folders[folder]?.isNear = true }
            let next = Path.joined(folder, name)
            guard let target = link(next) else {
                folder = next
                continue
            }
            links += 1
            guard links <= 40 else { return }
            rest = (target.split(separator: "/").map(String.init) + rest)[...]
            if target.hasPrefix("/") { folder = "/" }
        }
    }

    /// Where a symbolic link leads; nil for anything else.
    private static func link(_ path: String) -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self) : nil
    }

    /// The state of every file as the file system has it, for polling.
    func signature() -> [String: FileSignature] {
        var paths = [configuration]
        if let adapters { paths += ((try? TextFile.adapters(in: adapters)) ?? []).map { Path.joined(adapters, $0) } }
        var signature: [String: FileSignature] = [:]
        for path in paths { signature[path] = FileSignature(path) }
        return signature
    }
}

/// What tells a saved file from the one before without reading it.
struct FileSignature: Hashable {
    private var device: UInt64
    private var inode: UInt64
    private var size: Int
    private var modified: [Int]

    /// Nil when there is no such file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
        size = Int(status.st_size)
        modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
    }
}
