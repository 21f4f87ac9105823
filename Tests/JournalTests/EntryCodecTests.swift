import GatewayCore
import LedgerConformance
import Testing

@testable import Journal

@Suite struct EntryCodecTests {
    private func payload(_ entry: JournalEntry) -> [UInt8] {
        var writer = ByteWriter(capacity: 64)
        EntryCodec.encode(entry, into: &writer)
        return writer.bytes
    }

    private func decode(_ kind: EntryKind, _ bytes: [UInt8]) throws(MalformedEntry) -> JournalEntry? {
        try bytes[...].withRawBytes { bytes throws(MalformedEntry) in try EntryCodec.decode(kind, bytes) }
    }

    @Test(arguments: 1...4)
    func randomEntriesRoundTrip(seed: Int) throws {
        var maker = RecordMaker(seed: UInt64(seed))
        for _ in 0..<500 {
            let entry = maker.entry()
            #expect(try decode(entry.kind, payload(entry)) == entry)
            #expect(try JournalLine.decode("12:00 app[1]: \(try #require(JournalLine.encode(entry)))\n") == entry)
        }
    }

    @Test func extremesRoundTrip() throws {
        var maker = RecordMaker(seed: 9)
        var record = maker.record()
        for value in [Int64.min, -1, 0, 1, .max] {
            record.cost = Money(nanos: value)
            record.estimate = record.cost
            record.reportedCost = record.cost
            record.tokens = value
            record.status = Int(value)
            record.duration = Int(value)
            record.createdAt = Timestamp(microseconds: value)
            record.day = record.createdAt
            #expect(try decode(.settled, payload(.settled(record))) == .settled(record))
        }
    }

    @Test func fieldsOfLaterVersionsArePassedOver() throws {
        var maker = RecordMaker(seed: 2)
        let entry = JournalEntry.settled(maker.record())
        #expect(try decode(.settled, payload(entry) + [0x2A, 3, 1, 2, 3, 0x81, 0x01, 0]) == entry)
        #expect(throws: MalformedEntry.self) { try decode(.settled, payload(entry) + [0x2A, 3, 1, 2]) }
    }

    /// After damage the next frame is looked for by its marker: a provider's answer must not be full of them.
    @Test func anAnswersBytesHoldNoMarker() throws {
        var maker = RecordMaker(seed: 3)
        var kept = maker.keptAnswer()
        kept.key = CacheKey(digest: [UInt8](repeating: 7, count: CacheKey.size))
        for body in [[0xFF, 0xFE], [0xFF], [0xFF, 0x00], [0xFF, 0xFF, 0xFE, 0x00, 0xFF], [UInt8](repeating: 0xFF, count: 300)] as [[UInt8]]
        {
            kept.answer.body = body
            kept.answer.headers = HeaderList([("A", "b")])
            kept.answer.headers.append(name: Array("B".utf8), value: body)
            let bytes = payload(.kept(kept))
            #expect(!zip(bytes, bytes.dropFirst()).contains { $0 == (0xFF, 0xFE) })
            #expect(try decode(.kept, bytes) == .kept(kept))
        }
    }

    @Test func savingsAreAFieldThatOlderGatewaysPassOver() throws {
        var maker = RecordMaker(seed: 4)
        var record = maker.record()
        (record.saved, record.found) = (nil, nil)
        let plain = payload(.settled(record))
        for nanos in [0, 1, -1, .max, .min] as [Int64] {
            record.saved = Money(nanos: nanos)
            #expect(payload(.settled(record)).starts(with: plain))
            #expect(try decode(.settled, payload(.settled(record))) == .settled(record))
        }
        #expect(throws: MalformedEntry.self) { try decode(.settled, plain + [1, 0]) }
    }

    /// An entry as the gateway before has written it has none.
    @Test func recordsFoundAreAFieldThatOlderGatewaysPassOver() throws {
        var maker = RecordMaker(seed: 6)
        var record = maker.record()
        for saved in [nil, Money(nanos: 7)] {
            record.saved = saved
            record.found = nil
            let plain = payload(.settled(record))
            #expect(try decode(.settled, plain) == .settled(record))
            for found in [0, 1, 1000, .max] {
                record.found = found
                #expect(payload(.settled(record)).starts(with: plain))
                #expect(try decode(.settled, payload(.settled(record))) == .settled(record))
            }
            #expect(throws: MalformedEntry.self) { try decode(.settled, plain + [2, 0]) }
        }
    }

    @Test func kindsOfLaterVersions() throws {
        #expect(try decode(EntryKind(rawValue: 0x80), [1, 2, 3]) == nil)
        let error = #expect(throws: MalformedEntry.self) { try decode(EntryKind(rawValue: 5), [1, 2, 3]) }
        #expect(error?.description.contains("newer gateway") == true)
    }

    @Test func aDamagedLineIsRefused() throws {
        var maker = RecordMaker(seed: 5)
        let entry = JournalEntry.settled(maker.record())
        let line = try #require(JournalLine.encode(entry))
        #expect(try JournalLine.decode("no such thing") == nil)
        #expect(try JournalLine.decode("") == nil)
        let bytes = Array(line.utf8)
        for index in JournalLine.prefix.utf8.count..<bytes.count {
            var changed = bytes
            changed[index] = changed[index] == UInt8(ascii: "B") ? UInt8(ascii: "C") : UInt8(ascii: "B")
            // The last digit and the padding carry bits that stand for nothing.
            let text = String(decoding: changed, as: UTF8.self)
            if let read = try? JournalLine.decode(text) { #expect(read == entry) }
            #expect(throws: JournalError.self) { try JournalLine.decode(String(decoding: bytes[..<index], as: UTF8.self)) }
            if index == bytes.count - 4 { break }
        }
    }

    @Test func base64IsTheStandards() {
        for (plain, text) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ] {
            #expect(Base64.encode(Array(plain.utf8)[...]) == text)
            #expect(Base64.decode(Array(text.utf8)[...]) == Array(plain.utf8))
        }
    }
}
