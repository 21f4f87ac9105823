import GatewayCore

/// A page in Prometheus' text format, version 0.0.4, family by family. Amounts are written as exact decimals: what Prometheus makes of them in
/// binary is its own affair, and whoever reads the page has the ledger's figures to the nano-dollar.
struct PrometheusText {
    private(set) var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String, _ samples: [(labels: String, value: String)]) {
        guard !samples.isEmpty else { return }
        begin(name, type, help)
        for sample in samples { text += "\(name)\(sample.labels) \(sample.value)\n" }
    }

    mutating func histogram(_ name: String, _ help: String, _ series: [(labels: [(String, String)], values: Histogram)]) {
        guard !series.isEmpty else { return }
        begin(name, "histogram", help)
        for (labels, values) in series {
            var count: Int64 = 0
            for (index, bound) in values.bounds.enumerated() {
                count += values.counts[index]
                text += "\(name)_bucket\(Self.labels(labels + [("le", Self.decimal(nanos: bound))])) \(count)\n"
            }
            let plain = labels.isEmpty ? "" : Self.labels(labels)
            text += "\(name)_bucket\(Self.labels(labels + [("le", "+Inf")])) \(values.count)\n"
            text += "\(name)_sum\(plain) \(Self.decimal(nanos: values.sum))\n\(name)_count\(plain) \(values.count)\n"
        }
    }

    private mutating func begin(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    /// `{name="value",…}`.
    static func labels(_ pairs: [(name: String, value: String)]) -> String {
        "{\(pairs.map { "\($0.name)=\"\(escaped($0.value))\"" }.joined(separator: ","))}"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// Billionths, without trailing zeros.
    static func decimal(nanos: Int64) -> String {
        var fraction = String(nanos.magnitude % 1_000_000_000)
        fraction = String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(nanos < 0 ? "-" : "")\(nanos.magnitude / 1_000_000_000)\(fraction.isEmpty ? "" : ".\(fraction)")"
    }

    static func decimal(microseconds: Int64) -> String {
        let fraction = String(microseconds % 1_000_000)
        return "\(microseconds / 1_000_000).\(String(repeating: "0", count: 6 - fraction.utf8.count))\(fraction)"
    }
}
