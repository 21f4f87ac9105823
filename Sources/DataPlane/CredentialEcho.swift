import GatewayCore
import Glibc

/// Answers that repeat the credential with which they were asked for. They are their caller's, byte for byte; the gateway keeps nothing of them.
extension Admission {
    func repeatsCredential(_ answer: WholeAnswer) -> Bool {
        let forms = credentialForms
        return !forms.isEmpty && (Self.contains(forms, in: answer.body) || Self.contains(forms, in: answer.headerLines))
    }

    func repeatsCredential(_ body: [UInt8]) -> Bool {
        Self.contains(credentialForms, in: body)
    }

    /// As it is sent, less a scheme's word before it. One that is very short is no secret, and would be found in every answer.
    private var credentialForms: [[UInt8]] {
        let sent: [String]
        switch provider.adapter.upstream.authentication {
        case .header(_, let value): sent = [String(value.reveal().split(separator: " ").last ?? "")]
        case .query(_, let value): sent = [value.reveal(), PercentCoding.encoded(value.reveal())]
        case nil: sent = []
        }
        return Set(sent).filter { $0.utf8.count >= 8 }.map { Array($0.utf8) }
    }

    private static func contains(_ forms: [[UInt8]], in bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { bytes in
            forms.contains { form in form.withUnsafeBytes { find($0, in: bytes) } }
        }
    }

    private static func find(_ form: UnsafeRawBufferPointer, in bytes: UnsafeRawBufferPointer) -> Bool {
        guard let wanted = form.baseAddress, let first = form.first, var place = bytes.baseAddress else { return false }
        let end = place + bytes.count
        while end - place >= form.count, let next = memchr(place, Int32(first), end - place - form.count + 1) {
            if memcmp(next, wanted, form.count) == 0 { return true }
            place = UnsafeRawPointer(next) + 1
        }
        return false
    }
}
