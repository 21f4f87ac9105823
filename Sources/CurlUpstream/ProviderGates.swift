import GatewayCore
import Synchronization

/// The gates of all providers whose calls are bounded, shared by the loops.
final class ProviderGates: Sendable {
    private let gates = Mutex<[String: ConcurrencyGate<CurlCall>]>([:])

    /// False when the provider's queue is full. The call may proceed when its loop is told so, which may be at once.
    func enter(_ call: CurlCall, limit: Int) -> Bool {
        let route = call.request.route
        let (isIn, next) = gates.withLock { gates in
            var gate = gates.removeValue(forKey: route.provider) ?? ConcurrencyGate()
            let isIn = gate.enter(call, limit: limit, maximumWaiting: max(0, route.maximumQueued))
            let next = Self.drain(&gate)
            gates[route.provider] = gate.isIdle ? nil : gate
            return (isIn, next)
        }
        admit(next)
        return isIn
    }

    func leave(_ provider: String) {
        admit(update(provider) { $0.leave() })
    }

    /// True when the call waited; it waits no more.
    func withdraw(_ call: CurlCall) -> Bool {
        var isOut = false
        admit(update(call.request.route.provider) { isOut = $0.withdraw(call) })
        return isOut
    }

    /// Waiting calls by provider.
    var waiting: [String: Int] {
        gates.withLock { $0.mapValues(\.waitingCount).filter { $0.value > 0 } }
    }

    private func update(_ provider: String, _ change: (inout ConcurrencyGate<CurlCall>) -> Void) -> [CurlCall] {
        gates.withLock { gates in
            guard var gate = gates.removeValue(forKey: provider) else { return [] }
            change(&gate)
            let next = Self.drain(&gate)
            gates[provider] = gate.isIdle ? nil : gate
            return next
        }
    }

    private static func drain(_ gate: inout ConcurrencyGate<CurlCall>) -> [CurlCall] {
        var calls: [CurlCall] = []
        while let call = gate.next() { calls.append(call) }
        return calls
    }

    /// A loop that has ended takes no calls: their places go to the next.
    private func admit(_ calls: [CurlCall]) {
        var pending = calls
        while let call = pending.popLast() {
            guard !call.inbox.post(.proceed(call)) else { continue }
            pending += update(call.request.route.provider) { $0.leave() }
        }
    }
}
