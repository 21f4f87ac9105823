/// Identical calls in flight at once: for each key, one that leads and those that wait for what it brings.
///
/// A pure state machine. Whoever drives it tells every member what becomes of it: each that follows is, exactly once, promoted by
/// ``leave(_:_:)``, or handed over by ``land(_:_:)``, or leaves by itself.
package struct FlightTable<Key: Hashable & Sendable, Member: Hashable & Sendable>: Sendable {
    package enum Place: Sendable, Hashable {
        /// Nobody asks the same: it goes on, and must leave or land.
        case leads
        /// Another does: it waits.
        case follows
    }

    private struct Flight: Sendable {
        var leader: Member
        /// In the order in which they came, those among them that have left included.
        var queue: [Member] = []
        var first = 0
        /// Those that have not left.
        var followers: Set<Member> = []

        /// Those that wait, in order.
        var waiting: [Member] { queue[first...].filter(followers.contains) }

        mutating func promote() -> Member? {
            while first < queue.count {
                let next = queue[first]
                first += 1
                guard followers.remove(next) != nil else { continue }
                leader = next
                return next
            }
            return nil
        }
    }

    private var flights: [Key: Flight] = [:]

    package init() {}

    /// How many keys are in flight.
    package var count: Int { flights.count }

    /// A member that is in no flight asks.
    package mutating func join(_ key: Key, _ member: Member) -> Place {
        guard flights[key] != nil else {
            flights[key] = Flight(leader: member)
            return .leads
        }
        flights[key]?.queue.append(member)
        flights[key]?.followers.insert(member)
        return .follows
    }

    /// A member waits no more, or leads and will bring nothing that others could use. Returns who leads in its place, if somebody must.
    package mutating func leave(_ key: Key, _ member: Member) -> Member? {
        guard flights[key]?.leader == member else {
            flights[key]?.followers.remove(member)
            return nil
        }
        let next = flights[key]?.promote()
        if next == nil { flights[key] = nil }
        return next
    }

    /// The leader has something for all, or none of them need wait any longer. The flight is over; who asks from here on leads another.
    /// - Returns: Those that waited, in order; none for a member that does not lead.
    package mutating func land(_ key: Key, _ member: Member) -> [Member] {
        guard let flight = flights[key], flight.leader == member else { return [] }
        flights[key] = nil
        return flight.waiting
    }
}
