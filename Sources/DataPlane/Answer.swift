import GatewayCore
import HTTP1

/// A provider's response on its way to the caller, and the copy of its body that metering reads.
struct Answer {
    /// How the caller learns where the body ends.
    enum Framing {
        /// No body: HEAD, 204, 304.
        case bodiless
        case length
        case chunked
        /// HTTP/1.0 without a length: the connection's end is the body's.
        case untilClose
    }

    let status: Int
    let headers: HeaderList
    let isStream: Bool
    let isBodiless: Bool
    /// As the provider announced it; nil where only the transport knows the end.
    let length: Int64?
    /// Whether metering reads the body.
    let isRead: Bool
    /// Whether a copy is read for its records, although it may flow.
    private let isCounted: Bool
    /// Whether the caller gets records in its place.
    private(set) var isNormalized: Bool
    /// The status that the caller gets.
    private(set) var shownStatus: Int

    /// The body so far; nil when it is not read or could not be kept.
    private var kept: KeptBytes?
    /// The same without its gzip coding, once metering has read it; nil where it has none.
    private var decoded: KeptBytes?
    /// Why the body cannot be metered; nil while it can.
    private(set) var problem: String?
    private var received: Int64 = 0
    private var passedOn: Int64 = 0
    /// The last byte of a body whose length the caller knows: the end of the response, kept back until the record is durable.
    private var lastByte: UInt8?
    private var unacknowledged = 0
    /// What the head said this call costs, when status and headers alone decide.
    var chargeAtHead: Charge?
    /// What reads its events, where it is an event stream.
    var stream: EventStream?
    var framing = Framing.length

    /// - Parameters:
    ///   - normalization: How it becomes records; nil where it does not.
    ///   - wantsRecords: Whether the caller asks for them in its place.
    init(_ head: UpstreamHead, method: String, isRead: Bool, normalization: Normalization?, wantsRecords: Bool, metrics: Metrics) {
        status = head.status
        shownStatus = head.status
        headers = head.headers
        isStream = head.headers.areOfEventStream
        isBodiless = head.isBodiless || method == "HEAD" || head.status == 204 || head.status == 304
        length = isBodiless ? 0 : Self.length(head.headers)
        self.isRead = isRead
        isCounted = !isStream && head.status != 204 && head.status != 304 && normalization?.covers(status: head.status) == true
        isNormalized = isCounted && wantsRecords
        if isRead || isCounted, !isStream, length != 0 {
            let purpose: KeptBytes.Purpose = isRead || isNormalized ? .metering : .counting
            kept = KeptBytes(for: purpose, metrics)
            if headers.contains("content-encoding") { decoded = KeptBytes(for: purpose, metrics) }
        }
    }

    /// RFC 9112, section 6.3: a transfer coding overrides a length, and lengths that differ are none.
    private static func length(_ headers: HeaderList) -> Int64? {
        guard headers.contains("content-length"), !headers.contains("transfer-encoding") else { return nil }
        let values = headers.all("content-length")
        guard let text = values.first, values.allSatisfy({ $0 == text }), (1...18).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return nil }
        return Int64(text)
    }

    /// Held whole when its cost is read from a body that fits; also when there is no body, since then the head is the end.
    func delivery(limits: Limits) -> Exchange.Delivery {
        if length == 0 { return .held }
        guard isRead || isNormalized, kept != nil, (length ?? 0) <= Int64(limits.bufferedResponse) else { return .flowing }
        return .held
    }

    // MARK: The body as it comes

    /// Notes a piece; what exceeds the announced length is no part of the body.
    mutating func admit(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        if let length, received + Int64(bytes.count) > length { bytes = Array(bytes.prefix(Int(length - received))) }
        received += Int64(bytes.count)
        return bytes
    }

    /// Whether the transport's end is also the announced one.
    var isWhole: Bool { isBodiless || length.map { received == $0 } ?? true }

    /// Keeps a piece for metering, within what all calls together may keep. Returns whether it was kept; if not, what was
    /// kept before is of no use to metering any more.
    mutating func keep(_ bytes: [UInt8], limits: Limits) -> Bool {
        guard problem == nil, let kept else { return false }
        // What is read for its records alone is of no use any more when it is too large to be held.
        if !isRead, body.count + bytes.count > limits.bufferedResponse { return false }
        guard kept.append(bytes, limits: limits) else {
            problem = "the body did not fit limits.buffered_total"
            return false
        }
        return true
    }

    /// All of the body; nil where any of it could not be kept.
    var wholeBody: [UInt8]? {
        guard problem == nil, Int64(body.count) == received else { return nil }
        return body
    }

    /// The body so far.
    var body: [UInt8] { kept?.bytes ?? [] }

    /// The caller gets what the provider sent after all.
    mutating func passUnchanged() {
        isNormalized = false
    }

    /// Puts records in the body's place. Returns false, and changes nothing, where they do not fit what all calls together may keep.
    mutating func normalize(_ status: Int, _ bytes: [UInt8], limits: Limits, metrics: Metrics) -> Bool {
        let records = KeptBytes(for: .metering, metrics)
        guard records.append(bytes, limits: limits) else { return false }
        kept = records
        shownStatus = status
        return true
    }

    /// Lets the copy go.
    mutating func drop() {
        kept = nil
        decoded = nil
    }

    /// What of a flowing piece may leave now.
    mutating func passOn(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
        passedOn += Int64(bytes.count)
        guard case .length = framing, let length, passedOn >= length, let last = bytes.last else { return bytes[...] }
        lastByte = last
        return bytes.dropLast()
    }

    mutating func takeLastByte() -> UInt8? {
        defer { lastByte = nil }
        return lastByte
    }

    mutating func noteUnacknowledged(_ count: Int) {
        unacknowledged += count
    }

    mutating func takeUnacknowledged() -> Int {
        defer { unacknowledged = 0 }
        return unacknowledged
    }

    /// The body as metering sees it.
    func facts(limits: Limits) -> ResponseFacts.Body {
        if isStream { return .eventStream }
        guard isRead || isCounted else { return .unread }
        if let problem { return .unreadable(problem) }
        let body = body
        let coding = (headers.first("content-encoding") ?? "identity").lowercased()
        switch coding {
        case "identity", "":
            return ResponseFacts.body(body)
        case "gzip", "x-gzip":
            guard !body.isEmpty, let decoded else { return ResponseFacts.body(body) }
            if decoded.bytes.isEmpty {
                // Little that is sent may come to very much: no more of it is read than would be held.
                guard let plain = Gunzip.decode(body, limit: limits.bufferedResponse) else {
                    return .unreadable("the body's gzip coding could not be undone within limits.buffered_response")
                }
                guard decoded.append(plain, limits: limits) else {
                    return .unreadable("the body without its gzip coding did not fit limits.buffered_total")
                }
            }
            return ResponseFacts.body(decoded.bytes)
        default:
            return .unreadable("the body has a content coding that was not asked for")
        }
    }
}
