/// What `gateway new-adapter` writes.
enum AdapterTemplate {
    static func text(provider: String) -> String {
        let variable = String(provider.uppercased().map { $0 == "-" ? "_" : $0 }) + "_API_KEY"
        return """
            # An adapter to start from. Everything here is invented: put the provider's own paths, prices and field names in its place, and keep
            # an example for every rule. `gateway check` says what is wrong, with line and column; a file that is saved while the gateway runs is
            # live within a second, or refused as a whole.
            adapter: 1
            provider: \(provider)        # the first path segment that callers use; the file is called like it
            title: \(provider)
            upstream:
              url: https://api.\(provider).example        # operations' paths follow it
              auth: { header: Authorization, value: "Bearer ${\(variable)}" }        # or { query: api_key, value: … }
              timeout: 30s        # to the response's head, and between bytes

            # What a unit costs, where that is written, and the day you read it. A new price is a new entry: the old one stays.
            prices:
              - effective: 2026-01-01
                source: https://\(provider).example/pricing
                checked: 2026-01-01
                rates:
                  - { credit: 0.10 }        # or an amount for a quantity: 0.25 / 1M

            # The first that matches a request, in this order, serves it.
            operations:
              - name: enrich_person
                match: { method: GET, path: "/v1/people/{id}" }
                entity: person
                usage:
                  spent: { header: x-credits-spent, default: 1 }        # what the provider says it took, else one
                charge: { credit: spent }
                billable: { status: [200] }        # which answers cost; `unless: "$.data == null"` looks into the body
                estimate: { credit: 1 }        # the most it can cost, from the request alone: held before the call is made
                normalize:        # for callers with X-Gateway-Normalize: true
                  root: $.data        # each node that it selects is a record, and `$` below is that record
                  fields:
                    fullName: $.full_name
                    jobTitle: $.title
                    email: "$.emails[0].address"        # a scalar takes the first node that its path selects
                    emails: "$.emails[*].address"        # a list takes them all
                    emailQualityGrade: { from: "$.emails[0].status", map: { verified: A, guessed: D } }
                    totalExperienceMonths: { from: $.years, times: 12 }
                    dataLastVerified: $.checked_at
                  confidence: { body: $.match_score, scale: 10 }        # of the whole record; `body:` reads the whole answer
                  miss: { status: [404] }        # not an error, but nobody found

              - name: other        # everything else: forwarded and recorded, at no cost
                match: { method: [GET, POST], path: /** }

            # The adapter's own tests: `gateway check` runs them, and `gateway serve --sandbox` answers from them.
            examples:
              - name: a person who is found
                request: { method: GET, path: /v1/people/42 }
                response:
                  status: 200
                  headers: { x-credits-spent: "1" }
                  body:
                    match_score: 9
                    data:
                      full_name: Ada Example
                      title: Head of Engineering
                      emails: [ { address: ada@example.com, status: verified } ]
                      years: 12
                      checked_at: "2025-12-20"
                expect:
                  operation: enrich_person
                  estimate: "0.10"
                  cost: "0.10"
                  normalized:
                    fullName: Ada Example
                    jobTitle: Head of Engineering
                    email: ada@example.com
                    emails: [ada@example.com]
                    emailQualityGrade: A
                    phone: null        # must not be there
                    totalExperienceMonths: 144
                    dataLastVerified: "2025-12-20T00:00:00Z"

              - name: nobody, for free
                request: { method: GET, path: /v1/people/43 }
                response: { status: 404, body: { error: not found } }
                expect: { operation: enrich_person, cost: "0.00", normalized: [] }

              - name: anything else is free
                request: { method: GET, path: /v1/account }
                response: { status: 200, body: { credits: 99 } }
                expect: { operation: other, cost: "0.00" }

            """
    }
}
