import Crypto
package import GatewayCore
import Synchronization

/// Answers that more than one call gets: those that are kept, in memory and in the ledger, and those in flight.
package final class SharedAnswers: Sendable {
    /// A call among those that ask the same. The call itself knows on which event loop it lives.
    struct Member: Hashable, Sendable {
        let call: Call

        static func == (left: Member, right: Member) -> Bool { left.call === right.call }

        func hash(into hasher: inout Hasher) {
            hasher.combine(ObjectIdentifier(call))
        }
    }

    private let memory = Mutex(AnswerMemory())
    private let flights = Mutex(FlightTable<CacheKey, Member>())
    /// Where they outlive this process; nil: nowhere.
    let store: (any AnswerStore)?
    private let metrics: Metrics

    /// How long a call waits for the store before it goes on without.
    let patience: Duration

    package init(store: (any AnswerStore)?, metrics: Metrics, patience: Duration = .milliseconds(500)) {
        self.store = store
        self.metrics = metrics
        self.patience = patience
    }

    static func key(_ question: CacheQuestion) -> CacheKey {
        CacheKey(digest: SHA256.hash(data: question.canonicalBytes))
    }

    /// What is kept in memory and has not expired.
    func answer(_ key: CacheKey, at now: Timestamp) -> KeptAnswer? {
        memory.withLock { $0.answer(key, at: now) }
    }

    func keep(_ answer: KeptAnswer, limit: Int) {
        let (count, bytes) = memory.withLock { memory in
            memory.keep(answer, limit: limit)
            return (memory.count, memory.bytes)
        }
        metrics.keptAnswers.store(count, ordering: .relaxed)
        metrics.keptBytes.store(bytes, ordering: .relaxed)
    }

    func join(_ key: CacheKey, _ call: Call) -> FlightTable<CacheKey, Member>.Place {
        flights.withLock { $0.join(key, Member(call: call)) }
    }

    /// Returns the call that goes on in its place, if one must.
    func leave(_ key: CacheKey, _ call: Call) -> Call? {
        flights.withLock { $0.leave(key, Member(call: call)) }?.call
    }

    /// Returns those that waited.
    func land(_ key: CacheKey, _ call: Call) -> [Call] {
        flights.withLock { $0.land(key, Member(call: call)) }.map(\.call)
    }
}

/// What a call of an operation that keeps its answers has to do with other calls. A class: calls of other operations carry none.
final class Sharing {
    /// What the caller asks of the cache.
    enum Wish {
        case any
        /// `refresh`: reads nothing, and keeps.
        case refresh
        /// `bypass`, or a request whose answer is of no use to others: neither reads nor keeps.
        case bypass
    }

    enum Role {
        /// Its request is not complete.
        case undecided
        /// It asks for itself.
        case alone
        /// It waits for what another call brings.
        case following
        /// It asks the ledger, and others wait for what it brings.
        case looking
        /// It is to be forwarded, and others wait for what it brings.
        case leading
        /// It has told the others, or its own answer is another call's.
        case done
    }

    /// What a call brings those that wait for it.
    enum News: Sendable {
        /// An answer that the ledger keeps.
        case kept(KeptAnswer)
        /// Its own answer, and what that cost.
        case answered(WholeAnswer, cost: Money)
        /// The provider gave none. Asking again at once, as often as there are callers, would make nothing better.
        case failed(Problem)
        /// Its answer goes to its own caller alone (a stream, too long to be held): everyone asks for itself.
        case unshared
        /// It leaves before it has asked: the next one asks.
        case lead
    }

    let keeping: Keeping
    let wish: Wish
    let startedAt: Timestamp
    var role = Role.undecided
    var key: CacheKey?
    /// What the call is told to be.
    var outcome: CacheOutcome
    /// Once the request is complete, until it is forwarded or answered otherwise.
    var body = RequestFacts.Body.none
    /// Whether the call has been sent to the provider, or is about to be.
    var isForwarded = false
    /// The whole answer, between its settlement and its record's durability.
    var whole: WholeAnswer?
    /// The same where it is kept.
    var kept: KeptAnswer?
    /// Whether the row of an answer that costs nothing could not be journaled.
    var isUnverified = false

    init(_ keeping: Keeping, wish: Wish, at now: Timestamp) {
        self.keeping = keeping
        self.wish = wish
        startedAt = now
        outcome = wish == .bypass ? .bypass : .miss
    }
}

extension Sharing.Wish {
    /// What a request asks for. Throws for a word that is none.
    ///
    /// HEAD, ranges and conditions ask for a part of an answer, or for none: what they get is right for nobody else.
    init(_ head: RequestHead) throws(Problem) {
        self = .any
        if let index = head.headers.firstIndex(of: "X-Gateway-Cache") {
            let isAlone = head.headers.firstIndex(of: "X-Gateway-Cache", from: index + 1) == nil
            switch head.headers[index].valueText.lowercased() {
            case "bypass" where isAlone: self = .bypass
            case "refresh" where isAlone: self = .refresh
            default: throw Problem(.badRequest, "X-Gateway-Cache must stand once and be 'bypass' or 'refresh'.")
            }
        }
        let isPartial =
            head.method == "HEAD"
            || ["range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since"].contains(
                where: head.headers.contains)
        if isPartial { self = .bypass }
    }
}
