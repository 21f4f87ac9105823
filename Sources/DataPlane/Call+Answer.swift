import GatewayCore
import NIOCore

/// The response's way to the caller.
extension Call {
    func received(_ head: UpstreamHead) {
        guard let admission, answer == nil else { return }
        timing.noteHead()
        let answer = Answer(
            head, method: self.head.method, isRead: admission.holdsAnswer,
            normalization: admission.countsRecords ? admission.operation.normalization : nil,
            wantsRecords: admission.wantsRecords, metrics: services.metrics)
        self.answer = answer
        if answer.isStream, !answer.isBodiless { openStream(head) }
        let delivery = answer.delivery(limits: limits)
        if sharing != nil, answer.isStream || delivery != .held { land(.unshared) }
        let isDrained = admission.operation.streaming?.onDisconnect == .drain
        take(.head(delivery: delivery, endsWithCaller: answer.isStream && !isDrained))
    }

    /// Reads the events from here on.
    private func openStream(_ head: UpstreamHead) {
        guard let admission, let pledge else { return }
        var meter: StreamMeter?
        if admission.meter.readsResponseBody {
            meter = StreamMeter(admission.meter, request: pledge.facts, status: head.status, headers: head.headers)
            // It has read of the request what it needs, and a stream may last.
            pledge.facts = RequestFacts()
        }
        answer?.stream = EventStream(
            head, meter: meter, omit: isRequestMerged ? admission.operation.streaming?.omit : nil, limits: limits,
            metrics: services.metrics)
    }

    /// What is left of a stream at its end.
    func finishStream() {
        guard let rest = answer?.stream?.finish(), !rest.isEmpty, delivery == .flowing else { return }
        pass(rest)
    }

    func received(_ bytes: [UInt8]) {
        guard let delivery, let piece = answer?.admit(bytes) else { return }
        guard !piece.isEmpty else { return acknowledge(bytes.count) }
        if let stream = answer?.stream {
            let passed = stream.take(piece)
            guard delivery == .flowing else { return acknowledge(bytes.count) }
            if !passed.isEmpty { pass(passed) }
            return noteTaken(bytes.count)
        }
        let isKept = answer?.keep(piece, limits: limits) == true
        switch delivery {
        case .discarded:
            if !isKept { answer?.drop() }
            acknowledge(bytes.count)
        case .held:
            acknowledge(bytes.count)
            if isKept, let answer, answer.body.count <= limits.bufferedResponse { return }
            // What has been kept so far goes out with the head; a piece that could not be kept follows it.
            land(.unshared)
            take(.outgrown)
            guard !isKept else { return }
            pass(piece)
            answer?.drop()
        case .flowing:
            if !isKept { answer?.drop() }
            pass(piece)
            noteTaken(bytes.count)
        }
    }

    /// The provider may send as much again once the caller has taken what it sent.
    private func noteTaken(_ count: Int) {
        answer?.noteUnacknowledged(count)
        if connection?.isWritable == true { acknowledgeAll() }
    }

    /// The head of a flowing answer, and what of its body has been held until now.
    func sendHead() {
        guard let connection, let pledge, var answer else { return }
        answer.framing = framing(of: answer)
        let isMetered = admission?.meter.readsResponseBody == true
        if !isMetered { answer.chargeAtHead = meteredCharge(answer, .unread) }
        // What flows is not read whole, so that there are no records of it.
        answer.passUnchanged()
        self.answer = answer
        var report = report(status: nil)
        if let charge = answer.chargeAtHead {
            report.cost = charge.cost
            report.basis = .charged(charge.basis)
            report.status = services.accounts.status(settling: pledge.reservation, at: charge.cost)
        } else {
            report.status = currentStatus()
        }
        isHeadSent = true
        connection.write(head(of: answer, report: report, bodyLength: answer.length, on: connection).buffer)
        if !answer.body.isEmpty { pass(answer.body) }
        // A copy is read for its records, unless it grows too large.
        if !isMetered, (answer.length ?? Int64(answer.body.count)) > Int64(limits.bufferedResponse) { self.answer?.drop() }
    }

    private func framing(of answer: Answer) -> Answer.Framing {
        if answer.isBodiless { return .bodiless }
        if answer.length != nil, answer.stream?.takesOut != true { return .length }
        return head.isVersion11 ? .chunked : .untilClose
    }

    private func pass(_ bytes: [UInt8]) {
        guard let connection, let piece = answer?.passOn(bytes), !piece.isEmpty else { return }
        var buffer = ByteBufferAllocator().buffer(capacity: piece.count + 16)
        if case .chunked? = answer?.framing {
            buffer.writeString(String(piece.count, radix: 16))
            buffer.writeStaticString("\r\n")
            buffer.writeBytes(piece)
            buffer.writeStaticString("\r\n")
        } else {
            buffer.writeBytes(piece)
        }
        connection.write(buffer)
    }

    /// The provider's status and fields, less what speaks of its connection, with the gateway's own.
    func head(of answer: Answer, report: CallReport, bodyLength: Int64?, on connection: any CallOutlet) -> ResponseHead {
        var response = ResponseHead(status: answer.shownStatus, capacity: 2048 + (isHeadSent ? 0 : answer.body.count))
        let nominated = HopByHop.nominated(by: answer.headers)
        // The length of what HEAD and 304 leave out is theirs to say; a 204 has none.
        let passesLength = answer.isBodiless && answer.status != 204
        for index in 0..<answer.headers.count {
            let field = answer.headers[index]
            if HopByHop.includes(field, nominated: nominated) || Admission.isGatewayOwn(field) { continue }
            if !passesLength, field.isNamed("content-length") { continue }
            if answer.isNormalized, RecordFields.describe(field) { continue }
            response.add(field)
        }
        report.write(to: &response)
        if admission?.wantsRecords == true { RecordFields.add(to: &response, isNormalized: answer.isNormalized) }
        switch answer.framing {
        case .bodiless, .untilClose:
            break
        case .length:
            response.add("Content-Length", String(bodyLength ?? 0))
        case .chunked:
            response.add("Transfer-Encoding", "chunked")
            if report.cost == nil { response.add("Trailer", "X-Gateway-Cost") }
        }
        let isDelimited = if case .untilClose = answer.framing { false } else { true }
        if let field = connection.beginResponse(isDelimited: isDelimited) { response.add("Connection", field) }
        response.end()
        return response
    }

    /// Lets the end of the response go: its record is durable.
    func finish(_ ending: Exchange.Ending) {
        guard let connection else { return }
        switch ending {
        case .abort:
            self.connection = nil
            connection.abort()
        case .problem:
            if let problem { refuse(problem) }
        case .whole:
            self.connection = nil
            finishWhole(on: connection)
        }
    }

    private func finishWhole(on connection: any CallOutlet) {
        guard var answer, let settled else { return }
        if isHeadSent {
            switch answer.framing {
            case .chunked:
                var end = ByteBuffer(staticString: "0\r\n")
                if answer.chargeAtHead == nil { end.writeString("X-Gateway-Cost: \(settled.record.cost)\r\n") }
                end.writeStaticString("\r\n")
                connection.write(end)
            case .length:
                if let last = answer.takeLastByte() { connection.write(ByteBuffer(integer: last)) }
            case .untilClose, .bodiless:
                break
            }
        } else {
            answer.framing = answer.isBodiless ? .bodiless : .length
            var report = report(status: settled.status)
            report.cost = settled.record.cost
            report.basis = .charged(settled.record.basis)
            var response = head(of: answer, report: report, bodyLength: Int64(answer.body.count), on: connection)
            isHeadSent = true
            response.append(answer.body)
            connection.write(response.buffer)
        }
        connection.finish()
    }
}
