/// A gateway's own slice of one account, and what it asks the database about it: a pure state machine, one exchange at a time.
///
/// Amounts are nano-dollars. What is held is the tally's, and comes with each question.
struct Lease: Sendable {
    /// Whether the gateway knows what it has. Until then it has nothing.
    private(set) var isOpen = false
    /// What is granted as far as it is known: never more than the database says.
    private(set) var believed: Int128 = 0
    /// What this gateway has spent of it.
    private(set) var mine: Int128 = 0

    /// What calls wait for: all of it, and the least.
    private var waiting: Int128 = 0
    private var smallest: Int128?
    /// What has been held since the last tick, and per tick in the ticks before.
    private var taken: Int128 = 0
    private var rate: Int128 = 0
    private var idleTicks = 0
    /// Another gateway could not get enough.
    var isWanted = false
    /// More is allocated than the limit allows.
    private var isOver = false
    /// The last answer gave less than was asked for.
    private var isShort = false
    private var hasChanged = true
    private(set) var isAsking = false
    private var askedRound: UInt64 = 0
    private var target: Int128 = 0
    /// The last round whose question has been answered, and the last in which the database had nothing for a call that waited.
    private(set) var answeredRound: UInt64 = 0
    private(set) var refusedRound: UInt64 = 0

    /// Half seconds of spending that a slice covers, and after which a lease without calls is idle.
    private static let horizon: Int128 = 8

    struct Ask {
        var keep: Int128
        var minimum: Int128
        var target: Int128
    }

    // MARK: Calls

    func admits(_ amount: Int128, held: Int128) -> Bool {
        isOpen && mine + held + amount <= believed
    }

    /// A call's estimate is held.
    mutating func take(_ amount: Int128) {
        taken += amount
        hasChanged = true
    }

    mutating func spend(_ cost: Int128) {
        mine += cost
        hasChanged = true
    }

    /// The limit may be another one: the database knows whether it is kept.
    mutating func noteLimit() {
        hasChanged = true
    }

    /// A call waits for room.
    mutating func lack(_ amount: Int128) {
        waiting += amount
        smallest = min(smallest ?? amount, amount)
    }

    /// Whether more should be asked for before the next call has to wait.
    func isLow(held: Int128) -> Bool {
        isOpen && !isAsking && !isShort && (believed - mine - held) * 2 < slice
    }

    private var slice: Int128 {
        isWanted || isOver ? 0 : max(rate, taken) * Self.horizon
    }

    // MARK: Exchanges

    /// Half a second is over.
    mutating func tick() {
        idleTicks = taken == 0 ? idleTicks + 1 : 0
        rate = Int128(idleTicks) < Self.horizon ? (rate + taken) / 2 : 0
        taken = 0
        isShort = false
    }

    /// What is to be said to the database now; nil for nothing. What may be lost on the way is not used from here on.
    ///
    /// - Parameter isLimited: Whether calls have to find room at all.
    mutating func ask(held: Int128, isLimited: Bool, isTick: Bool, round: UInt64) -> Ask? {
        guard isOpen, !isAsking else { return nil }
        let floor = mine + held
        let spare = believed - floor
        let slice = isLimited ? slice : 0
        var ask: Ask
        if let smallest {
            ask = Ask(keep: floor, minimum: floor + smallest, target: floor + max(waiting, slice))
        } else if spare < 0 {
            ask = Ask(keep: floor, minimum: floor, target: floor + slice)
        } else if spare * 2 < slice, isTick || !isShort {
            ask = Ask(keep: believed, minimum: believed, target: floor + slice)
        } else if spare > slice * 2, isTick {
            ask = Ask(keep: floor + slice, minimum: floor + slice, target: floor + slice)
        } else if hasChanged, isTick {
            ask = Ask(keep: believed, minimum: believed, target: believed)
        } else {
            return nil
        }
        begin(&ask, round: round)
        believed = min(believed, ask.keep)
        return ask
    }

    /// The same for a lease that is not open. Amounts are beyond what the lease has used.
    ///
    /// - Parameter unledgered: What this gateway has settled in the window and the ledger does not have.
    mutating func askToOpen(held: Int128, unledgered: Int128, round: UInt64) -> Ask {
        let floor = unledgered + held
        var ask = Ask(keep: floor, minimum: floor + (smallest ?? 0), target: floor + waiting)
        begin(&ask, round: round)
        return ask
    }

    private mutating func begin(_ ask: inout Ask, round: UInt64) {
        ask.target = max(ask.target, ask.minimum)
        target = ask.target
        (waiting, smallest) = (0, nil)
        isAsking = true
        hasChanged = false
        askedRound = round
    }

    /// - Parameter unledgered: As for ``askToOpen(held:unledgered:round:)``, at this instant.
    mutating func opened(_ reply: LeaseReply, unledgered: Int128) {
        isOpen = true
        mine = Int128(reply.used) + unledgered
        target += Int128(reply.used)
        answered(reply)
    }

    mutating func answered(_ reply: LeaseReply) {
        isAsking = false
        believed = Int128(reply.granted)
        isOver = reply.available < reply.granted
        isShort = believed < target
        answeredRound = askedRound
        if reply.isRefused { refusedRound = askedRound }
    }

    /// No answer came. The database may have heard; the next question makes up for it.
    mutating func failed() {
        isAsking = false
        hasChanged = true
    }

    /// The database knows of no such lease: it is to be opened again.
    mutating func lost() {
        failed()
        isOpen = false
        (believed, mine) = (0, 0)
    }
}
