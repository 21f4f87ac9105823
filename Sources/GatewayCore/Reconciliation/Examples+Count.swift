extension Adapter {
    /// A line for everything in what an example counts with the provider that is not as expected.
    func countDifferences(_ example: Example, _ quote: Quote) -> [String] {
        let expected = example.expectation
        guard expected.counted != nil || expected.remaining != nil else { return [] }
        var differences: [String] = []
        let rule = operations.first { $0.name == quote.operation }?.providerCount
        if let counted = expected.counted {
            if let rule, let charge = quote.charge {
                let (low, high) = rule.count(charge, estimate: quote.estimate)
                let found = low == high ? "\(low)" : "\(low) to \(high)"
                if counted != low || counted != high { differences.append("reconcile.counted: expected \(counted), found \(found)") }
            } else {
                differences.append("reconcile.counted: the operation '\(quote.operation)' counts nowhere")
            }
        }
        if let remaining = expected.remaining {
            let found = balance(in: example, rule)
            if found != remaining {
                differences.append("reconcile.remaining: expected \(remaining), found \(found?.description ?? "none")")
            }
        }
        return differences
    }

    /// What an answer says is left: in its header, or because it is the one that the gateway asks for.
    private func balance(in example: Example, _ rule: ProviderCount?) -> Credits? {
        if let told = rule?.remaining(example.response.headers) { return told }
        guard let endpoint = reconciliation?.endpoint, example.request.path == endpoint.path else { return nil }
        return endpoint.balance(in: example.response.body)
    }
}
