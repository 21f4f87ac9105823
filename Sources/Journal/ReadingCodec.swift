import GatewayCore

/// A call's reading as the bytes of a field: whose it is stands in the record.
enum ReadingCodec {
    static func encode(_ reading: ProviderReading) -> [UInt8] {
        var writer = ByteWriter(capacity: 48)
        writer.text(reading.pool.name)
        writer.signed(reading.startedAt.microseconds)
        writer.signed(reading.endedAt.microseconds)
        writer.signed(reading.low.micros)
        writer.signed(reading.high.micros)
        if let remaining = reading.remaining { writer.signed(remaining.micros) }
        return writer.bytes
    }

    static func decode(_ field: [UInt8], of record: CostRecord) throws(MalformedEntry) -> ProviderReading {
        try field[...].withRawBytes { bytes throws(MalformedEntry) in
            var reader = ByteReader(bytes)
            return ProviderReading(
                id: record.id, pool: ProviderPool(provider: record.provider, name: try reader.text()),
                startedAt: Timestamp(microseconds: try reader.signed()), endedAt: Timestamp(microseconds: try reader.signed()),
                low: Credits(micros: try reader.signed()), high: Credits(micros: try reader.signed()),
                remaining: reader.isAtEnd ? nil : Credits(micros: try reader.signed()))
        }
    }
}
