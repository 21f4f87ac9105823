internal import Glibc

/// Paths as text. Nothing is resolved: a name in a message stays as it was given.
enum Path {
    /// `path` as seen from `folder`; an absolute one stays as it is.
    static func joined(_ folder: String, _ path: String) -> String {
        if path.hasPrefix("/") || folder.isEmpty || folder == "." { return path }
        return folder.hasSuffix("/") ? folder + path : folder + "/" + path
    }

    /// The folder that a file is in; empty for a bare name.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A path from the root. `..` stays for the file system, which alone knows what a link's parent is.
    static func absolute(_ path: String, from workingDirectory: String) -> String {
        var parts = joined(workingDirectory, path).split(separator: "/")
        parts.removeAll { $0 == "." }
        return "/" + parts.joined(separator: "/")
    }

    /// The process's working directory, `/` when it has none.
    static func workingDirectory() -> String {
        guard let pointer = getcwd(nil, 0) else { return "/" }
        defer { free(pointer) }
        return String(cString: pointer)
    }

    static func isReadableFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, R_OK) == 0
    }
}
