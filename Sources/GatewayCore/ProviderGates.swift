import Synchronization

/// A call that waits for its place among its provider's running calls.
package protocol GatedCall: AnyObject, Sendable {
    var request: UpstreamRequest { get }
    /// It has its place. Called on any thread, perhaps at once; false when its transport has ended, and its place is the next one's.
    func proceed() -> Bool
}

/// The gates of all providers whose calls are bounded, shared by the transports and their threads.
package final class ProviderGates: Sendable {
    private struct Ticket: Hashable, Sendable {
        let call: any GatedCall

        static func == (left: Ticket, right: Ticket) -> Bool { left.call === right.call }

        func hash(into hasher: inout Hasher) {
            hasher.combine(ObjectIdentifier(call))
        }
    }

    private let gates = Mutex<[String: ConcurrencyGate<Ticket>]>([:])

    package init() {}

    /// False when the provider's queue is full. The call may proceed when it is told so, which may be at once.
    package func enter(_ call: any GatedCall, limit: Int) -> Bool {
        let route = call.request.route
        let (isIn, next) = gates.withLock { gates in
            var gate = gates.removeValue(forKey: route.provider) ?? ConcurrencyGate()
            let isIn = gate.enter(Ticket(call: call), limit: limit, maximumWaiting: max(0, route.maximumQueued))
            let next = Self.drain(&gate)
            gates[route.provider] = gate.isIdle ? nil : gate
            return (isIn, next)
        }
        admit(next)
        return isIn
    }

    /// One of the provider's running calls has ended.
    package func leave(_ provider: String) {
        admit(update(provider) { $0.leave() })
    }

    /// True when the call waited; it waits no more.
    package func withdraw(_ call: any GatedCall) -> Bool {
        var isOut = false
        admit(update(call.request.route.provider) { isOut = $0.withdraw(Ticket(call: call)) })
        return isOut
    }

    /// Waiting calls by provider.
    package var waiting: [String: Int] {
        gates.withLock { $0.mapValues(\.waitingCount).filter { $0.value > 0 } }
    }

    private func update(_ provider: String, _ change: (inout ConcurrencyGate<Ticket>) -> Void) -> [Ticket] {
        gates.withLock { gates in
            guard var gate = gates.removeValue(forKey: provider) else { return [] }
            change(&gate)
            let next = Self.drain(&gate)
            gates[provider] = gate.isIdle ? nil : gate
            return next
        }
    }

    private static func drain(_ gate: inout ConcurrencyGate<Ticket>) -> [Ticket] {
        var calls: [Ticket] = []
        while let call = gate.next() { calls.append(call) }
        return calls
    }

    /// A transport that has ended takes no calls: their places go to the next.
    private func admit(_ tickets: [Ticket]) {
        var pending = tickets[...]
        while let ticket = pending.popFirst() {
            guard !ticket.call.proceed() else { continue }
            pending += update(ticket.call.request.route.provider) { $0.leave() }
        }
    }
}
