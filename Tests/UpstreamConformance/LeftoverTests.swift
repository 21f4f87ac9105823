import Foundation
import GatewayCore
import Loopback
import Testing
import UpstreamSupport

/// What a provider says beyond an answer, or between two, is nobody's answer. That HTTP/2 is wanted and not had changes nothing.
@Suite(.everyTransport) struct LeftoverTests {
    private static let forged = response("200 OK", "forged")

    @Test(
        arguments: [
            ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", "good" + forged],
            ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood" + forged],
            ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", forged],
            ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n" + forged],
            ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n", forged],
            ["HTTP/1.1 204 No Content\r\n\r\n" + forged], ["HTTP/1.1 204 No Content\r\n\r\n", forged],
            ["HTTP/1.1 304 Not Modified\r\n\r\n", forged, forged], ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "\r\n"],
        ], [false, true])
    func isNotTheNextCallsAnswer(_ pieces: [String], http2: Bool) async throws {
        // Each further piece comes when what was before it has been delivered.
        let cue = DispatchSemaphore(value: 0)
        let (sent, hasSent) = AsyncStream<Void>.makeStream()
        let server = try ScriptedServer { connection in
            _ = try connection.readRequest()
            if connection.index == 0 {
                connection.send(pieces[0])
                for piece in pieces.dropFirst() {
                    cue.wait()
                    connection.send(piece)
                    hasSent.yield()
                }
            } else {
                connection.send(response("200 OK", "own"))
            }
            while true {
                _ = try connection.readRequest()
                connection.send(response("200 OK", "own"))
            }
        }
        let upstream = try makeUpstream()
        let route = server.route(http2: http2)

        let recorder = Recorder()
        _ = upstream.send(get(route), to: recorder)
        var outcome = Outcome()
        var left = pieces.count - 1
        for await events in recorder.deliveries {
            for event in events { outcome.add(event) }
            if outcome.isOver { break }
            cue.signal()
            left -= 1
        }
        #expect(outcome.hasEnded && ["good", ""].contains(outcome.bodyText))
        var isSent = sent.makeAsyncIterator()
        if left < pieces.count - 1 { await isSent.next() }
        for _ in 0..<left {
            cue.signal()
            await isSent.next()
        }
        for _ in 0..<2 {
            let next = await upstream.outcome(post(.bytes([1]), route))
            #expect(next.bodyText == "own" && next.hasEnded, "\(pieces)")
        }
    }

    /// The end of one call and the beginning of the next may well be one turn of the loop.
    @Test func norIsItUnderLoad() async throws {
        let server = try ScriptedServer { connection in
            while true {
                let target = try connection.readRequest().line.split(separator: " ")[1]
                connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(target.utf8.count)\r\n\r\n")
                connection.send(target + Self.forged)
            }
        }
        let upstream = try makeUpstream()
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<16 {
                group.addTask {
                    for round in 0..<20 {
                        let outcome = await upstream.outcome(get("/\(caller)/\(round)", server.route()))
                        #expect(outcome.bodyText == "/\(caller)/\(round)" && outcome.hasEnded)
                    }
                }
            }
        }
    }

    /// TLS reads whole records: what is left of one does not wait in the socket.
    @Test(.enabled(if: CertificateAuthority.isAvailable), arguments: [false, true])
    func norIsWhatTLSHasReadAhead(http2: Bool) async throws {
        let authority = try CertificateAuthority()
        let (input, output) = (Pipe(), Pipe())
        // What it is told goes to its one connection, a record for each write.
        let server = try start(
            "openssl",
            ["s_server", "-accept", "127.0.0.1:0", "-cert", authority.certificate, "-key", authority.key], in: authority.folder,
            input: input, output: output)
        defer {
            kill(server.processIdentifier, SIGKILL)
            server.waitUntilExit()
        }
        func say(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }
        let (lines, hasSaid) = AsyncStream<String>.makeStream()
        Thread.detachNewThread {
            var line = Data()
            while let byte = try? output.fileHandleForReading.read(upToCount: 1), !byte.isEmpty {
                line += byte
                guard byte.first == 10 else { continue }
                hasSaid.yield(String(decoding: line, as: UTF8.self).trimmingCharacters(in: .newlines))
                line = Data()
            }
            hasSaid.finish()
        }
        /// The rest of a line that it says, about itself or of what comes from its peer.
        func hear(_ beginning: String) async -> Substring {
            for await line in lines where line.hasPrefix(beginning) { return line.dropFirst(beginning.count) }
            return ""
        }
        let port = await hear("ACCEPT 127.0.0.1:")

        let upstream = try makeUpstream()
        let route = UpstreamRoute(
            provider: "p", baseURL: "https://127.0.0.1:\(port)", http2: http2, certificateAuthorities: authority.authority)
        let recorder = Recorder()
        _ = upstream.send(get(route), to: recorder)
        _ = await hear("Host: ")
        try say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        var deliveries = recorder.deliveries.makeAsyncIterator()
        _ = await deliveries.next()
        try say("good" + Self.forged)
        #expect(await recorder.outcome().bodyText == "good")
        let second = Recorder()
        _ = upstream.send(get(route), to: second)
        _ = await hear("Host: ")
        try say(response("200 OK", "own"))
        #expect(await second.outcome().bodyText == "own")
        #expect(upstream.snapshot().connectionsOpened == 2)
    }
}
