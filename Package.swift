// swift-tools-version: 6.1
import PackageDescription

// Set by Tests/Fuzzing/run, for a build in a folder of its own: the compiler's instrumentation then goes into all of the gateway, which no
// other build wants, and the fuzz targets become an executable around libFuzzer in the place of a test target.
let isFuzzing = Context.environment["GATEWAY_FUZZING"] != nil
let instrumentation = ["-sanitize=fuzzer,address"]

let settings: [SwiftSetting] =
    [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
    ] + (isFuzzing ? [.unsafeFlags(instrumentation + ["-enable-testing"])] : [])

/// What the parsers promise of any bytes: held against damaged seeds by the tests, and for hours, if one likes, by libFuzzer.
let fuzzed: [Target.Dependency] = [
    "AdapterFiles", "CurlUpstream", "DataPlane", "GatewayCore", "HTTP1", "JSONPath", "Journal", "LedgerConformance", "NIOUpstream",
    "TokenCounting",
    .product(name: "NIOCore", package: "swift-nio"),
]
let fuzzing: [Target] =
    isFuzzing
    ? [
        .systemLibrary(name: "CLibFuzzer", path: "Tests/Fuzzing/LibFuzzer/CLibFuzzer"),
        .executableTarget(
            name: "fuzzer", dependencies: fuzzed + ["CLibFuzzer"], path: "Tests/Fuzzing", exclude: ["Seeds", "ShortRuns", "run"],
            swiftSettings: settings,
            // gold, the default linker, cannot link what has both instrumentations.
            linkerSettings: [.unsafeFlags(instrumentation + ["-use-ld=lld"])]),
    ]
    : [
        .testTarget(
            name: "FuzzingTests", dependencies: fuzzed + ["TestSupport"], path: "Tests/Fuzzing", exclude: ["LibFuzzer", "Seeds", "run"],
            swiftSettings: settings)
    ]

let package = Package(
    name: "gateway",
    products: [
        .executable(name: "gateway", targets: ["gateway"])
    ],
    dependencies: [
        // Sockets and event loops of the data plane: the hot path.
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        // TLS to providers on the data plane's event loops.
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        // The admin plane: routing and JSON where speed does not matter.
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        // The header fields in Hummingbird's signatures.
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        // The embedded ledger: SQLite with transactions, migrations and prepared statements.
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        // SHA-256 for price versions, callers' keys and the keys of kept answers.
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        // Commands and their --help.
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        // One log line a call, JSON or text.
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        // Signals as an asynchronous sequence.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
    ],
    targets: [
        // The domain: no I/O, no clock of its own, no provider's name.
        .target(name: "JSONPath", swiftSettings: settings),
        // Tokens, as a provider counts them: the encodings' data, part of the executable, and the counting.
        .target(name: "CVocabularies", exclude: ["NOTICE", "cl100k_base.tokens", "o200k_base.tokens", "unicode.classes"]),
        .target(name: "TokenCounting", dependencies: ["CVocabularies"], swiftSettings: settings),
        .target(
            name: "GatewayCore", dependencies: ["JSONPath", "TokenCounting", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: settings),
        // The syntax of HTTP/1.1 as far as callers' and providers' sides share it: bytes in, meaning out.
        .target(name: "HTTP1", dependencies: ["GatewayCore"], swiftSettings: settings),

        // One technology each; they know GatewayCore and not each other.
        .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        // The shared ledger: Postgres' own client, in pipeline mode, with its URLs, service files, .pgpass and TLS.
        .systemLibrary(name: "CPostgres", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .target(
            name: "AdapterFiles",
            dependencies: ["GatewayCore", "JSONPath", "TokenCounting", "CYAML", .product(name: "Crypto", package: "swift-crypto")],
            swiftSettings: settings),
        .target(name: "CurlUpstream", dependencies: ["GatewayCore", "HTTP1", "CCurl"], swiftSettings: settings),
        .target(
            name: "NIOUpstream",
            dependencies: [
                "GatewayCore", "HTTP1",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: settings),
        .target(name: "Sandbox", dependencies: ["GatewayCore", "JSONPath"], swiftSettings: settings),
        .target(name: "Journal", dependencies: ["GatewayCore", "CZlib"], swiftSettings: settings),
        .target(
            name: "SQLiteLedger",
            dependencies: [
                "GatewayCore", .product(name: "GRDB", package: "GRDB.swift"),
                // SQLite's own functions for the one statement that runs for every call.
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            resources: [.embedInCode("Migrations")],
            swiftSettings: settings),
        .target(
            name: "PostgresLedger", dependencies: ["GatewayCore", "JSONPath", "CPostgres"], exclude: ["Scaling.md"],
            resources: [.embedInCode("Migrations")],
            swiftSettings: settings),
        .target(
            name: "DataPlane",
            dependencies: [
                "GatewayCore", "HTTP1", "JSONPath", "CZlib",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
                // The keys of kept answers.
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: settings),
        .target(
            name: "AdminPlane",
            dependencies: [
                "GatewayCore", "JSONPath",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            resources: [.embedInCode("openapi.json"), .embedInCode("Dashboard")],
            swiftSettings: settings),

        // The graph of the parts above, and the commands.
        .executableTarget(
            name: "gateway",
            dependencies: [
                "GatewayCore", "JSONPath", "AdapterFiles", "CurlUpstream", "NIOUpstream", "Sandbox", "Journal", "SQLiteLedger",
                "PostgresLedger", "DataPlane",
                "AdminPlane",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings),

        .testTarget(name: "JSONPathTests", dependencies: ["JSONPath"], swiftSettings: settings),
        .testTarget(
            name: "TokenCountingTests", dependencies: ["TokenCounting", "CVocabularies", "TestSupport"], exclude: ["Reference"],
            swiftSettings: settings),
        .executableTarget(
            name: "TokenBenchmark", dependencies: ["TokenCounting"], path: "Tests/Benchmarks/TokenBenchmark", swiftSettings: settings),
        .testTarget(
            name: "GatewayCoreTests", dependencies: ["GatewayCore", "JSONPath", "LedgerConformance", "TokenCounting", "TestSupport"],
            exclude: ["Fixtures"], swiftSettings: settings),
        .testTarget(
            name: "AdapterFilesTests", dependencies: ["AdapterFiles", "GatewayCore", "JSONPath", "TokenCounting"], exclude: ["Fixtures"],
            swiftSettings: settings),
        .testTarget(name: "HTTP1Tests", dependencies: ["HTTP1", "GatewayCore"], swiftSettings: settings),
        // Peers on the loopback interface whose every byte a test decides.
        .target(name: "Loopback", path: "Tests/Loopback", swiftSettings: settings),
        // Calls over any transport, and what their tests need.
        .target(
            name: "UpstreamSupport", dependencies: ["GatewayCore", "Loopback"], path: "Tests/UpstreamSupport", swiftSettings: settings),
        // What every transport must do.
        .testTarget(
            name: "UpstreamConformance", dependencies: ["CurlUpstream", "NIOUpstream", "GatewayCore", "Loopback", "UpstreamSupport"],
            path: "Tests/UpstreamConformance", swiftSettings: settings),
        .testTarget(
            name: "NIOUpstreamTests",
            dependencies: [
                "NIOUpstream", "GatewayCore", "Loopback", "UpstreamSupport", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "CurlUpstreamTests", dependencies: ["CurlUpstream", "GatewayCore", "Loopback", "UpstreamSupport"], swiftSettings: settings
        ),
        .testTarget(name: "JournalTests", dependencies: ["Journal", "GatewayCore", "LedgerConformance"], swiftSettings: settings),
        // What every ledger must do, whatever its engine.
        .target(
            name: "LedgerConformance", dependencies: ["GatewayCore", "JSONPath", "TestSupport"], path: "Tests/LedgerConformance",
            swiftSettings: settings),
        .testTarget(
            name: "SQLiteLedgerTests",
            dependencies: ["SQLiteLedger", "GatewayCore", "LedgerConformance", .product(name: "GRDB", package: "GRDB.swift")],
            swiftSettings: settings),
        // A Postgres server of the tests' own.
        .target(
            name: "PostgresUnderTest", path: "Tests/PostgresUnderTest", exclude: ["application.sql", "checksum.sql", "postgres.py"],
            swiftSettings: settings),
        .testTarget(
            name: "PostgresLedgerTests",
            dependencies: ["PostgresLedger", "GatewayCore", "Journal", "LedgerConformance", "PostgresUnderTest"], swiftSettings: settings),
        .testTarget(
            name: "DataPlaneTests",
            dependencies: [
                "DataPlane", "GatewayCore", "JSONPath", "CurlUpstream", "Loopback", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"), .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        .testTarget(
            name: "AdminPlaneTests",
            dependencies: [
                "AdminPlane", "GatewayCore", "JSONPath", "Loopback",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings),
        // The executable from outside, as its users have it; and from inside what goes by the hour, with a clock of the test's.
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "gateway", "GatewayCore", "JSONPath", "Journal", "Loopback", "PostgresUnderTest", "SQLiteLedger",
                .product(name: "Logging", package: "swift-log"),
            ],
            exclude: ["Browser", "Contract", "Day", "SDKs", "Webhooks/receiver.py", "Wire/Framing.md", "Wire/Providers.md"],
            swiftSettings: settings),
        // What more than one of the above needs.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
    ] + fuzzing
)
