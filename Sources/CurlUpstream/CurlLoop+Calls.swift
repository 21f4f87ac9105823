import CCurl
import GatewayCore
import HTTP1
import Synchronization

// A call's way: received → (waiting →) running ⇄ backing off → over.
extension CurlLoop {
    func receive(_ call: CurlCall) {
        call.slot = live.count
        live.append(call)
        counters.active.add(1, ordering: .relaxed)
        call.totalDeadline = deadline(after: call.request.route.total, from: call.start)
        watchDeadline(call.totalDeadline)
        guard let limit = call.request.route.maximumConcurrent else { return begin(call) }
        if !gates.enter(call, limit: limit) {
            finish(call, .failed(UpstreamError(kind: .overloaded, wasSent: false, detail: "too many calls wait for this provider")))
        }
    }

    /// The gate has let the call in.
    func proceed(_ call: CurlCall) {
        guard !call.isOver else { return gates.leave(call.request.route.provider) }
        call.holdsPlace = true
        begin(call)
    }

    func begin(_ call: CurlCall) {
        guard let transfer = idle.take(call.request.route.provider) ?? Transfer(loop: self) else {
            return finish(call, .failed(UpstreamError(kind: .unreachable, wasSent: call.wasSent, detail: "no memory for a transfer")))
        }
        if let refusal = transfer.prepare(call) {
            return finish(call, .failed(UpstreamError(kind: .unreachable, wasSent: call.wasSent, detail: refusal)))
        }
        call.tries += 1
        call.phase = .running(transfer)
        // Connecting has a limit of its own, which curl keeps.
        call.idleDeadline = .max
        let code = curl_multi_add_handle(multi, transfer.easy)
        guard code == CURLM_OK else {
            let detail = String(cString: curl_multi_strerror(code))
            return finish(call, .failed(UpstreamError(kind: .unreachable, wasSent: call.wasSent, detail: detail)))
        }
        askForBody(call)
    }

    /// Lets a paused direction go on.
    func resume(_ call: CurlCall, sending: Bool) {
        guard case .running(let transfer) = call.phase, sending ? transfer.isSendPaused : transfer.isReceivePaused else { return }
        if sending { transfer.isSendPaused = false } else { transfer.isReceivePaused = false }
        touch(transfer)
        let paused = (transfer.isSendPaused ? CURLPAUSE_SEND : 0) | (transfer.isReceivePaused ? CURLPAUSE_RECV : 0)
        // Delivers to the write callback what curl held back; a failure comes out as the transfer's result.
        curl_easy_pause(transfer.easy, paused)
    }

    // MARK: The end of a transfer

    func complete(_ transfer: Transfer, _ code: CURLcode) {
        guard let call = transfer.call else { return }
        if transfer.isSpoilt {
            // Nothing was sent, and the connection is closed: the next one is as good as the first would have been.
            release(transfer, isReusable: false)
            call.tries -= 1
            return begin(call)
        }
        let isWhole = code == CURLE_OK && transfer.head.isComplete
        let error = isWhole ? nil : UpstreamError(code, transfer, wasSent: call.wasSent)
        release(transfer, isReusable: isWhole)
        if transfer.isSwallowing {
            backOff(call)
        } else if let error {
            let isRetried = error.kind == .unreachable && call.request.route.retry?.onConnect == true && canRetry(call)
            if isRetried { backOff(call) } else { finish(call, .failed(error)) }
        } else {
            finish(call, .end)
        }
    }

    /// Ends a transfer that curl would go on with: the response is there and the rest of the request is not wanted any more, or there is a
    /// fault.
    func stop(_ transfer: Transfer) {
        guard let call = transfer.call, case .running(let current) = call.phase, current === transfer else { return }
        let error = transfer.fault == nil ? nil : UpstreamError(CURLE_OK, transfer, wasSent: call.wasSent)
        release(transfer, isReusable: false)
        if let error {
            finish(call, .failed(error))
        } else if transfer.isSwallowing {
            backOff(call)
        } else {
            finish(call, .end)
        }
    }

    /// The time for the next byte is over.
    func fallSilent(_ call: CurlCall) {
        if case .running(let transfer) = call.phase, transfer.isSwallowing {
            // Of a response that nobody waits for.
            release(transfer, isReusable: false)
            backOff(call)
        } else {
            finish(call, .failed(UpstreamError(kind: .timeout, wasSent: call.wasSent, detail: "the provider was silent for too long")))
        }
    }

    /// Ends the call with its last event; a connection in use is closed.
    func finish(_ call: CurlCall, _ event: UpstreamEvent) {
        guard !call.isOver, call.slot >= 0 else { return }
        if case .running(let transfer) = call.phase, transfer.call === call { release(transfer, isReusable: false) }
        call.phase = .over
        if let last = live.popLast(), last !== call {
            live[call.slot] = last
            last.slot = call.slot
        }
        counters.active.subtract(1, ordering: .relaxed)
        let route = call.request.route
        if call.holdsPlace {
            gates.leave(route.provider)
        } else if route.maximumConcurrent != nil {
            // Should it just have been let in, `proceed` gives the place back.
            _ = gates.withdraw(call)
        }
        call.append(event)
        markDirty(call)
    }

    /// Takes the transfer from curl. Unless the exchange is complete, that closes the connection, and the handle goes with it.
    private func release(_ transfer: Transfer, isReusable: Bool) {
        // libcurl repeats a request on a dead kept-alive connection at most five times in an easy handle's life, not in a call's.
        // A repetition opens a connection, so a handle that has opened one is not used again.
        let isReusable = isReusable && ccurl_connects(transfer.easy) == 0
        curl_multi_remove_handle(multi, transfer.easy)
        guard let call = transfer.call else { return }
        transfer.call = nil
        if transfer.isRequestOut { counters.requestsOut.subtract(1, ordering: .relaxed) }
        if isReusable { idle.add(transfer, call.request.route.provider, limit: settings.idleTransfers) }
    }

    // MARK: Retries

    func shouldRetry(_ call: CurlCall, status: Int) -> Bool {
        call.request.route.retry?.statuses.contains(status) == true && canRetry(call)
    }

    private func canRetry(_ call: CurlCall) -> Bool {
        guard let policy = call.request.route.retry, !call.isStreaming, call.tries < policy.attempts, !call.isCancelled else {
            return false
        }
        return now &+ longestBackOff(call) < call.totalDeadline
    }

    private func backOff(_ call: CurlCall) {
        let longest = longestBackOff(call)
        let until = now &+ UInt64.random(in: longest / 2...longest)
        call.phase = .backingOff(until: until)
        call.idleDeadline = .max
        watchDeadline(until)
    }

    private func longestBackOff(_ call: CurlCall) -> UInt64 {
        UInt64(max(0, settings.retryBackOff)) &* 1_000_000 &<< UInt64(min(max(call.tries - 1, 0), 10))
    }
}

/// Easy handles that wait for their next call, by provider: the next call most likely needs the same options.
struct IdleTransfers {
    private var transfers: [String: [Transfer]] = [:]
    private var count = 0

    mutating func take(_ provider: String) -> Transfer? {
        guard let transfer = transfers[provider]?.popLast() else { return nil }
        count -= 1
        return transfer
    }

    mutating func add(_ transfer: Transfer, _ provider: String, limit: Int) {
        // At the limit the pools start anew: one that no call uses any more cannot keep its handles for ever.
        if count >= limit { removeAll() }
        transfers[provider, default: []].append(transfer)
        count += 1
    }

    mutating func removeAll() {
        transfers = [:]
        count = 0
    }
}

extension UpstreamError {
    /// What curl's result means for the caller.
    fileprivate init(_ code: CURLcode, _ transfer: Transfer, wasSent: Bool) {
        let kind: Kind =
            if !transfer.isRequestOut { .unreachable } else if code == CURLE_OPERATION_TIMEDOUT { .timeout } else { .broken }
        let said = transfer.explanation
        let detail = transfer.fault ?? (said.isEmpty ? String(cString: curl_easy_strerror(code)) : said)
        self.init(kind: kind, wasSent: wasSent, detail: code == CURLE_OK ? "no response" : detail)
    }
}
