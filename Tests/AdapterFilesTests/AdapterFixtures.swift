import AdapterFiles
import GatewayCore

/// What reading an adapter file gave: the adapter and the one-line diagnostics.
func decodeAdapter(_ text: String, file: String = "plugins/acmedata.yaml", environment: [String: String] = ["ACMEDATA_API_KEY": "k"]) -> (
    adapter: Adapter?, problems: [String]
) {
    let diagnostics = Diagnostics()
    let decoded = AdapterFile.decode(Array(text.utf8), file: file, environment: Environment(environment), diagnostics: diagnostics)
    return (decoded.adapter, diagnostics.sorted.map(\.description))
}

/// A small adapter that is sound; tests change a line of it.
let smallAdapter = """
    adapter: 1
    provider: acmedata
    upstream:
      url: https://api.acmedata.example
      auth: { header: X-Api-Key, value: "${ACMEDATA_API_KEY}" }
    dimensions: [model]
    prices:
      - effective: 2026-01-01
        source: https://acmedata.example/pricing
        checked: 2026-11-01
        rates:
          - { credit: 0.10 }
          - { model: small, token: 0.25 / 1M }
    operations:
      - name: lookup
        match: { method: GET, path: "/v1/{id}" }
        usage:
          spent: { header: x-spent, default: 1 }
        charge:
          credit: spent
        billable: { status: [200] }
        estimate:
          credit: 1
    examples:
      - name: found
        request: { method: GET, path: /v1/42 }
        response: { status: 200, headers: { x-spent: "2" }, body: { id: 42 } }
        expect: { operation: lookup, estimate: "0.10", cost: "0.20" }
    """

extension String {
    /// The text with one passage, which must be there once, replaced.
    func replacing(once old: String, with new: String) -> String {
        let parts = components(of: old)
        precondition(parts.count == 2, "the passage stands there \(parts.count - 1) times: \(old)")
        return parts[0] + new + parts[1]
    }

    private func components(of separator: String) -> [String] {
        var parts: [String] = []
        var rest = self[...]
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}

/// The adapter of the format's description, complete.
let acmeAdapter = """
    adapter: 1
    provider: acmedata                    # [a-z][a-z0-9-]*; the first path segment callers use
    title: Acme Data
    upstream:
      url: https://api.acmedata.example/base/
      auth: { header: X-Api-Key, value: "${ACMEDATA_API_KEY}" }
      headers: { Acme-Version: "2026-01-01" }
      timeout: 30s
      total: 10m
      http2: false
      retry: { on: [502, 503, connect], attempts: 2 }

    dimensions: [model, depth]
    prices:
      - effective: 2026-01-01
        source: https://acmedata.example/pricing
        checked: 2026-11-01
        rates:
          - { credit: 0.10 }
          - { model: small,  input_token: 0.25 / 1M, cached_token: 0.10 / 1M, output_token: 2.50 / 1M }
          - { model: "big*", input_token: 3 / 1M, cached_token: 1 / 1M, output_token: 15 / 1M }
          - { depth: low,  search: 5.00 / 1k }
          - { depth: high, search: 14.00 / 1k }

    operations:
      - name: enrich_person
        match: { method: GET, path: "/v1/people/{id}" }
        entity: person
        usage:
          spent: { header: x-credits-spent, default: 1 }
        charge:
          credit: spent
        billable: { status: [200], unless: "!$.data || $.data == null" }
        estimate: { credit: 1 }
        reported: { usd: "$.cost.total" }
        cache: { ttl: 30d, headers: [] }
        normalize:
          entity: person
          root: $.data
          fields:
            fullName: $.full_name

      - name: chat
        match: { method: POST, path: /v1/chat/completions }
        dimension:
          model: { body: $.model, request: $.model }
          depth: { request: $.depth, default: low }
        usage:
          prompt:  { body: $.usage.prompt_tokens }
          cached:  { body: $.usage.prompt_tokens_details.cached_tokens, default: 0 }
          answer:  { body: $.usage.completion_tokens }
          asked:   { tokens: "$.messages[*].content" }
          limit:   { request: $.max_tokens, default: 4096 }
          choices: { request: $.n, default: 1 }
        charge:
          input_token: prompt - cached
          cached_token: cached
          output_token: answer
          search: 1
        estimate:
          input_token: asked
          cached_token: 0
          output_token: limit * choices
          search: 1
        tokenizer: o200k_base
        stream:
          usage:
            answer: { body: $.usage.completion_tokens }
          text: "$.choices[*].delta.content"

    examples:
      - name: a person who is found
        request:  { method: GET, path: /v1/people/42 }
        response: { status: 200, headers: { x-credits-spent: "1" }, body: { data: { full_name: Ada Example }, cost: { total: 0.1 } } }
        expect:   { operation: enrich_person, estimate: "0.10", cost: "0.10", reported: 0.1, normalized: { fullName: Ada Example } }
      - name: a chat
        request:
          method: POST
          path: /v1/chat/completions
          body: { model: big-2, depth: high, max_tokens: 100, messages: [ { role: user, content: "12345678" } ] }
        response:
          status: 200
          body: { model: big-2, usage: { prompt_tokens: 10, prompt_tokens_details: { cached_tokens: 4 }, completion_tokens: 20 } }
        expect: { operation: chat, estimate: "0.015509", cost: "0.014322", basis: table }
    """
