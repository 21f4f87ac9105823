/// How an SQLite ledger uses memory and waits.
package struct SQLiteSettings: Sendable, Hashable {
    /// The most bytes of pages that the writing connection keeps in memory.
    package var cacheBytes: Int
    /// Seconds to wait for another program's lock.
    package var busyTimeout: Double

    package init(cacheBytes: Int = 24 << 20, busyTimeout: Double = 5) {
        self.cacheBytes = cacheBytes
        self.busyTimeout = busyTimeout
    }
}
