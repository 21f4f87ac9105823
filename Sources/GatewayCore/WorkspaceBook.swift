/// One workspace's books: what it has spent and what is held, as a whole, with each provider and by each user.
///
/// Confined to the shard that it belongs to.
final class WorkspaceBook {
    let name: String
    /// The zone whose days and months its windows are.
    var zone: String
    /// The budget's zone, where what was spent in its windows is still to be loaded: until then those of ``zone`` bind.
    var nextZone: String?
    /// Whether users are told apart.
    var tracksUsers: Bool
    /// Whether what was spent before is in it.
    var isLoaded: Bool
    /// Whether what each user had spent is in it, of those that are told apart.
    private(set) var areUsersLoaded: Bool
    /// The windows that were current at the last look.
    private var windows: Windows?
    let whole = ScopeTallies()
    private(set) var providers: [String: ScopeTallies] = [:]
    private(set) var users: [String: ScopeTallies] = [:]
    var shadowRefusals = 0

    init(name: String, zone: String, nextZone: String?, tracksUsers: Bool, isLoaded: Bool) {
        self.name = name
        self.zone = zone
        self.nextZone = nextZone
        self.tracksUsers = tracksUsers
        self.isLoaded = isLoaded
        areUsersLoaded = isLoaded
    }

    /// Whether its budget asks for something that is still to be loaded.
    var isLoading: Bool { !isLoaded || nextZone != nil || tracksUsers && !areUsersLoaded }

    /// Whether what counts against some limits is known.
    func knows(_ limits: AppliedLimits) -> Bool { isLoaded && (areUsersLoaded || limits.user == nil) }

    func windows(at instant: Timestamp, from cache: WindowCache) -> Windows {
        if let windows, windows.contains(instant) { return windows }
        let current = cache.windows(zone: zone, at: instant)
        windows = current
        return current
    }

    func tallies(ofProvider provider: String) -> ScopeTallies {
        if let tallies = providers[provider] { return tallies }
        let tallies = ScopeTallies()
        providers[provider] = tallies
        return tallies
    }

    func tallies(ofUser user: String) -> ScopeTallies {
        if let tallies = users[user] { return tallies }
        let tallies = ScopeTallies()
        users[user] = tallies
        return tallies
    }

    func forEachScope(_ body: (ScopeTallies) -> Void) {
        body(whole)
        for tallies in providers.values { body(tallies) }
        for tallies in users.values { body(tallies) }
    }

    /// Makes all windows anew in another zone: what was spent in them is to be loaded, what is held is held in the new windows.
    func move(to zone: String, holding open: [OpenReservation], from cache: WindowCache) {
        self.zone = zone
        nextZone = nil
        isLoaded = false
        forEachScope { $0.removeAll() }
        for reservation in open {
            reservation.windows = cache.windows(zone: zone, at: reservation.createdAt)
            reservation.forEachScope { $0.hold(reservation.amount, in: reservation.windows) }
        }
        windows = nil
    }

    /// Tells users apart from here on; their spending is to be loaded.
    func beginTrackingUsers(holding open: [OpenReservation]) {
        tracksUsers = true
        areUsersLoaded = false
        for reservation in open {
            guard let user = reservation.user, reservation.userTallies == nil else { continue }
            let tallies = tallies(ofUser: user)
            reservation.userTallies = tallies
            tallies.hold(reservation.amount, in: reservation.windows)
        }
    }

    /// Replaces what was spent in the windows by what is on record. What is held stays.
    func replaceSpent(in windows: Windows, with charges: [WindowCharge]) {
        forEachScope { tallies in
            for kind in WindowKind.allCases where tallies.index(of: windows[kind]) != nil {
                tallies.update(windows[kind]) { $0.spent = 0 }
            }
        }
        for charge in charges {
            add(charge, to: whole, in: windows)
            add(charge, to: tallies(ofProvider: charge.provider), in: windows)
            if tracksUsers, let user = charge.user { add(charge, to: tallies(ofUser: user), in: windows) }
        }
        isLoaded = true
        areUsersLoaded = true
    }

    private func add(_ charge: WindowCharge, to tallies: ScopeTallies, in windows: Windows) {
        if charge.countsDaily { tallies.update(windows.daily) { $0.spent += Int128(charge.cost.nanos) } }
        if charge.countsMonthly { tallies.update(windows.monthly) { $0.spent += Int128(charge.cost.nanos) } }
    }

    /// Forgets what has ended; true when nothing is left.
    func purge(before instant: Timestamp) -> Bool {
        forEachScope { $0.removeEnded(before: instant) }
        providers = providers.filter { !$0.value.tallies.isEmpty }
        users = users.filter { !$0.value.tallies.isEmpty }
        return whole.tallies.isEmpty && providers.isEmpty && users.isEmpty
    }
}

/// An amount on record, and which of two windows it counts in.
struct WindowCharge {
    var provider: String
    var user: String?
    var cost: Money
    var countsDaily: Bool
    var countsMonthly: Bool
}

/// What the accounts keep of a reservation. Confined to its shard, as the book is.
final class OpenReservation {
    let id: CallID
    let book: WorkspaceBook
    let provider: String
    let providerTallies: ScopeTallies
    let user: String?
    /// Nil while users are not told apart.
    var userTallies: ScopeTallies?
    let amount: Int128
    let createdAt: Timestamp
    var windows: Windows
    let limits: AppliedLimits

    init(
        id: CallID, book: WorkspaceBook, provider: String, providerTallies: ScopeTallies, user: String?, userTallies: ScopeTallies?,
        amount: Int128, createdAt: Timestamp, windows: Windows, limits: AppliedLimits
    ) {
        self.id = id
        self.book = book
        self.provider = provider
        self.providerTallies = providerTallies
        self.user = user
        self.userTallies = userTallies
        self.amount = amount
        self.createdAt = createdAt
        self.windows = windows
        self.limits = limits
    }

    func forEachScope(_ body: (ScopeTallies) -> Void) {
        body(book.whole)
        body(providerTallies)
        if let userTallies { body(userTallies) }
    }
}
