import Glibc

/// How many files and sockets this process may have open at once.
enum OpenFiles {
    /// Asks for as many as the system lets it have, and says how many that is. What a shell or a service manager sets to begin with, often
    /// 1,024, is a number for programs that `select`.
    static func raiseLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        // Refused, it stays as it was.
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many callers' connections leave room for one to a provider each, and for the journal, the ledger and the rest.
    static func connections(within limit: Int) -> Int { max(1, (limit - 128) / 2) }
}
