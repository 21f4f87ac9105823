import GatewayCore

/// What a frame holds. A reader passes over kinds from 0x80 on that it does not know, and refuses other unknown ones:
/// the writer of a new kind decides whether an older program may go on without it.
struct EntryKind: Hashable, Sendable {
    var rawValue: UInt8

    static let held = EntryKind(rawValue: 1)
    static let settled = EntryKind(rawValue: 2)
    static let released = EntryKind(rawValue: 3)
    static let priced = EntryKind(rawValue: 4)
    /// Nothing is owed for these: a gateway that does not know them may go on.
    static let kept = EntryKind(rawValue: 0xA0)
    static let stored = EntryKind(rawValue: 0xA1)

    var isKnown: Bool { (1...4).contains(rawValue) || self == .kept || self == .stored }
    var mayBeSkipped: Bool { rawValue >= 0x80 }
}

extension JournalEntry {
    var kind: EntryKind {
        switch self {
        case .held: .held
        case .settled: .settled
        case .released: .released
        case .priced: .priced
        case .kept: .kept
        case .stored: .stored
        }
    }

    /// The call whose hold or end the entry is; nil for every other.
    var callID: CallID? {
        switch self {
        case .held(let record), .settled(let record): record.id
        case .released(let id): id
        case .priced, .kept, .stored: nil
        }
    }
}

/// Entries as bytes. Each payload is its fixed fields, then any number of (tag, length, bytes) that later versions may add and
/// that are passed over where they are not known. Payloads about a call begin with its id.
enum EntryCodec {
    /// Which optional fields of a record follow, and its booleans.
    private struct Presence: OptionSet {
        var rawValue: UInt16

        static let user = Presence(rawValue: 1 << 0)
        static let endpoint = Presence(rawValue: 1 << 1)
        static let operation = Presence(rawValue: 1 << 2)
        static let priceVersion = Presence(rawValue: 1 << 3)
        static let reportedCost = Presence(rawValue: 1 << 4)
        static let status = Presence(rawValue: 1 << 5)
        static let duration = Presence(rawValue: 1 << 6)
        static let tokens = Presence(rawValue: 1 << 7)
        static let entityType = Presence(rawValue: 1 << 8)
        static let entityID = Presence(rawValue: 1 << 9)
        static let requestData = Presence(rawValue: 1 << 10)
        static let errorMessage = Presence(rawValue: 1 << 11)
        static let onceKey = Presence(rawValue: 1 << 12)
        static let success = Presence(rawValue: 1 << 13)
        static let estimated = Presence(rawValue: 1 << 14)
    }

    /// The tags of ``CostRecord/saved``, ``CostRecord/found`` and ``CostRecord/reading``: fields that older gateways pass over.
    private static let savedTag: UInt64 = 1
    private static let foundTag: UInt64 = 2
    private static let readingTag: UInt64 = 3

    static func encode(_ entry: JournalEntry, into writer: inout ByteWriter) {
        switch entry {
        case .held(let record), .settled(let record):
            encode(record, into: &writer)
        case .released(let id):
            encode(id, into: &writer)
        case .priced(let version):
            writer.text(version.provider)
            writer.text(version.version)
            writer.text(version.canonical)
        case .kept(let kept): AnswerCodec.encode(kept, into: &writer)
        case .stored(let record): AnswerCodec.encode(record, into: &writer)
        }
    }

    /// The entry, or nil for a kind that may be passed over.
    static func decode(_ kind: EntryKind, _ payload: UnsafeRawBufferPointer) throws(MalformedEntry) -> JournalEntry? {
        var reader = ByteReader(payload)
        let entry: JournalEntry
        switch kind {
        case .held: entry = .held(try decodeRecord(&reader))
        case .settled: entry = .settled(try decodeRecord(&reader))
        case .released: entry = .released(try decodeID(&reader))
        case .priced:
            entry = .priced(PriceVersionRecord(provider: try reader.text(), version: try reader.text(), canonical: try reader.text()))
        case .kept: entry = .kept(try AnswerCodec.decodeKept(&reader))
        case .stored: entry = .stored(try AnswerCodec.decodeEntity(&reader))
        default:
            if kind.mayBeSkipped { return nil }
            throw MalformedEntry(description: "an entry of kind \(kind.rawValue) was made by a newer gateway")
        }
        while !reader.isAtEnd {
            _ = try reader.varint()
            try reader.skip()
        }
        return entry
    }

    /// The call that a frame is about, without decoding the rest.
    static func callID(_ kind: EntryKind, _ payload: UnsafeRawBufferPointer) throws(MalformedEntry) -> CallID? {
        guard kind == .held || kind == .settled || kind == .released else { return nil }
        var reader = ByteReader(payload)
        return try decodeID(&reader)
    }

    static func encode(_ id: CallID, into writer: inout ByteWriter) {
        writer.big64(id.high)
        writer.big64(id.low)
    }

    static func decodeID(_ reader: inout ByteReader) throws(MalformedEntry) -> CallID {
        CallID(high: try reader.big64(), low: try reader.big64())
    }

    private static func encode(_ record: CostRecord, into writer: inout ByteWriter) {
        encode(record.id, into: &writer)
        var presence: Presence = []
        if record.user != nil { presence.insert(.user) }
        if record.endpoint != nil { presence.insert(.endpoint) }
        if record.operation != nil { presence.insert(.operation) }
        if record.priceVersion != nil { presence.insert(.priceVersion) }
        if record.reportedCost != nil { presence.insert(.reportedCost) }
        if record.status != nil { presence.insert(.status) }
        if record.duration != nil { presence.insert(.duration) }
        if record.tokens != nil { presence.insert(.tokens) }
        if record.entityType != nil { presence.insert(.entityType) }
        if record.entityID != nil { presence.insert(.entityID) }
        if record.requestData != nil { presence.insert(.requestData) }
        if record.errorMessage != nil { presence.insert(.errorMessage) }
        if record.onceKey != nil { presence.insert(.onceKey) }
        if record.success { presence.insert(.success) }
        if record.basis == .estimate { presence.insert(.estimated) }
        writer.little16(presence.rawValue)
        writer.byte(code(of: record.cache))
        writer.signed(record.cost.nanos)
        writer.signed(record.estimate.nanos)
        writer.signed(record.createdAt.microseconds)
        writer.signed(record.day.microseconds)
        writer.text(record.workspace)
        writer.text(record.provider)
        if let user = record.user { writer.text(user) }
        if let endpoint = record.endpoint { writer.text(endpoint) }
        if let operation = record.operation { writer.text(operation) }
        if let version = record.priceVersion { writer.text(version) }
        if let reported = record.reportedCost { writer.signed(reported.nanos) }
        if let status = record.status { writer.signed(Int64(status)) }
        if let duration = record.duration { writer.signed(Int64(duration)) }
        if let tokens = record.tokens { writer.signed(tokens) }
        if let type = record.entityType { writer.text(type) }
        if let id = record.entityID { writer.text(id) }
        if let data = record.requestData { writer.text(data) }
        if let message = record.errorMessage { writer.text(message) }
        if let key = record.onceKey { writer.text(key) }
        if let saved = record.saved { encode(saved.nanos, tag: savedTag, into: &writer) }
        if let found = record.found { encode(Int64(found), tag: foundTag, into: &writer) }
        if let reading = record.reading {
            writer.varint(Self.readingTag)
            writer.data(ReadingCodec.encode(reading))
        }
    }

    private static func encode(_ value: Int64, tag: UInt64, into writer: inout ByteWriter) {
        var field = ByteWriter(capacity: 10)
        field.signed(value)
        writer.varint(tag)
        writer.data(field.bytes)
    }

    private static func decodeField(_ reader: inout ByteReader) throws(MalformedEntry) -> Int64 {
        let field = try reader.data()
        return try field[...].withRawBytes { bytes throws(MalformedEntry) in
            var inner = ByteReader(bytes)
            return try inner.signed()
        }
    }

    private static func decodeRecord(_ reader: inout ByteReader) throws(MalformedEntry) -> CostRecord {
        let id = try decodeID(&reader)
        let presence = Presence(rawValue: try reader.little16())
        let cache = try cacheOutcome(reader.byte())
        let cost = Money(nanos: try reader.signed())
        let estimate = Money(nanos: try reader.signed())
        let createdAt = Timestamp(microseconds: try reader.signed())
        let day = Timestamp(microseconds: try reader.signed())
        var record = CostRecord(
            id: id, workspace: try reader.text(), provider: try reader.text(), cost: cost,
            basis: presence.contains(.estimated) ? .estimate : .table, estimate: estimate, cache: cache,
            success: presence.contains(.success), createdAt: createdAt, day: day)
        if presence.contains(.user) { record.user = try reader.text() }
        if presence.contains(.endpoint) { record.endpoint = try reader.text() }
        if presence.contains(.operation) { record.operation = try reader.text() }
        if presence.contains(.priceVersion) { record.priceVersion = try reader.text() }
        if presence.contains(.reportedCost) { record.reportedCost = Money(nanos: try reader.signed()) }
        if presence.contains(.status) { record.status = Int(try reader.signed()) }
        if presence.contains(.duration) { record.duration = Int(try reader.signed()) }
        if presence.contains(.tokens) { record.tokens = try reader.signed() }
        if presence.contains(.entityType) { record.entityType = try reader.text() }
        if presence.contains(.entityID) { record.entityID = try reader.text() }
        if presence.contains(.requestData) { record.requestData = try reader.text() }
        if presence.contains(.errorMessage) { record.errorMessage = try reader.text() }
        if presence.contains(.onceKey) { record.onceKey = try reader.text() }
        while !reader.isAtEnd {
            switch try reader.varint() {
            case savedTag: record.saved = Money(nanos: try decodeField(&reader))
            case foundTag: record.found = Int(try decodeField(&reader))
            case readingTag: record.reading = try ReadingCodec.decode(try reader.data(), of: record)
            default: try reader.skip()
            }
        }
        return record
    }

    private static func code(of cache: CacheOutcome) -> UInt8 {
        switch cache {
        case .none: 0
        case .hit: 1
        case .miss: 2
        case .coalesced: 3
        case .bypass: 4
        }
    }

    private static func cacheOutcome(_ code: UInt8) throws(MalformedEntry) -> CacheOutcome {
        switch code {
        case 0: .none
        case 1: .hit
        case 2: .miss
        case 3: .coalesced
        case 4: .bypass
        default: throw MalformedEntry(description: "cache outcome \(code) is not known")
        }
    }
}
