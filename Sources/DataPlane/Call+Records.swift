import GatewayCore
import Logging

/// What an answer says of people or companies.
extension Call {
    typealias Normalized = Result<NormalizedAnswer, Normalization.Refusal>

    /// The records in an answer, where somebody reads them: its caller, the tables of people and companies, or whoever wants to know which provider
    /// is to be asked first. They are made once, of what was parsed for metering.
    func normalized(_ body: ResponseFacts.Body) -> Normalized? {
        guard let admission, admission.countsRecords, let answer, !answer.isBodiless,
            admission.storesRecord || showsRecords || admission.isEnriching, let normalization = admission.operation.normalization
        else { return nil }
        let context = Normalization.Context(
            provider: admission.adapter.provider, operation: admission.operation.name, entity: admission.caller.entityType,
            weights: admission.generation.configuration.quality, now: pledge?.startedAt ?? services.clock())
        return Normalized { () throws(Normalization.Refusal) in try normalization.answer(to: facts(of: answer, body), context) }
    }

    func facts(of answer: Answer, _ body: ResponseFacts.Body) -> ResponseFacts {
        ResponseFacts(status: answer.status, headers: answer.headers, body: body)
    }

    /// Whether the answer is to have records that are counted: HEAD leaves them out, whatever its status.
    var asksForRecords: Bool {
        admission?.countsRecords == true && admission?.operation.normalization?.isLookup == true && head.method != "HEAD"
    }

    /// Whether the caller gets records in the place of the answer, if there can be any.
    private var showsRecords: Bool { answer?.isNormalized == true && connection != nil && !isHeadSent }

    /// How many records that say something a call has brought; nil where it has no answer to that: its operation's answers become none, its body
    /// was not read, or the provider failed and is not paid for it.
    func found(_ settlement: Exchange.Settlement, _ charge: Charge, _ body: ResponseFacts.Body, _ normalized: Normalized?) -> Int? {
        guard let admission, asksForRecords, let normalization = admission.operation.normalization, let answer, !answer.isStream
        else { return nil }
        let nothing = charge.cost > .zero ? 0 : nil
        guard settlement == .metered else { return nothing }
        if answer.isBodiless { return answer.status == 204 ? 0 : nil }
        if case .success(let answer)? = normalized { return answer.records.count { !$0.isEmpty } }
        do throws(Normalization.Refusal) {
            // Too many to be made records of are counted all the same.
            return try normalization.count(in: facts(of: answer, body))
        } catch .providersError {
            return nothing
        } catch {
            // What could have been read and says nothing is paid for all the same. An unknown coding is, unless the answer was asked for without.
            if case .unreadable = body, !admission.readsResponseBody { return nil }
            return answer.wholeBody == nil ? nil : nothing
        }
    }

    /// What the answer of a provider that is asked in turn was worth; nil where nobody can say, or the provider is not asked by this operation.
    func worth(_ settlement: Exchange.Settlement, _ normalized: Normalized?, found: Int?) -> AnswerWorth? {
        guard asksForRecords, admission?.isEnriching == true, answer?.isStream != true else { return nil }
        if case .success(let answer)? = normalized { return AnswerWorth(answer.records.first) }
        // A failure is no answer, whatever it costs.
        let isFailure = settlement != .metered || !(200...299).contains(answer?.status ?? 0)
        return found == 0 || isFailure ? .nothing : nil
    }

    /// Puts records in the place of a held answer, where the caller asks for them.
    ///
    /// Returns how good they are; nil where the answer stays what it is.
    @discardableResult
    func show(_ normalized: Normalized) -> GradeCounts? {
        guard showsRecords else { return nil }
        do throws(Normalization.Refusal) {
            let found = try normalized.get()
            // A small body can have very many records, and each has a breakdown: what comes of it is bounded as well.
            guard let bytes = found.serialized(limit: 4 * limits.bufferedResponse),
                self.answer?.normalize(found.shownStatus, bytes, limits: limits, metrics: services.metrics) == true
            else { throw .tooMuch }
            if keepsRecords { records = found }
            return GradeCounts(found.records)
        } catch {
            self.answer?.passUnchanged()
            services.logger.debug(
                "not normalized", metadata: ["why": "\(error)", "call": "\(String(describing: pledge?.id ?? settled?.record.id))"])
            return nil
        }
    }
}

/// The header fields of a normalized answer.
enum RecordFields {
    /// Whether a field describes the bytes of the provider's body, so that it does not hold for the records in its place.
    static func describe(_ field: HeaderView) -> Bool {
        switch field.name.count {
        case 4: field.isNamed("etag")
        case 6: field.isNamed("digest")
        case 11: field.isNamed("content-md5") || field.isNamed("repr-digest")
        case 12: field.isNamed("content-type")
        case 13: field.isNamed("content-range") || field.isNamed("accept-ranges") || field.isNamed("last-modified")
        case 14: field.isNamed("content-length") || field.isNamed("content-digest")
        case 16: field.isNamed("content-encoding")
        case 19: field.isNamed("content-disposition")
        default: false
        }
    }

    /// Tells whoever asked for records whether this is them.
    static func add(to head: inout ResponseHead, isNormalized: Bool) {
        head.add("X-Gateway-Normalized", isNormalized ? "true" : "false")
        guard isNormalized else { return }
        head.add("Content-Type", "application/json")
        head.add("Vary", "X-Gateway-Normalize")
    }
}
