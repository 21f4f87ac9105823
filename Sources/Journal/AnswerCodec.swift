import GatewayCore

/// Kept answers and records to be stored, as bytes. As every payload of ``EntryCodec``'s: fixed fields first; what later versions add
/// behind them is passed over.
enum AnswerCodec {
    /// Which optional fields follow.
    private struct Presence: OptionSet {
        var rawValue: UInt16

        static let research = Presence(rawValue: 1 << 0)
        static let content = Presence(rawValue: 1 << 1)
        static let sources = Presence(rawValue: 1 << 2)
        static let model = Presence(rawValue: 1 << 3)
        static let confidence = Presence(rawValue: 1 << 4)
        static let tokens = Presence(rawValue: 1 << 5)
        static let duration = Presence(rawValue: 1 << 6)
        static let raw = Presence(rawValue: 1 << 7)
        static let rawColumn = Presence(rawValue: 1 << 8)
    }

    static func encode(_ kept: KeptAnswer, into writer: inout ByteWriter) {
        EntryCodec.encode(kept.id, into: &writer)
        var presence: Presence = []
        if let research = kept.research {
            presence.insert(.research)
            if research.content != nil { presence.insert(.content) }
            if research.sources != nil { presence.insert(.sources) }
            if research.model != nil { presence.insert(.model) }
            if research.confidence != nil { presence.insert(.confidence) }
            if research.tokens != nil { presence.insert(.tokens) }
            if research.duration != nil { presence.insert(.duration) }
        }
        writer.little16(presence.rawValue)
        writer.data(kept.key.digest)
        writer.text(kept.workspace)
        writer.text(kept.provider)
        writer.text(kept.operation)
        writer.signed(kept.cost.nanos)
        writer.signed(kept.keptAt.microseconds)
        writer.signed(kept.expiresAt.microseconds)
        writer.signed(Int64(kept.answer.status))
        writer.foreignData(kept.answer.headerLines)
        writer.foreignData(kept.answer.body)
        guard let research = kept.research else { return }
        writer.text(research.entityType)
        writer.text(research.entityID)
        writer.text(research.type)
        if let content = research.content { writer.text(content) }
        if let sources = research.sources { writer.text(sources) }
        if let model = research.model { writer.text(model) }
        if let confidence = research.confidence { writer.text(confidence) }
        if let tokens = research.tokens { writer.signed(tokens) }
        if let duration = research.duration { writer.signed(Int64(duration)) }
    }

    static func decodeKept(_ reader: inout ByteReader) throws(MalformedEntry) -> KeptAnswer {
        let id = try EntryCodec.decodeID(&reader)
        let presence = Presence(rawValue: try reader.little16())
        let digest = try reader.data()
        guard digest.count == CacheKey.size else { throw MalformedEntry(description: "a cache key has \(digest.count) bytes") }
        let (workspace, provider, operation) = (try reader.text(), try reader.text(), try reader.text())
        let cost = Money(nanos: try reader.signed())
        let keptAt = Timestamp(microseconds: try reader.signed())
        let expiresAt = Timestamp(microseconds: try reader.signed())
        let (status, lines, body) = (Int(try reader.signed()), try reader.foreignData(), try reader.foreignData())
        guard let answer = WholeAnswer(status: status, headerLines: lines, body: body) else {
            throw MalformedEntry(description: "a kept answer has no header fields as gateways write them")
        }
        var kept = KeptAnswer(
            key: CacheKey(digest: digest), id: id, workspace: workspace, provider: provider, operation: operation, answer: answer,
            cost: cost,
            keptAt: keptAt, expiresAt: expiresAt)
        guard presence.contains(.research) else { return kept }
        var research = ResearchRecord(entityType: try reader.text(), entityID: try reader.text(), type: try reader.text())
        if presence.contains(.content) { research.content = try reader.text() }
        if presence.contains(.sources) { research.sources = try reader.text() }
        if presence.contains(.model) { research.model = try reader.text() }
        if presence.contains(.confidence) { research.confidence = try reader.text() }
        if presence.contains(.tokens) { research.tokens = try reader.signed() }
        if presence.contains(.duration) { research.duration = Int(try reader.signed()) }
        kept.research = research
        return kept
    }

    static func encode(_ record: EntityRecord, into writer: inout ByteWriter) {
        EntryCodec.encode(record.id, into: &writer)
        var presence: Presence = []
        if record.raw != nil { presence.insert(.raw) }
        if record.rawColumn != nil { presence.insert(.rawColumn) }
        writer.little16(presence.rawValue)
        writer.byte(record.kind == .person ? 0 : 1)
        writer.text(record.workspace)
        writer.text(record.entityID)
        writer.text(record.provider)
        writer.signed(record.storedAt.microseconds)
        writer.text(record.fields)
        if let raw = record.raw { writer.text(raw) }
        if let column = record.rawColumn { writer.text(column) }
    }

    static func decodeEntity(_ reader: inout ByteReader) throws(MalformedEntry) -> EntityRecord {
        let id = try EntryCodec.decodeID(&reader)
        let presence = Presence(rawValue: try reader.little16())
        let code = try reader.byte()
        guard code < 2 else { throw MalformedEntry(description: "an entity of kind \(code) is not known") }
        let (workspace, entityID, provider) = (try reader.text(), try reader.text(), try reader.text())
        let storedAt = Timestamp(microseconds: try reader.signed())
        var record = EntityRecord(
            id: id, workspace: workspace, kind: code == 0 ? .person : .company, entityID: entityID, provider: provider,
            fields: try reader.text(), storedAt: storedAt)
        if presence.contains(.raw) { record.raw = try reader.text() }
        if presence.contains(.rawColumn) { record.rawColumn = try reader.text() }
        return record
    }
}
