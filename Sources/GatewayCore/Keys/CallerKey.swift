/// One of the keys that callers show, as it is stored: everything but the key itself.
package struct CallerKey: Sendable, Hashable {
    /// What operators call it by; no secret.
    package let id: CallID
    /// Who pays for the calls that it is shown with.
    package let workspace: String
    package let name: String?
    package let digest: KeyDigest
    package let createdAt: Timestamp
    /// The instant from which it opens nothing any more; nil for never.
    package let expiresAt: Timestamp?
    package var revokedAt: Timestamp?
    /// To the minute or so.
    package var lastUsedAt: Timestamp?
    package let permissions: Permissions

    /// What a key is for. Nothing said: everything, as often as its workspace's budgets allow.
    package struct Permissions: Sendable, Hashable {
        /// The providers that it may call; nil for all.
        package var providers: Set<String>?
        /// The operations that it may call; nil for all.
        package var operations: Set<String>?
        /// Calls a second, on each gateway; nil for any number. A second's worth may come at once.
        package var rate: CallRate?

        package init(providers: Set<String>? = nil, operations: Set<String>? = nil, rate: CallRate? = nil) {
            self.providers = providers
            self.operations = operations
            self.rate = rate
        }

        package func allows(provider: String, operation: String) -> Bool {
            providers?.contains(provider) ?? true && operations?.contains(operation) ?? true
        }
    }

    package init(
        id: CallID, workspace: String, name: String?, digest: KeyDigest, createdAt: Timestamp, expiresAt: Timestamp? = nil,
        revokedAt: Timestamp? = nil, lastUsedAt: Timestamp? = nil, permissions: Permissions = Permissions()
    ) {
        self.id = id
        self.workspace = workspace
        self.name = name
        self.digest = digest
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.revokedAt = revokedAt
        self.lastUsedAt = lastUsedAt
        self.permissions = permissions
    }
}

/// Calls a second: from one in a quarter of an hour to a million.
package struct CallRate: Sendable, Hashable, CustomStringConvertible {
    package let perSecond: Exact
    /// Nanoseconds from one call to the next.
    let interval: Int64
    /// How far ahead of that calls may be, which lets a second's worth come at once.
    let tolerance: Int64

    /// nil outside of the range, and for more decimals than it can be written and read again with.
    package init?(_ perSecond: Exact) {
        guard let low = try? Exact(1, over: 1000), !perSecond.isLess(than: low), !Exact(1_000_000).isLess(than: perSecond),
            let interval = try? (Exact(1_000_000_000) / perSecond).ceiling
        else { return nil }
        guard let written = try? Exact(decimal: perSecond.description), written == perSecond else { return nil }
        self.perSecond = perSecond
        self.interval = Int64(interval)
        tolerance = Int64(max(1, perSecond.ceiling) - 1) * self.interval
    }

    /// Reads a decimal; nil for anything else.
    package init?(_ text: String) {
        guard let value = try? Exact(decimal: text) else { return nil }
        self.init(value)
    }

    package var description: String { perSecond.description }
}
