/// Adapters for a provider on the loopback interface. A credit is $0.10.
enum WireAdapter {
    /// Takes any request below its base; `/v1/read` is read whole before it is passed on.
    static func anything(url: String) -> String {
        adapter(
            url: url,
            operations: """
                  - name: read
                    match: { method: POST, path: /v1/read }
                    charge: { credit: 1 }
                    estimate: { credit: { request: $.n, default: 1 } }
                  - name: any
                    match: { method: [GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT], path: "/**" }
                    charge: { credit: 1 }
                    estimate: { credit: 1 }
                """, path: "/v1/any")
    }

    /// `/v1/held/…` is metered by its body, `/v1/flow/…` by its status alone. Either may cost three credits.
    static func metered(url: String, provider: String = "acme", timeout: String = "20s") -> String {
        adapter(
            provider, url: url, timeout: timeout,
            operations: """
                  - name: held
                    match: { method: [GET, POST], path: "/v1/held/{case}" }
                    charge: { credit: { body: $.credits } }
                    estimate: { credit: 3 }
                  - name: flow
                    match: { method: [GET, HEAD, POST], path: "/v1/flow/{case}" }
                    charge: { credit: 1 }
                    estimate: { credit: 3 }
                """, path: "/v1/flow/1", estimate: "0.30")
    }

    private static func adapter(
        _ provider: String = "acme", url: String, timeout: String = "20s", operations: String, path: String, estimate: String = "0.10"
    ) -> String {
        """
        adapter: 1
        provider: \(provider)
        title: Acme
        upstream: { url: "\(url)", auth: { header: X-Api-Key, value: providers }, timeout: \(timeout) }
        prices:
          - { effective: 2026-01-01, source: "https://acme.example/pricing", checked: 2026-01-01, rates: [ { credit: 0.10 } ] }
        operations:
        \(operations)
        examples:
          - name: one
            request: { method: GET, path: \(path) }
            response: { status: 200 }
            expect: { estimate: "\(estimate)", cost: "0.10" }
        """
    }
}
