import GatewayCore
import Synchronization
import Testing

@Suite struct CallIDTests {
    static let now = Timestamp(seconds: 1_795_410_000)

    @Test func readsWhatItPrints() throws {
        for _ in 0..<1000 {
            let id = CallID(high: .random(in: 0 ... .max), low: .random(in: 0 ... .max))
            #expect(id.description.utf8.count == 26)
            #expect(CallID(id.description) == id)
            #expect(CallID(id.description.lowercased()) == id)
        }
        #expect(CallID(high: .max, low: .max).description == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
        // The example of the ULID specification: its instant.
        #expect(try #require(CallID("01ARZ3NDEKTSV4RRFFQ69G5FAV")).timestamp.milliseconds == 1_469_922_850_259)
    }

    @Test(arguments: [
        "", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01ARZ3NDEKTSV4RRFFQ69G5FAVX", "81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAU",
        "01ARZ3NDEKTSV4RRFFQ69G5FA-", "01ARZ3NDEKTSV4RRFFQ69G5F\u{E9}", "0IARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FA{",
    ])
    func refuses(_ text: String) {
        #expect(CallID(text) == nil)
    }

    @Test func textSortsAsIdsDo() {
        let ids = (0..<500).map { _ in CallID(high: .random(in: 0 ... .max), low: .random(in: 0 ... .max)) }
        #expect(ids.sorted().map(\.description) == ids.map(\.description).sorted())
    }

    @Test func growsWhateverTheClockDoes() {
        let generator = CallIDGenerator()
        var last = generator.next(at: Self.now)
        #expect(last.timestamp == Self.now)
        let steps: [Int64] = [0, 0, 1, -1, -86_400, 0, 5, -5, 86_400 * 365, -86_400 * 365, -1 << 40]
        for step in steps {
            let id = generator.next(at: Self.now.adding(seconds: step))
            #expect(id > last)
            last = id
        }
    }

    @Test func growsAndNeverRepeatsAcrossThreads() async {
        let generator = CallIDGenerator()
        let all = await withTaskGroup(of: [CallID].self) { group in
            for task in 0..<8 {
                group.addTask {
                    (0..<5000).map { generator.next(at: Self.now.adding(seconds: Int64($0 / 1000 - task))) }
                }
            }
            var all: [[CallID]] = []
            for await ids in group { all.append(ids) }
            return all
        }
        for ids in all { #expect(zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }) }
        #expect(Set(all.joined()).count == 40_000)
    }
}
