import Crypto

extension AlertSettings.Webhook {
    package var id: WebhookID { WebhookID(String(KeyDigest(of: url).hexadecimal.prefix(16))) }

    /// The host and port, which are no secret.
    package var place: String { parts.host }

    /// An alert on its way to this webhook.
    package func request(_ body: String, at now: Timestamp) -> UpstreamRequest {
        let bytes = Array(body.utf8)
        return UpstreamRequest(
            method: "POST", target: parts.target,
            headers: HeaderList([
                ("Content-Type", "application/json"), (AlertSignature.header, AlertSignature.value(of: bytes, secret: secret, at: now)),
            ]),
            body: .bytes(bytes),
            route: UpstreamRoute(
                provider: "webhook \(id)", baseURL: parts.scheme + parts.host, timeout: Self.patience, connectTimeout: Self.patience,
                total: Self.patience))
    }

    /// The address has been checked: a scheme, a host, and perhaps a path and a query.
    private var parts: (scheme: String, host: String, target: String) {
        let url = url.reveal()
        let start = url.firstRange(of: "://")?.upperBound ?? url.startIndex
        let end = url[start...].firstIndex { $0 == "/" || $0 == "?" } ?? url.endIndex
        let target = String(url[end...])
        return (String(url[..<start]), String(url[start..<end]), target.hasPrefix("/") ? target : "/" + target)
    }

    /// How long an answer may take, in milliseconds.
    private static let patience = 8000
}

/// Who posts, and when: so that a receiver can tell an alert from what anybody could send it, now or again later.
package enum AlertSignature {
    package static let header = "X-Gateway-Signature"

    /// `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`
    package static func value(of body: [UInt8], secret: Secret, at now: Timestamp) -> String {
        var code = HMAC<SHA256>(key: SymmetricKey(data: Array(secret.reveal().utf8)))
        code.update(data: Array("\(now.seconds).".utf8))
        code.update(data: body)
        let digits = code.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return digits.utf8.count == 1 ? "0" + digits : digits
        }
        return "t=\(now.seconds),v1=\(digits.joined())"
    }
}

/// When a delivery that has failed is tried again: after about one second, two, four, up to an hour, for a day.
package enum DeliveryRetry {
    /// How long a delivery is tried for, in seconds.
    package static let patience: Int64 = 86_400
    /// How long a try is some gateway's own, in seconds: longer than any takes.
    package static let claim: Int64 = 15
    private static let longest: Int64 = 3_600_000_000

    /// - Parameters:
    ///   - attempts: how many tries there have been.
    ///   - chance: from 0 up to 1: it takes off up to half of the pause, so that what failed together is not tried together.
    package static func instant(after attempts: Int, chance: Double, at now: Timestamp) -> Timestamp {
        let pause = attempts > 12 ? longest : min(longest, 1_000_000 << Int64(max(attempts, 1) - 1))
        return Timestamp(microseconds: now.microseconds + pause - Int64(Double(pause / 2) * min(max(chance, 0), 1)))
    }
}
