/// How long a Postgres ledger waits, in seconds.
package struct PostgresSettings: Sendable, Hashable {
    /// For one batch. Doubled after each that took too long, so that a slow server gets the time it needs.
    package var writing: Int
    package var longestWriting: Int
    /// For one query.
    package var reading: Int
    /// For a kept answer, for which a caller waits, and for what other gateways have changed.
    package var lookingUp: Int
    /// For another process that writes as the same gateway to let go, as one that has just ended will.
    package var owning: Int

    package init(writing: Int = 30, longestWriting: Int = 600, reading: Int = 120, lookingUp: Int = 2, owning: Int = 3) {
        self.writing = writing
        self.longestWriting = longestWriting
        self.reading = reading
        self.lookingUp = lookingUp
        self.owning = owning
    }
}
