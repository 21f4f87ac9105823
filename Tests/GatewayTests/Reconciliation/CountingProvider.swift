import Foundation
import Loopback
import Synchronization

/// A provider that keeps a true balance, of which each record takes 20 credits.
final class CountingProvider: Sendable {
    private struct State {
        var balance = 1_000_000
        var calls = 0
        /// Calls that never get an answer.
        var hanging = 0
        /// What a question for the balance is answered with; nil: the balance.
        var usage: (status: String, body: String)?
        var questions: [String] = []
    }

    private let state = Mutex(State())
    private let listener = Mutex<ScriptedServer?>(nil)

    init() throws {
        let server = try ScriptedServer { [weak self] connection in
            while let self {
                let request = try connection.readRequest()
                if request.line.contains("/usage") {
                    connection.send(self.usage(request.head))
                    continue
                }
                // Every other one that hangs has been counted.
                let isSlow = request.line.contains("/slow")
                let (left, wait) = self.state.withLock { state in
                    state.calls += 1
                    if isSlow { state.hanging += 1 }
                    if !isSlow || state.hanging.isMultiple(of: 2) { state.balance -= 20 }
                    return (state.balance, UInt32.random(in: 0...20_000))
                }
                if isSlow { return connection.waitForClose() }
                // So that answers overtake each other.
                usleep(wait)
                connection.send(response("200 OK", "{}", "x-credits-remaining: \(left)"))
            }
        }
        listener.withLock { $0 = server }
    }

    private func usage(_ head: String) -> String {
        state.withLock { state in
            state.questions.append(head)
            if let usage = state.usage { return response(usage.status, usage.body) }
            return response("200 OK", #"{"credits": {"remaining": \#(state.balance)}}"#)
        }
    }

    var url: String { listener.withLock { $0?.url ?? "" } }
    var calls: Int { state.withLock { $0.calls } }
    var hanging: Int { state.withLock { $0.hanging } }
    /// The questions for the balance, each with its fields.
    var questions: [String] { state.withLock { $0.questions } }

    /// Somebody buys credits, or takes some beside the gateways.
    func change(by credits: Int) { state.withLock { $0.balance += credits } }

    func answerUsage(_ status: String, _ body: String) { state.withLock { $0.usage = (status, body) } }
    func answerUsageTruly() { state.withLock { $0.usage = nil } }

    /// An adapter for it. A record is a cent.
    func adapter(_ reconcile: String) -> String {
        """
        adapter: 1
        provider: acme
        upstream: { url: "\(url)", auth: { header: X-Api-Key, value: "${ACME_API_KEY}" } }
        prices:
          - { effective: 2026-01-01, source: "https://acme.example/pricing", checked: 2026-01-01, rates: [ { record: 0.01 } ] }
        reconcile: \(reconcile)
        operations:
          - name: get
            match: { method: GET, path: "/v1/{id}" }
            charge: { record: 1 }
            estimate: { record: 1 }
        examples:
          - name: one
            request: { method: GET, path: /v1/1 }
            response: { status: 200, headers: { x-credits-remaining: "80" } }
            expect: { estimate: "0.01", cost: "0.01" }
        """
    }
}
