internal import Crypto
internal import GatewayCore
internal import JSONPath

extension PriceEntry {
    /// An entry with its version.
    ///
    /// The version names what is charged and nothing else: the instant from which it is, and the rows with this deployment's own. That somebody
    /// has looked again (`checked`) or where (`source`), the order of the rows, and how a price is written (`0.50`, `500 / 1k`) leave it alone.
    init(effective: Timestamp, source: String, checked: Timestamp, pricing rows: [PriceRow]) {
        let canonical = Self.canonical(effective: effective, rows: rows)
        let digest = SHA256.hash(data: canonical)
        let date = effective.rfc3339.prefix(10)
        self.init(
            effective: effective, source: source, checked: checked, rows: rows,
            version: "\(date)+\(hexadecimal(digest.prefix(4)))", canonical: String(decoding: canonical, as: UTF8.self))
    }

    /// `{"effective":"2026-01-01T00:00:00Z","prices":[{"unit":"output_token","usd":"0.0000025","when":{"model":"small"}}, …]}`: one element a unit
    /// of a row, sorted; `"own":true` marks this deployment's.
    private static func canonical(effective: Timestamp, rows: [PriceRow]) -> [UInt8] {
        var prices: [(text: String, value: JSONValue)] = []
        for row in rows {
            let conditions = row.conditions.sorted { $0.key < $1.key }
                .map { JSONValue.Member($0.key, .string($0.value.written)) }
            for (unit, rate) in row.rates {
                var members = [JSONValue.Member("unit", .string(unit)), JSONValue.Member("usd", .string(rate.value.description))]
                if !conditions.isEmpty { members.append(JSONValue.Member("when", .object(conditions))) }
                if row.isOverride { members.append(JSONValue.Member("own", .bool(true))) }
                let value = JSONValue.object(members)
                prices.append((String(decoding: value.canonical, as: UTF8.self), value))
            }
        }
        let sorted = prices.sorted { $0.text.utf8.lexicographicallyPrecedes($1.text.utf8) }.map(\.value)
        return JSONValue.object([
            JSONValue.Member("effective", .string(effective.rfc3339)), JSONValue.Member("prices", .array(sorted)),
        ]).canonical
    }
}

extension PriceRow.Condition {
    /// As an adapter writes it. An exact value cannot end in `*`, so the two do not mix.
    var written: String {
        switch self {
        case .exactly(let text): text
        case .prefix(let prefix): prefix + "*"
        }
    }
}

/// Two lower-case digits a byte.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
