import Foundation
import GatewayCore
import Loopback
import Testing
import UpstreamSupport

/// Whom a transport trusts.
@Suite(.everyTransport, .enabled(if: CertificateAuthority.isAvailable && SecureServer.isAvailable), .serialized) struct TLSTests {
    private let authority: CertificateAuthority
    private let server: SecureServer
    private let upstream: any TestedUpstream
    private let route: UpstreamRoute

    init() async throws {
        authority = try CertificateAuthority()
        server = try await SecureServer(authority, backend: 9)
        upstream = try makeUpstream()
        route = UpstreamRoute(provider: "p", baseURL: "https://127.0.0.1:\(server.port)", certificateAuthorities: authority.authority)
    }

    @Test func refusesACertificateThatTheSystemDoesNotKnow() async throws {
        var unknown = route
        unknown.certificateAuthorities = nil
        let outcome = await upstream.outcome(get(unknown))
        #expect(outcome.error?.kind == .unreachable && outcome.error?.wasSent == false)
        #expect(outcome.error?.detail.contains("certificate") == true, "\(String(describing: outcome.error))")
    }

    @Test func acceptsAPrivateAuthority() async throws {
        for _ in 0..<3 {
            let outcome = await upstream.outcome(get(route))
            #expect(outcome.bodyText == "hello" && outcome.heads.first?.headers.first("X-Protocol") == "HTTP/1.1")
        }
        #expect(upstream.snapshot().connectionsOpened == 1)
    }

    @Test func aPrivateAuthorityDoesNotLeakIntoOtherRoutes() async throws {
        #expect(await upstream.outcome(get(route)).hasEnded)
        var unknown = route
        unknown.certificateAuthorities = nil
        #expect(await upstream.outcome(get(unknown)).error?.kind == .unreachable)
        #expect(await upstream.outcome(get(route)).hasEnded)
    }

    @Test func refusesAnotherName() async throws {
        var other = route
        other.baseURL = "https://localhost:\(server.port)"
        #expect(await upstream.outcome(get(other)).error?.kind == .unreachable)
    }

    @Test func aMissingAuthorityFileIsNoOpenDoor() async throws {
        var other = route
        other.certificateAuthorities = authority.folder.appending(path: "none.pem").path
        let outcome = await upstream.outcome(get(other))
        #expect(outcome.error?.kind == .unreachable && outcome.error?.wasSent == false)
    }
}
