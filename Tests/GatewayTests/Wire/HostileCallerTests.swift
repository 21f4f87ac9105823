import Foundation
import Loopback
import Testing

/// Callers that hold on to connections: others are served all the while, and what they held comes back.
@Suite(.serialized) struct HostileCallerTests {
    private let provider: ScriptedServer

    init() throws {
        // A test holds both ends of thousands of connections.
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        provider = try ScriptedServer { connection in
            while true {
                let request = try connection.readRequest()
                guard request.line.contains("/large") else {
                    connection.send(response("200 OK", #"{"credits": 1}"#))
                    continue
                }
                // More than any buffers on the way to a caller take.
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(64 << 20)\r\n\r\n")
                for _ in 0..<1024 where !connection.isPeerGone { connection.send([UInt8](repeating: 0x78, count: 64 << 10)) }
            }
        }
    }

    private func gateway(limits: String, openFiles: String? = nil) throws -> GatewayUnderTest {
        let gateway = try GatewayUnderTest(
            configuration: """
                auth: { mode: header, default_workspace: shared }
                budgets: { default: { daily: 1000, monthly: 10000, timezone: UTC } }
                limits: { \(limits) }
                """,
            plugins: ["acme.yaml": WireAdapter.metered(url: provider.url)], shippedPlugins: false)
        // One event loop: a connection to the provider is left by the first call, and serves those that follow.
        try gateway.start(sandbox: false, arguments: ["--event-loops", "1"], openFiles: openFiles)
        #expect(try call(gateway) == 200)
        return gateway
    }

    private func call(_ gateway: GatewayUnderTest) throws -> Int {
        try gateway.get("/acme/v1/held/1").status
    }

    /// Everything is as it was before: no file that was not open then, nothing held.
    private func settles(_ gateway: GatewayUnderTest, files: Int) throws {
        try eventually("files are closed") { try gateway.openFileCount <= files }
        try eventually("nothing is held") {
            let metrics = try gateway.admin("GET", "/metrics").body
            return metrics.contains("\ngateway_reservations_open 0\n") && metrics.contains("\ngateway_held_dollars 0.00\n")
        }
    }

    /// It starts with room for 256 files and asks for what it may have.
    @Test func thousandsOfIdleConnectionsCostNobodyAnything() throws {
        let gateway = try gateway(limits: "connections: 4000", openFiles: "-Sn 256")
        let files = try gateway.openFileCount
        var idle = try (0..<2000).map { _ in try gateway.client() }
        for (index, client) in idle.enumerated() where index.isMultiple(of: 2) { try client.send("GET /acme/v1/he") }
        eventually("all are open") { ((try? gateway.openFileCount) ?? 0) > 2000 }
        for _ in 0..<20 { #expect(try call(gateway) == 200) }
        // Those that have begun go on where they were.
        try idle[1000].send("ld/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try idle[1000].response().status == 200)
        idle = []
        try settles(gateway, files: files)
        #expect(try call(gateway) == 200)
    }

    /// With few files to open, connections are turned away before those are used up: calls need some to reach their providers.
    @Test func noMoreConnectionsAreServedThanThereAreFilesFor() throws {
        let gateway = try gateway(limits: "connections: 4000", openFiles: "-n 256")
        eventually("the log says so") { gateway.log.contains { $0.contains("limits.connections") && $0.contains("64") } }
        let early = try gateway.client()
        try early.send("GET /acme/v1/held/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try early.response().status == 200)
        let files = try gateway.openFileCount
        var others = try (0..<400).map { _ in try gateway.client() }
        // The last one is behind all the others.
        let last = others[399].read(until: "\"code\":\"overloaded\"")
        #expect(last.isFound || last.text.isEmpty)
        #expect(try gateway.openFileCount < 240)
        for _ in 0..<5 {
            try early.send("GET /acme/v1/held/1 HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try early.response().status == 200)
        }
        others = []
        try settles(gateway, files: files)
        #expect(try call(gateway) == 200)
    }

    /// Heads, bodies that are read whole and bodies that are passed on, each a byte at a time for ever: none lasts.
    @Test func aTricklingRequestIsEndedInTime() throws {
        let gateway = try gateway(limits: "idle_timeout: 1s")
        let files = try gateway.openFileCount
        let beginnings = [
            "GET /acme/v1/held/1 HTTP/1.1\r\nHost: a\r\nX: ", "GET /", "\r\n\r\n",
            "POST /acme/v1/held/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n",
            "POST /acme/v1/held/1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        ]
        let clients = try (0..<50).map { index in
            let client = try gateway.client()
            try client.send(beginnings[index % beginnings.count])
            return client
        }
        // The whole of a body gets ten times as long as a pause.
        var open = Set(clients.indices)
        let deadline = Date().addingTimeInterval(25)
        while !open.isEmpty, Date() < deadline {
            for index in open {
                if (try? clients[index].send(index % 5 == 2 ? "\r\n" : "0")) == nil { open.remove(index) }
            }
            #expect(try call(gateway) == 200)
            usleep(100_000)
        }
        #expect(open.isEmpty, "still open: \(Set(open.map { $0 % beginnings.count }))")
        try settles(gateway, files: files)
    }

    /// A caller that asks for much and takes nothing is closed; what it asked for is not read from the provider for ever, and is paid for once.
    @Test func aReaderThatTakesNothingIsClosed() throws {
        let gateway = try gateway(limits: "idle_timeout: 1s")
        let files = try gateway.openFileCount
        let memory = try gateway.peakMemory
        let clients = try (0..<4).map { _ in
            let client = try gateway.client(receiveBuffer: 16 << 10)
            try client.send("GET /acme/v1/flow/large HTTP/1.1\r\nHost: a\r\n\r\n")
            return client
        }
        for _ in 0..<10 { #expect(try call(gateway) == 200) }
        try eventually("every one is settled") {
            try gateway.ledger("SELECT cost, count(*) FROM api_cost_tracking WHERE endpoint LIKE '%large' GROUP BY cost") == [
                ["0.10", "4"]
            ]
        }
        // Their connections to the provider are kept for other calls.
        try settles(gateway, files: files + clients.count)
        for client in clients { #expect((try? client.readToEnd().count) ?? 0 < 64 << 20) }
        // Four times 64 MiB have passed through a few windows.
        #expect(try gateway.peakMemory - memory < 64 << 20)
    }
}
