internal import JSONPath

/// A ledger row's `requestData`: how a call's cost came about. Decimal strings for every number; never a body.
package enum RequestData {
    /// `{"method","trace","dimensions":{…},"lines":[{"unit","quantity","rate","cost"}]}`, and of an answer that was normalized `"grades":{"A":1}`,
    /// the number of its records of each; `trace` is the caller's, where it sent one. `"answer"` says what the answer of a provider was worth that is
    /// asked in turn, null for nothing.
    package static func json(
        method: String, trace: CallTrace? = nil, charge: Charge, grades: GradeCounts? = nil, worth: AnswerWorth? = nil
    ) -> String {
        json(method: method, trace: trace, dimensions: charge.dimensions, lines: charge.lines, grades: grades, worth: worth)
    }

    package static func json(method: String, trace: CallTrace? = nil, estimate: Estimate) -> String {
        json(method: method, trace: trace, dimensions: estimate.dimensions, lines: estimate.lines)
    }

    private static func json(
        method: String, trace: CallTrace?, dimensions: [DimensionValue], lines: [CostLine], grades: GradeCounts? = nil,
        worth: AnswerWorth? = nil
    ) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64 + 96 * lines.count)
        append(#"{"method":"#, to: &bytes)
        JSONText.appendString(method, to: &bytes)
        if let trace, trace.parent != nil {
            append(#","trace":"#, to: &bytes)
            JSONText.appendString(trace.context.traceID, to: &bytes)
        }
        append(#","dimensions":{"#, to: &bytes)
        for (index, dimension) in dimensions.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            JSONText.appendString(dimension.name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            // What a caller or a provider wrote, so possibly long.
            let isLong = dimension.value.utf8.count > 128
            JSONText.appendString(isLong ? String(dimension.value.unicodeScalars.prefix(128)) : dimension.value, to: &bytes)
        }
        append(#"},"lines":["#, to: &bytes)
        for (index, line) in lines.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            append(#"{"unit":"#, to: &bytes)
            JSONText.appendString(line.unit, to: &bytes)
            // Digits, '.', '-' and '/' alone: nothing to escape.
            append(#","quantity":""#, to: &bytes)
            line.quantity.append(to: &bytes)
            append(#"","rate":""#, to: &bytes)
            appendRate(line.rate.value, to: &bytes)
            append(#"","cost":""#, to: &bytes)
            // Rounded by itself, so that the lines may differ from the call's cost by a nano-dollar each.
            if let money = try? line.cost.money() { money.append(to: &bytes) } else { line.cost.append(to: &bytes) }
            append(#""}"#, to: &bytes)
        }
        append("]", to: &bytes)
        if let grades {
            append(#","grades":"#, to: &bytes)
            bytes += grades.json(withZeros: false).serialized
        }
        if let worth {
            append(#","answer":"#, to: &bytes)
            bytes += worth.json.serialized
        }
        append("}", to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// A price has at least two fraction digits, as every amount; a token's has more than the nine of an amount that is paid.
    private static func appendRate(_ rate: Exact, to bytes: inout [UInt8]) {
        let start = bytes.count
        rate.append(to: &bytes)
        if rate.denominator == 1 {
            append(".00", to: &bytes)
        } else if bytes[start...].suffix(2).first == UInt8(ascii: ".") {
            bytes.append(UInt8(ascii: "0"))
        }
    }

    private static func append(_ text: StaticString, to bytes: inout [UInt8]) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }
}
