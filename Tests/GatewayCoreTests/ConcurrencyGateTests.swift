import Testing

@testable import GatewayCore

@Suite struct ConcurrencyGateTests {
    private func drain(_ gate: inout ConcurrencyGate<Int>) -> [Int] {
        var admitted: [Int] = []
        while let next = gate.next() { admitted.append(next) }
        return admitted
    }

    @Test func servesInOrderOfArrival() {
        var gate = ConcurrencyGate<Int>()
        for ticket in 1...5 { #expect(gate.enter(ticket, limit: 2, maximumWaiting: 10) == true) }
        #expect(drain(&gate) == [1, 2])
        gate.leave()
        #expect(drain(&gate) == [3])
        gate.leave()
        gate.leave()
        #expect(drain(&gate) == [4, 5])
        #expect(gate.running == 2 && gate.waitingCount == 0)
    }

    @Test func refusesWhatTheQueueDoesNotHold() {
        var gate = ConcurrencyGate<Int>()
        #expect(gate.enter(1, limit: 1, maximumWaiting: 0) == true)
        #expect(drain(&gate) == [1])
        #expect(gate.enter(2, limit: 1, maximumWaiting: 0) == false)
        #expect(gate.enter(3, limit: 1, maximumWaiting: 1) == true)
        #expect(gate.enter(4, limit: 1, maximumWaiting: 1) == false)
        gate.leave()
        #expect(drain(&gate) == [3])
    }

    @Test func forgetsThoseWhoGoAway() {
        var gate = ConcurrencyGate<Int>()
        for ticket in 1...4 { _ = gate.enter(ticket, limit: 1, maximumWaiting: 10) }
        #expect(drain(&gate) == [1])
        #expect(gate.withdraw(2) == true)
        #expect(gate.withdraw(2) == false)
        #expect(gate.withdraw(1) == false, "it runs")
        gate.leave()
        #expect(drain(&gate) == [3])
        #expect(gate.withdraw(4) == true)
        gate.leave()
        #expect(drain(&gate) == [] && gate.isIdle)
    }

    @Test func aHigherLimitLetsTheWaitingInFirst() {
        var gate = ConcurrencyGate<Int>()
        for ticket in 1...3 { _ = gate.enter(ticket, limit: 1, maximumWaiting: 10) }
        #expect(drain(&gate) == [1])
        #expect(gate.enter(4, limit: 3, maximumWaiting: 10) == true)
        #expect(drain(&gate) == [2, 3])
        #expect(gate.waitingCount == 1)
    }

    @Test func aLongQueueWithManyWithdrawalsStaysInOrder() {
        var gate = ConcurrencyGate<Int>()
        for ticket in 0..<1000 { _ = gate.enter(ticket, limit: 1, maximumWaiting: 1000) }
        #expect(drain(&gate) == [0])
        for ticket in 1..<1000 where !ticket.isMultiple(of: 10) { #expect(gate.withdraw(ticket) == true) }
        var served: [Int] = []
        for _ in 0..<100 {
            gate.leave()
            served += drain(&gate)
        }
        #expect(served == Array(stride(from: 10, to: 1000, by: 10)) && gate.isIdle)
    }
}
