internal import GatewayCore

/// Completes what config.yaml says of single providers, once their adapters are known.
struct OverrideDecoder {
    let adapters: [AdapterFile]
    let document: DocumentReader
    /// This deployment's own rows by provider, and where they stand.
    private(set) var rows: [String: [PricedRow]] = [:]

    init(adapters: [AdapterFile], document: DocumentReader) {
        self.adapters = adapters
        self.document = document
    }

    /// The configuration with every override's rates; unknown providers and wrong rates are reported.
    mutating func complete(_ file: ConfigurationFile) -> Configuration {
        var configuration = file.configuration
        // A file that cannot be read still says by its name whose it is.
        let known = adapters.map { $0.provider ?? Names.stem(of: $0.file) }
        for section in file.providers {
            let name = section.name.text
            guard let adapter = adapters.first(where: { ($0.provider ?? Names.stem(of: $0.file)) == name }) else {
                section.name.fail("there is no adapter \(quoted(name)); \(Self.advice(name, known))")
                continue
            }
            guard let rates = section.rates else { continue }
            let own = PriceDecoder(dimensions: adapter.dimensions, isOverride: true).rows(rates)
            rows[name] = own
            configuration.providers[name]?.rates = own.map(\.row)
            if let adapter = adapter.adapter { check(own, of: adapter) }
        }
        for name in file.budgetedProviders where !known.contains(name.text) {
            document.report(
                "there is no adapter \(quoted(name.text)), so this limit bounds nothing; \(Self.advice(name.text, known))", at: name.mark,
                severity: .warning)
        }
        checkOrder(file.askedProviders, known)
        return configuration
    }

    /// Whoever is asked for a person or company must have an adapter that says how.
    private func checkOrder(_ asked: [AskedProvider], _ known: [String]) {
        for provider in asked {
            let (name, entity) = (provider.name, provider.entity)
            guard let adapter = adapters.first(where: { ($0.provider ?? Names.stem(of: $0.file)) == name }) else {
                provider.value.fail("there is no adapter \(quoted(provider.value.written)); \(Self.advice(name, known))")
                continue
            }
            guard let loaded = adapter.adapter, loaded.enrichment[entity] == nil else { continue }
            let able = adapters.compactMap(\.adapter).filter { $0.enrichment[entity] != nil }.map(\.provider)
            let others = able.isEmpty ? "no adapter has one" : "those of \(able.sorted().joined(separator: ", ")) have one"
            provider.value.fail("the adapter '\(name)' has no 'enrich: { \(entity.rawValue): … }'; \(others)")
        }
    }

    private static func advice(_ name: String, _ known: [String]) -> String {
        if let meant = nearest(to: name, among: known) { return "did you mean '\(meant)'?" }
        return known.isEmpty ? "there are none" : "there are \(known.sorted().joined(separator: ", "))"
    }

    private func check(_ rows: [PricedRow], of adapter: Adapter) {
        let units = Set(adapter.operations.flatMap { ($0.charge + $0.estimate).map(\.unit) })
        for row in rows {
            for (unit, mark) in row.unitMarks where !units.contains(unit) {
                let meant = nearest(to: unit, among: units.sorted())
                let advice = meant.map { "did you mean '\($0)'?" } ?? "there are \(units.sorted().joined(separator: ", "))"
                document.report("no operation of '\(adapter.provider)' charges \(quoted(unit)); \(advice)", at: mark)
            }
        }
        // The adapter by itself is sound, so what is wrong now is wrong with these rows.
        let settings = ProviderOverride(rates: rows.map(\.row))
        for problem in adapter.applying(settings).problems() {
            guard case .row(_, let place) = problem.element, rows.indices.contains(place) else { continue }
            document.report(problem.message, at: rows[place].mark)
        }
    }
}

extension Adapter {
    /// The adapter with a deployment's overrides.
    ///
    /// Its own rates stand in every price entry: a price that was agreed holds whatever the list price of the day.
    func applying(_ settings: ProviderOverride?) -> Adapter {
        guard let settings else { return self }
        var adapter = self
        adapter.isEnabled = settings.enabled
        if let url = settings.url { adapter.upstream.route.baseURL = url }
        if let timeout = settings.timeout { adapter.upstream.route.timeout = timeout }
        if let total = settings.total { adapter.upstream.route.total = total }
        if let bound = settings.maximumConcurrent { adapter.upstream.route.maximumConcurrent = bound }
        if let proxy = settings.proxy { adapter.upstream.route.proxy = proxy }
        if let file = settings.certificateAuthorities { adapter.upstream.route.certificateAuthorities = file }
        guard !settings.rates.isEmpty else { return adapter }
        adapter.prices = PriceTable(
            entries: prices.entries.map { entry in
                PriceEntry(effective: entry.effective, source: entry.source, checked: entry.checked, pricing: settings.rates + entry.rows)
            })
        return adapter
    }
}
