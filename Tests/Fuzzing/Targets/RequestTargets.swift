import GatewayCore
import HTTP1
import NIOCore

@testable import AdapterFiles
@testable import CurlUpstream
@testable import DataPlane

extension FuzzTarget {
    /// Request heads, and what of them goes to a provider.
    static let request = FuzzTarget("request", maximumLength: 2048, shortRun: 4000) { bytes in
        guard let head = try? bytes.withUnsafeBytes({ try RequestParser.parse($0) }) else { return false }
        try check(head, from: bytes)
        let written = write(head)
        let again = try written.withUnsafeBytes { try RequestParser.parse($0) }
        try promise(write(again) == written, "a head that is written out is read as another")
        try promise(
            again.body == head.body && again.keepsAlive == head.keepsAlive && again.expectsContinue == head.expectsContinue,
            "the framing changes where nothing but white space does")
        try checkForwarding(head)
        return true
    }

    private static func write(_ head: RequestHead) -> [UInt8] {
        var bytes = Array("\(head.method) \(head.target) HTTP/1.\(head.isVersion11 ? 1 : 0)\r\n".utf8)
        for field in head.headers { bytes += Array(field.name) + Array(": ".utf8) + Array(field.value) + Array("\r\n".utf8) }
        return bytes + Array("\r\n".utf8)
    }

    /// What RFC 9112 says of a head that may be served, read off its lines.
    private static func check(_ head: RequestHead, from bytes: [UInt8]) throws {
        try promise(!head.method.isEmpty && isToken(head.method.utf8), "the method is no token")
        try promise(head.target.utf8.first == UInt8(ascii: "/"), "the target is no path")
        try promise(
            head.target.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }, "the target has other characters")
        for field in head.headers {
            try promise(isToken(field.name), "a field's name is no token")
            try promise(field.value.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }, "a field's value has a control character")
            try promise(
                field.value.first.map { !isSpace($0) } ?? true && field.value.last.map { !isSpace($0) } ?? true,
                "white space around a value")
        }
        let lengths = head.headers.all("content-length")
        let codings = head.headers.all("transfer-encoding")
        try promise(lengths.count + codings.count <= 1, "two framings in one head")
        switch head.body {
        case .none: try promise(codings.isEmpty && lengths.allSatisfy { Int64($0) == 0 }, "a body that nobody reads")
        case .length(let length): try promise(codings.isEmpty && lengths.map { Int64($0) } == [length], "another length than it says")
        case .chunked: try promise(codings.map { $0.lowercased() } == ["chunked"] && head.isVersion11, "chunked without saying so")
        }
        let hosts = head.headers.all("host").count
        try promise(hosts == 1 || hosts == 0 && !head.isVersion11, "\(hosts) Host fields")
        let ends = bytes.indices.dropLast(3).filter { bytes[$0..<$0 + 4].elementsEqual("\r\n\r\n".utf8) }
        try promise(!ends.isEmpty, "a head without an end")
    }

    /// A provider whose key is in a header, and one whose key is in the query.
    private static let generation: Generation = {
        var adapters: [String: Adapter] = [:]
        for (provider, place) in [("acme", "header: X-Api-Key"), ("beta", "query: api_key")] {
            let text = """
                { adapter: 1, provider: \(provider), upstream: { url: "https://api.example/base", auth: { \(place), value: "our-own-key" } },
                  prices: [{ effective: 2026-01-01, source: "https://a.example", checked: 2026-01-01, rates: [{ call: 1 }] }],
                  operations: [{ name: all, match: { method: [GET, POST], path: "/**" }, charge: { call: 1 }, estimate: { call: 1 } }],
                  examples: [{ name: one, request: { method: GET, path: / }, response: { status: 200 }, expect: { cost: "1.00" } }] }
                """
            let file = AdapterFile.decode(Array(text.utf8), file: "-.yaml", environment: Environment([:]), diagnostics: Diagnostics())
            adapters[provider] = file.adapter
        }
        precondition(adapters.count == 2, "the providers of this target are no adapters")
        let ledger = LedgerSettings(engine: .sqlite(path: "/nowhere"), journal: "/nowhere")
        var configuration = Configuration(plugins: "/nowhere", ledger: ledger)
        configuration.defaultWorkspace = "demo"
        return Generation(number: 1, configuration: configuration, adapters: adapters, loadedAt: today)
    }()

    private static let today = Timestamp(CivilDate(year: 2026, month: 11, day: 1))

    /// What is forwarded is one request, under the provider's base path, with the gateway's credential and no other.
    private static func checkForwarding(_ head: RequestHead) throws {
        guard let admission = try? Admission(head, generation: generation, keys: KeyRing(), now: today) else { return }
        let trace = CallTrace(head.headers, ids: TraceIDs())
        let request = admission.upstreamRequest(head, body: .none, trace: trace)
        let refusal = RequestText().fill(
            prefix: Array("/base".utf8), target: request.target, headers: request.headers, hasBody: false, hasProxy: false)
        try promise(refusal == nil, "what is admitted cannot be sent: \(refusal ?? "")")
        let path = request.target.prefix { $0 != "?" }
        try promise(!escapes(String(path)), "\(path) may leave the base path")
        let nominated = head.headers.all("connection").flatMap { $0.split(separator: ",").map { $0.trimmingSpaces.lowercased() } }
        for field in request.headers {
            let name = field.nameText.lowercased()
            try promise(!hidden.contains(name) && !name.hasPrefix("x-gateway-"), "the field \(name) is passed on")
            let isOurs = field.valueText == "our-own-key" || field.valueText == "identity" || name == "traceparent"
            try promise(
                isOurs || !nominated.contains(name) || ["close", "keep-alive"].contains(name), "the connection's \(name) is passed on")
        }
        try promise(request.headers.all("traceparent") == [trace.context.traceparent], "the trace is not the gateway's own step of it")
        let query = request.target.dropFirst(path.count + 1).split(separator: "&", omittingEmptySubsequences: false)
        let keys = query.filter { plainlyDecoded($0.prefix { $0 != "=" }.utf8, isQuery: true) == Array("api_key".utf8) }
        let names = request.headers.filter { $0.isNamed("X-Api-Key") }.map(\.valueText)
        if admission.adapter.provider == "beta" {
            try promise(keys == ["api_key=our-own-key"] && query.last == keys.last, "the credentials are \(keys)")
        } else {
            try promise(names == ["our-own-key"], "the credentials are \(names)")
        }
    }

    private static let hidden: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "proxy-authenticate",
        "proxy-authorization", "authorization", "x-workspace-id", "x-user-id", "x-entity-type", "x-entity-id", "host", "content-length",
        "expect",
    ]

    /// Chunked bodies, whole and in pieces.
    static let chunked = FuzzTarget("chunked", maximumLength: 1024, shortRun: 4000) { bytes in
        let whole = decode(bytes, cuts: [])
        let random = cuts(of: bytes)
        for (name, cuts) in [("byte by byte", Array(0..<bytes.count)), ("cut at \(random)", random)] {
            try promise(decode(bytes, cuts: cuts) == whole, "\(name) it is another body")
        }
        guard case .complete(let body, let rest) = whole else { return false }
        let written = Array("\(String(body.count, radix: 16))\r\n".utf8) + body + Array("\r\n0\r\n\r\n".utf8)
        let plain = body.isEmpty ? Array("0\r\n\r\n".utf8) : written
        try promise(decode(plain, cuts: []) == .complete(body, rest: 0), "in one chunk it is another body")
        try promise(rest <= bytes.count - body.count, "more is left over than was there")
        return true
    }

    private enum Decoded: Equatable {
        case complete([UInt8], rest: Int)
        case partial([UInt8])
        case refused(RequestError)
    }

    private static func decode(_ bytes: [UInt8], cuts: [Int]) -> Decoded {
        var decoder = RequestBody(.chunked)
        var body: [UInt8] = []
        var input = ByteBuffer()
        var start = 0
        do {
            for end in cuts + [bytes.count] {
                input.writeBytes(bytes[start..<end])
                start = end
                while let piece = try decoder.next(&input) { body += Array(buffer: piece) }
                if decoder.isComplete { return .complete(body, rest: input.readableBytes + bytes.count - end) }
            }
        } catch {
            return .refused(error)
        }
        return .partial(body)
    }

    /// Some places to cut, which follow from the bytes.
    static func cuts(of bytes: [UInt8]) -> [Int] {
        var state = bytes.reduce(UInt64(bytes.count)) { $0 &* 31 &+ UInt64($1) }
        return (0..<bytes.count).filter { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return state >> 62 == 0
        }
    }

    /// Compressed answers: bounded, and the bound changes nothing else.
    static let gzip = FuzzTarget("gzip", maximumLength: 1024, shortRun: 2000) { bytes in
        let limit = 1 << 14
        guard let plain = Gunzip.decode(bytes, limit: limit) else { return false }
        try promise(plain.count <= limit, "\(plain.count) bytes where \(limit) are allowed")
        try promise(Gunzip.decode(bytes, limit: plain.count) == plain, "with just enough room it is another body")
        try promise(plain.isEmpty || Gunzip.decode(bytes, limit: plain.count - 1) == nil, "with too little room it is a body")
        return true
    }
}
