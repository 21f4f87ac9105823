import GatewayCore
import TestSupport
import Testing

@Suite struct AnswerMemoryTests {
    private static let now = Timestamp(seconds: 1_800_000_000)

    private func key(_ number: Int) -> CacheKey { CacheKey(digest: [UInt8](repeating: UInt8(number), count: CacheKey.size)) }

    private func answer(_ number: Int, body: Int = 100, keptAt: Int64 = 0, ttl: Int64 = 60) -> KeptAnswer {
        let keptAt = Self.now.adding(seconds: keptAt)
        return KeptAnswer(
            key: key(number), id: CallID(high: 1, low: UInt64(number)), workspace: "w", provider: "p", operation: "o",
            answer: WholeAnswer(status: 200, headers: HeaderList([("A", "b")]), body: [UInt8](repeating: 7, count: body)),
            cost: Money(nanos: 1), keptAt: keptAt, expiresAt: keptAt.adding(seconds: ttl))
    }

    @Test func anAnswerIsServedUntilTheInstantAtWhichItExpires() {
        var memory = AnswerMemory()
        memory.keep(answer(1), limit: 1 << 20)
        #expect(memory.answer(key(1), at: Self.now.adding(seconds: 59)) == answer(1))
        #expect(memory.answer(key(1), at: Self.now.adding(seconds: 60)) == nil)
        #expect(memory.count == 0 && memory.bytes == 0)
    }

    @Test func aNewerAnswerTakesAnOldersPlaceAndNotTheOtherWayRound() {
        var memory = AnswerMemory()
        memory.keep(answer(1, body: 10, keptAt: 5), limit: 1 << 20)
        memory.keep(answer(1, body: 20, keptAt: 4), limit: 1 << 20)
        #expect(memory.answer(key(1), at: Self.now)?.answer.body.count == 10)
        memory.keep(answer(1, body: 30, keptAt: 5), limit: 1 << 20)
        #expect(memory.answer(key(1), at: Self.now)?.answer.body.count == 30)
        #expect(memory.count == 1 && memory.bytes == answer(1, body: 30).size)
    }

    @Test func oneThatWouldDriveTheOthersOutIsNotKept() {
        var memory = AnswerMemory()
        memory.keep(answer(1), limit: 2000)
        memory.keep(answer(2, body: 600), limit: 2000)
        #expect(memory.answer(key(1), at: Self.now) != nil && memory.answer(key(2), at: Self.now) == nil)
        memory.keep(answer(1, keptAt: 1), limit: 0)
        #expect(memory.count == 0, "a bound of nothing keeps something")
    }

    /// Against a plain list, most recently used first.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func thoseUsedLeastRecentlyGoFirst(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var memory = AnswerMemory()
        var model: [KeptAnswer] = []
        for _ in 0..<4000 {
            let number = Int.random(in: 0..<30, using: &random)
            if Bool.random(using: &random) {
                let found = memory.answer(key(number), at: Self.now)
                let place = model.firstIndex { $0.key == key(number) }
                #expect(found == place.map { model[$0] })
                if let place { model.insert(model.remove(at: place), at: 0) }
            } else {
                let (limit, count) = (Int.random(in: 3000...9000, using: &random), Int.random(in: 3...9, using: &random))
                let new = answer(number, body: Int.random(in: 0...900, using: &random))
                memory.keep(new, limit: limit, count: count)
                model.removeAll { $0.key == new.key }
                model.insert(new, at: 0)
                while model.reduce(0, { $0 + $1.size }) > limit || model.count > count { model.removeLast() }
            }
            #expect(memory.count == model.count && memory.bytes == model.reduce(0) { $0 + $1.size })
        }
    }
}
