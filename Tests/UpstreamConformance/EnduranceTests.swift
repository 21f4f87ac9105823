import Foundation
import GatewayCore
import Loopback
import Testing
import UpstreamSupport

/// Many calls leave nothing behind.
@Suite(.everyTransport, .serialized) struct EnduranceTests {
    @Test func connectionsAreReusedAndDescriptorsReturned() async throws {
        let server = try ScriptedServer { request in response("200 OK", request.bodyText + String(repeating: "x", count: 1500)) }
        let upstream = try makeUpstream()
        for index in 0..<2000 {
            let outcome = await upstream.outcome(post(.bytes(Array("\(index) ".utf8)), server.route()))
            #expect(outcome.hasEnded && outcome.bodyText.hasPrefix("\(index) "))
        }
        #expect(server.accepted == 1)
        for _ in 0..<5 {
            await withTaskGroup(of: Bool.self) { group in
                for index in 0..<64 {
                    group.addTask { [server] in
                        let recorder = Recorder()
                        let call = upstream.send(post(.bytes([1, 2, 3]), server.route()), to: recorder)
                        if index.isMultiple(of: 4) { call.cancel() }
                        let outcome = await recorder.outcome(acknowledging: call)
                        return outcome.hasEnded || outcome.error?.kind == .cancelled
                    }
                }
                for await isFine in group { #expect(isFine) }
            }
        }
        #expect(upstream.snapshot().active == 0)
        let before = server.openConnections
        #expect(before > 0)
        upstream.shutdown()
        // The server sees every connection end: none is left open at this side.
        while server.openConnections > 0 { await Task.yield() }
    }

    @Test func callsDoNotOutliveTheirUse() async throws {
        let server = try ScriptedServer { _ in response("200 OK", "x") }
        let upstream = try makeUpstream()
        weak var weakCall: (any UpstreamCall)?
        weak var weakRecorder: Recorder?
        do {
            let recorder = Recorder()
            let call = upstream.send(get(server.route()), to: recorder)
            weakCall = call
            weakRecorder = recorder
            #expect(await recorder.outcome(acknowledging: call).hasEnded)
        }
        // The loop lets go of a call when it has delivered its last event; the next call's end comes after that.
        #expect(await upstream.outcome(get(server.route())).hasEnded)
        #expect(weakCall == nil && weakRecorder == nil)
    }
}
