import Testing

@testable import CurlUpstream

@Suite struct BodyQueueTests {
    private func read(_ queue: inout BodyQueue, _ count: Int) -> (BodyQueue.Portion, [UInt8]) {
        var buffer = [UInt8](repeating: 0, count: count)
        let portion = buffer.withUnsafeMutableBytes { queue.read(into: $0) }
        if case .bytes(let count) = portion { return (portion, Array(buffer[..<count])) }
        return (portion, [])
    }

    @Test func givesPortionsAcrossPieces() {
        var queue = BodyQueue(length: nil)
        #expect(read(&queue, 4).0 == .wait)
        queue.append([1, 2, 3])
        queue.append([])
        queue.append([4, 5])
        #expect(read(&queue, 4).1 == [1, 2, 3, 4])
        #expect(queue.queued == 1 && !queue.isExhausted)
        #expect(read(&queue, 4).1 == [5])
        #expect(read(&queue, 4).0 == .wait)
        queue.finish()
        #expect(read(&queue, 4).0 == .end && queue.isExhausted)
    }

    @Test func startsOverWhileTheBeginningIsHeld() {
        var queue = BodyQueue(length: nil, replayLimit: 4)
        queue.append([1, 2, 3, 4, 5, 6])
        #expect(read(&queue, 4).1 == [1, 2, 3, 4])
        #expect(queue.rewind() && queue.queued == 6)
        #expect(read(&queue, 5).1 == [1, 2, 3, 4, 5])
        #expect(queue.rewind() == false)
        #expect(read(&queue, 5).1 == [6])
    }

    @Test(arguments: [[1, 2], [1, 2, 3, 4]] as [[UInt8]])
    func refusesAnotherLengthThanAnnounced(_ bytes: [UInt8]) {
        var queue = BodyQueue(length: 3)
        queue.append(bytes)
        queue.finish()
        #expect(read(&queue, 8).0 == .wrongLength)
    }

    @Test func isExhaustedAtItsLengthBeforeItIsSaidToBeFinished() {
        var queue = BodyQueue(length: 2)
        queue.append([1, 2])
        _ = read(&queue, 8)
        #expect(queue.isExhausted)
    }

    @Test func aWholeBodyCanAlwaysStartOver() {
        let body = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
        var queue = BodyQueue(whole: body)
        for _ in 0..<2 {
            #expect(read(&queue, body.count).1 == body)
            #expect(queue.rewind() == true)
        }
    }
}
