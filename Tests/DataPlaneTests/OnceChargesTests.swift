import GatewayCore
import Testing

@Suite struct OnceChargesTests {
    private func key(_ value: Int) -> OnceKey { OnceKey(workspace: "w", provider: "p", operation: "o", value: "\(value)") }

    @Test func aKeyIsClaimedOnceForAsLongAsItIsRemembered() {
        let once = OnceCharges()
        let start = Timestamp(seconds: 1_000_000)
        once.load([key(0)])
        #expect(once.contains(key(0)) && !once.claim(key(0), at: start))
        #expect(once.claim(key(1), at: start))
        let later = start.adding(seconds: OnceCharges.memory)
        #expect(once.claim(key(2), at: later))
        #expect(!once.claim(key(1), at: later.adding(seconds: OnceCharges.memory - 1)), "a whole stretch later it is still known")
        #expect(once.claim(key(3), at: later.adding(seconds: OnceCharges.memory)))
        #expect(!once.contains(key(1)), "not for ever")
        #expect(!once.claim(key(2), at: later.adding(seconds: OnceCharges.memory)))
    }
}
