import GatewayCore
import Logging

/// Records in the place of the provider's answer.
extension Call {
    /// Puts records in the place of a held answer, where the caller asks for them and there can be any. What was parsed for metering is what is read.
    ///
    /// Returns how good they are; nil where the answer stays what it is.
    @discardableResult
    func normalize(_ body: ResponseFacts.Body) -> GradeCounts? {
        guard let admission, let answer, answer.isNormalized, !answer.isBodiless, connection != nil,
            let normalization = admission.normalization
        else { return nil }
        let context = recordContext(admission, at: pledge?.startedAt ?? services.clock())
        do throws(Normalization.Refusal) {
            let facts = ResponseFacts(status: answer.status, headers: answer.headers, body: body)
            let found = try normalization.answer(to: facts, context)
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

    func recordContext(_ admission: Admission, at now: Timestamp) -> Normalization.Context {
        Normalization.Context(
            provider: admission.adapter.provider, operation: admission.operation.name, entity: admission.caller.entityType,
            weights: admission.generation.configuration.quality, now: now)
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
