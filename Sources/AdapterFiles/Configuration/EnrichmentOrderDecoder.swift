internal import GatewayCore

/// Reads `enrich` of config.yaml: which providers are asked for a person or company, in which order.
enum EnrichmentOrderDecoder {
    /// Returns the providers with their places, for when their adapters are known.
    static func read(_ map: MappingReader, into settings: inout EnrichmentSettings) -> [AskedProvider] {
        var asked: [AskedProvider] = []
        for entity in RecordEntity.allCases {
            guard let value = map.optional(entity.rawValue) else { continue }
            var names: [String] = []
            _ = value.list { item -> Void? in
                guard let name = item.string() else { return nil }
                if names.contains(name) { item.fail("\(quoted(item.written)) is asked before already") }
                names.append(name)
                asked.append(AskedProvider(name: name, entity: entity, value: item))
                return nil
            }
            settings.order[entity] = names
        }
        let timeout = map.optional("timeout").flatMap { UpstreamDecoder.milliseconds($0, from: .milliseconds(100), atMost: .seconds(3600)) }
        if let timeout { settings.timeout = timeout }
        return asked
    }
}

/// A provider that `enrich` names.
struct AskedProvider {
    var name: String
    var entity: RecordEntity
    var value: ValueReader
}
