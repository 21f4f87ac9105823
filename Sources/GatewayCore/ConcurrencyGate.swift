/// How many of one provider's calls run at once, and who is next: first come, first served.
///
/// Pure: after each ``enter(_:limit:maximumWaiting:)`` and ``leave()`` the owner calls ``next()`` until it returns nil and lets those calls
/// go.
package struct ConcurrencyGate<Ticket: Hashable> {
    private(set) var running = 0
    /// The bound that the latest call brought: it changes with the configuration.
    private var limit = Int.max
    /// In order of arrival; those that have gone away meanwhile are no longer in `waiting`.
    private var queue: [Ticket] = []
    private var head = 0
    private var waiting: Set<Ticket> = []

    var waitingCount: Int { waiting.count }
    /// Nobody runs or waits: the gate need not be kept.
    var isIdle: Bool { running == 0 && waiting.isEmpty }

    /// False when as many wait already as may.
    mutating func enter(_ ticket: Ticket, limit: Int, maximumWaiting: Int) -> Bool {
        self.limit = max(1, limit)
        guard running < self.limit && waiting.isEmpty || waiting.count < maximumWaiting else { return false }
        waiting.insert(ticket)
        queue.append(ticket)
        return true
    }

    /// The next call that may run; it runs from now on.
    mutating func next() -> Ticket? {
        guard running < limit else { return nil }
        while head < queue.count {
            let ticket = queue[head]
            head += 1
            guard waiting.remove(ticket) != nil else { continue }
            running += 1
            compact()
            return ticket
        }
        compact()
        return nil
    }

    /// A call that ran has ended.
    mutating func leave() {
        running = max(0, running - 1)
    }

    /// True when the ticket waited; it waits no more.
    mutating func withdraw(_ ticket: Ticket) -> Bool {
        guard waiting.remove(ticket) != nil else { return false }
        compact()
        return true
    }

    /// Lets go of what has been served or has gone away, in time proportional to what came.
    private mutating func compact() {
        if waiting.isEmpty {
            queue.removeAll(keepingCapacity: true)
            head = 0
        } else if queue.count > 2 * waiting.count + 64 {
            queue = queue[head...].filter(waiting.contains)
            head = 0
        }
    }
}
