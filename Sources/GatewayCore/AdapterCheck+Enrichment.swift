extension Adapter {
    /// What is wrong with how it finds people and companies: each alternative of `when` is tried with sample values.
    func enrichmentProblems() -> [AdapterProblem] {
        RecordEntity.allCases.flatMap { entity in
            (enrichment[entity] ?? []).enumerated().flatMap { problems($1, entity, .enrichment(entity, rule: $0)) }
        }
    }

    private func problems(_ rule: EnrichmentRule, _ entity: RecordEntity, _ element: AdapterProblem.Element) -> [AdapterProblem] {
        guard let operation = operations.first(where: { $0.name == rule.operation }) else {
            let names = operations.map(\.name)
            let advice = nearest(to: rule.operation, among: names).map { "; did you mean '\($0)'?" } ?? Self.choice(names)
            return [AdapterProblem(element, "there is no operation '\(rule.operation)'\(advice)")]
        }
        guard operation.normalization?.entity == entity else {
            let message = "the operation '\(rule.operation)' has no 'normalize' of a \(entity.rawValue), so nothing could be found by it"
            return [AdapterProblem(element, message)]
        }
        return rule.alternatives.compactMap { fields in
            problem(rule, fields, entity).map { why in
                AdapterProblem(element, "with [\(fields.map(\.rawValue).joined(separator: ", "))] \(why)")
            }
        }
    }

    private func problem(_ rule: EnrichmentRule, _ fields: [MatchField], _ entity: RecordEntity) -> String? {
        let match = EntityMatch(Dictionary(fields.map { ($0, $0.sample) }) { first, _ in first }, of: entity)
        guard let request = rule.request(for: match) else { return "its path has a placeholder that has no value" }
        do {
            let quote = try quote(request, response: nil, at: newestChecked ?? Timestamp(seconds: 0))
            guard quote.operation != rule.operation else { return nil }
            return "its request reaches the operation '\(quote.operation)', not '\(rule.operation)'"
        } catch {
            return "its request is refused: \(error)"
        }
    }
}
