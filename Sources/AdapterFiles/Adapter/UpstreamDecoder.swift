internal import GatewayCore

/// Reads `upstream`: how a provider is reached.
enum UpstreamDecoder {
    static func settings(_ map: MappingReader, provider: String) -> UpstreamSettings? {
        let url = map.required("url").flatMap(baseURL)
        let auth = map.optional("auth")?.secret.mapping { auth -> (UpstreamSettings.Authentication?, [UpstreamSettings.CredentialPlace])? in
            let callers: [UpstreamSettings.CredentialPlace]? = auth.optional("callers")?.list(of: { $0.mapping(credentialPlace) })
            return (authentication(auth), callers ?? [])
        }
        let headers = map.optional("headers")?.entries(of: header) ?? []
        var route = UpstreamRoute(provider: provider, baseURL: url ?? "")
        if let timeout = map.optional("timeout").flatMap(Self.timeout) { route.timeout = timeout }
        if let connect = map.optional("connect_timeout").flatMap(Self.timeout) { route.connectTimeout = connect }
        if let total = map.optional("total").flatMap(Self.total) { route.total = total }
        if let http2 = map.optional("http2")?.bool() { route.http2 = http2 }
        if let bound = map.optional("max_concurrent").flatMap(Self.concurrency) { route.maximumConcurrent = bound }
        if let bound = map.optional("max_queued")?.integer(in: 0...1_000_000) { route.maximumQueued = bound }
        route.retry = map.optional("retry")?.mapping(retry)
        guard url != nil else { return nil }
        return UpstreamSettings(route: route, authentication: auth?.0, callerCredentials: auth?.1 ?? [], headers: headers)
    }

    /// To the response head, connecting, between bytes; milliseconds.
    static func timeout(_ value: ValueReader) -> Int? { milliseconds(value, atMost: .seconds(3600)) }

    /// For the whole call; milliseconds.
    static func total(_ value: ValueReader) -> Int? { milliseconds(value, atMost: .seconds(86_400)) }

    static func concurrency(_ value: ValueReader) -> Int? { value.integer(in: 1...100_000) }

    static func milliseconds(_ value: ValueReader, from least: Duration = .milliseconds(1), atMost most: Duration) -> Int? {
        value.duration(in: least...most).map { Int($0 / .milliseconds(1)) }
    }

    /// An `http` or `https` URL without user, query and fragment; trailing slashes are dropped.
    static func baseURL(_ value: ValueReader) -> String? {
        guard let text = value.interpolated() else { return nil }
        // Whoever names a variable that is not set is off, and needs no URL.
        guard text.missing.isEmpty else { return text.value }
        guard let problem = WebAddress.problem(text.value, as: .base) else {
            var url = text.value
            while url.utf8.last == UInt8(ascii: "/") { url.removeLast() }
            return url
        }
        // A user, a password or a key is what may be wrong with it.
        let isShown = !text.isSecret && !text.value.utf8.contains { $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: "?") }
        value.fail("\(isShown ? quoted(text.value) : "the value") is no base URL: \(problem)")
        return nil
    }

    private static func authentication(_ map: MappingReader) -> UpstreamSettings.Authentication? {
        let header = map.optional("header")
        let query = map.optional("query")
        let value = map.required("value").flatMap(fieldValue)
        switch (header, query) {
        case (nil, nil):
            map.fail("'auth' names where the key goes: 'header' or 'query'")
            return nil
        case (_?, let query?):
            query.fail("'auth' has either 'header' or 'query', not both")
            return nil
        case (let header?, nil):
            guard let name = header.string().flatMap({ fieldName($0, header.fail) }), let value else { return nil }
            return .header(name: name, value: value)
        case (nil, let query?):
            guard let name = parameterName(query), let value else { return nil }
            return .query(name: name, value: value)
        }
    }

    private static func parameterName(_ query: ValueReader) -> String? {
        guard let name = query.string() else { return nil }
        guard !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"&=#".utf8.contains($0) }) else {
            query.fail("this is no parameter's name")
            return nil
        }
        return name
    }

    /// A further place where a caller's SDK may put its key: `{ header: NAME }` or `{ query: NAME }`.
    private static func credentialPlace(_ map: MappingReader) -> UpstreamSettings.CredentialPlace? {
        let header = map.optional("header")
        let query = map.optional("query")
        switch (header, query) {
        case (let header?, nil): return header.string().flatMap { fieldName($0, header.fail) }.map { .header($0) }
        case (nil, let query?): return parameterName(query).map { .query($0) }
        default:
            map.fail("'callers' lists places where a caller's key may be, each one 'header' or one 'query'")
            return nil
        }
    }

    private static func header(_ key: KeyReader, _ value: ValueReader) -> UpstreamSettings.Header? {
        let secret = fieldValue(value)
        guard let name = fieldName(key.text, key.fail), let secret else { return nil }
        return UpstreamSettings.Header(name: name, value: secret)
    }

    /// Fields that the transport sets itself, or that concern a single connection.
    private static let reserved: Set<String> = [
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    private static func fieldName(_ name: String, _ fail: (String) -> Void) -> String? {
        guard Names.isToken(name) else {
            // Perhaps it is the header's value.
            fail("this is no header's name")
            return nil
        }
        guard !reserved.contains(name.lowercased()) else {
            fail("the header \(quoted(name)) belongs to the transport and cannot be set")
            return nil
        }
        return name
    }

    /// A header's or parameter's value. Messages never show it.
    private static func fieldValue(_ value: ValueReader) -> Secret? {
        guard case .string? = value.scalar?.value else { return value.text().map { Secret($0) } }
        guard let text = value.interpolated() else { return nil }
        // What lacks a variable is never sent.
        let isWhole = text.missing.isEmpty
        let bytes = text.value.utf8
        if isWhole, bytes.contains(where: { $0 < 0x20 || $0 == 0x7F }) || bytes.first == 0x20 || bytes.last == 0x20 {
            value.fail("the value has a control character, or a space at its start or end")
            return nil
        }
        return Secret(text.value)
    }

    private enum RetryCondition {
        case status(Int)
        case connect
    }

    private static func retry(_ map: MappingReader) -> RetryPolicy? {
        let conditions = map.required("on")?.oneOrList { value -> RetryCondition? in
            if value.scalar?.text == "connect" { return .connect }
            if case .integer(let text)? = value.scalar?.value, let status = Int(text), (400...599).contains(status) {
                return .status(status)
            }
            value.expected("a status from 400 to 599, or connect")
            return nil
        }
        let attempts = map.optional("attempts").map { $0.integer(in: 1...10) } ?? 2
        guard let conditions, let attempts else { return nil }
        var policy = RetryPolicy(statuses: [], onConnect: false, attempts: attempts)
        for condition in conditions {
            switch condition {
            case .status(let status): policy.statuses.insert(status)
            case .connect: policy.onConnect = true
            }
        }
        return policy
    }
}
