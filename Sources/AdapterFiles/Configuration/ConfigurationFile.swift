internal import GatewayCore

/// config.yaml as it was read. What it says of single providers is completed when their adapters are known.
struct ConfigurationFile {
    var configuration: Configuration
    /// The adapters' folder as diagnostics name it.
    var pluginsFolder: String
    var pluginsMark: SourceMark
    var providers: [ProviderSection]
    /// Providers that budgets name.
    var budgetedProviders: [KeyReader]
    /// Providers that `enrich` names.
    var askedProviders: [AskedProvider]
}

/// One of `providers`: this deployment's overrides.
struct ProviderSection {
    var name: KeyReader
    var settings: ProviderOverride
    /// The rows of `rates`, whose columns are told apart only with the adapter's dimensions.
    var rates: ValueReader?
}
