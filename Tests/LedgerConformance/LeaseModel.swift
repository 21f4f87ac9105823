package import GatewayCore

/// A database that gateways share, as `Leases.md` describes it and no more: rows, accounts and leases, in memory.
package struct LeaseModel: Sendable {
    private struct Account: Sendable {
        var spent: Int64
        var allocated: Int64
        var wantedBy: String?
    }

    private struct Holding: Sendable {
        var granted: Int64 = 0
        var used: Int64 = 0
    }

    package private(set) var rows: [CallID: CostRecord] = [:]
    private var accounts: [AccountKey: Account] = [:]
    private var leases: [AccountKey: [String: Holding]] = [:]

    package init() {}

    package mutating func exchange(_ requests: [LeaseRequest], gateway: String) -> [LeaseReply?] {
        for request in requests where request.isOpening {
            if accounts[request.account] == nil {
                let spent = rows.values.reduce(0) { $0 + (request.account.counts($1) ? $1.cost.nanos : 0) }
                accounts[request.account] = Account(spent: spent, allocated: spent)
            }
            if leases[request.account]?[gateway] == nil { leases[request.account, default: [:]][gateway] = Holding() }
        }
        return requests.map { request in
            guard var account = accounts[request.account], var lease = leases[request.account]?[gateway] else { return nil }
            let base = request.isOpening ? Int128(lease.used) : 0
            let (keep, minimum, target) = (base + Int128(request.keep), base + Int128(request.minimum), base + Int128(request.target))
            let available = Int128(request.limit?.nanos ?? .max) - Int128(account.allocated) + Int128(lease.granted)
            var given = keep
            if available >= minimum { given = max(keep, min(target, max(minimum, keep + (available - keep) / 4))) }
            let granted = max(Int64(clamping: given), lease.used)
            account.allocated += granted - lease.granted
            lease.granted = granted
            let isRefused = available < minimum && request.minimum > request.keep
            if isRefused { account.wantedBy = gateway }
            accounts[request.account] = account
            leases[request.account]?[gateway] = lease
            return LeaseReply(
                granted: granted, used: lease.used, spent: account.spent, available: Int64(clamping: available), isRefused: isRefused)
        }
    }

    /// Writes records of a gateway's journal, or of none.
    package mutating func apply(_ records: [CostRecord], gateway: String?) {
        for record in records where rows[record.id] == nil {
            rows[record.id] = record
            for key in accounts.keys where key.counts(record) {
                let cost = record.cost.nanos
                accounts[key]?.spent += cost
                guard let gateway, var lease = leases[key]?[gateway] else {
                    accounts[key]?.allocated += cost
                    continue
                }
                lease.used += cost
                accounts[key]?.allocated += max(0, lease.used - lease.granted)
                lease.granted = max(lease.granted, lease.used)
                leases[key]?[gateway] = lease
            }
        }
    }

    /// Returns what it had that was not used.
    package mutating func forget(_ gateway: String) -> [AccountKey: Int64] {
        var freed: [AccountKey: Int64] = [:]
        for key in leases.keys {
            guard let lease = leases[key]?.removeValue(forKey: gateway) else { continue }
            freed[key] = lease.granted - lease.used
            accounts[key]?.allocated -= lease.granted - lease.used
        }
        return freed
    }

    /// What another gateway has asked for in vain since these marks were last taken away.
    package func wanted(by other: String) -> Set<AccountKey> {
        Set(accounts.filter { $0.value.wantedBy != nil && $0.value.wantedBy != other }.keys)
    }

    package mutating func forgetWishes() {
        for key in accounts.keys { accounts[key]?.wantedBy = nil }
    }

    package func granted(_ account: AccountKey, _ gateway: String) -> Int64? { leases[account]?[gateway]?.granted }

    /// What is spent and leased.
    package var allocated: [AccountKey: Int64] { accounts.mapValues(\.allocated) }

    /// What is spent, allocated, granted and used, as text: for a comparison with another database.
    package var text: [String] {
        accounts.map { key, account in
            let held = (leases[key] ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.granted) \($0.value.used)" }
            return "\(key.workspace) \(key.scope) \(key.name) \(key.start) \(account.spent) \(account.allocated) \(held)"
        }.sorted()
    }

    /// Whether what is allocated is what is spent and what is leased beyond that.
    package var isConsistent: Bool {
        accounts.allSatisfy { key, account in
            let spent = rows.values.reduce(0) { $0 + (key.counts($1) ? $1.cost.nanos : 0) }
            let unused = (leases[key] ?? [:]).values.reduce(0) { $0 + $1.granted - $1.used }
            return account.spent == spent && account.allocated == spent + unused
        }
    }
}

extension AccountKey {
    /// Whether a record counts in the account.
    package func counts(_ record: CostRecord) -> Bool {
        guard workspace == record.workspace, start <= record.createdAt, record.createdAt < end else { return false }
        return switch scope {
        case .workspace: true
        case .provider: record.provider == name
        case .user: record.user == name
        }
    }
}
