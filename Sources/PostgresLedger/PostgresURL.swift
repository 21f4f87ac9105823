internal import CPostgres
package import GatewayCore
internal import Glibc

/// Where a Postgres ledger is: a URL that goes to libpq as it stands, so that `sslmode`, certificates, `PG*` variables, service files and
/// `.pgpass` work as in psql.
package struct PostgresURL: Sendable {
    private let url: Secret
    /// What must not show in any text.
    private let secrets: [Secret]
    /// Server and database, for texts.
    package let place: String
    /// What the URL, its service and the environment leave open, and libpq would leave to chance.
    private let defaults: [String: String]

    /// Throws when libpq would not take the text for what it was meant to be. The error does not quote the URL.
    package init(_ url: Secret) throws(LedgerError) {
        let text = url.reveal()
        guard !text.utf8.contains(0), Self.isUnambiguous(text), let written = Self.options(PQconninfoParse(text, nil)) else {
            throw LedgerError(
                .unavailable,
                "ledger.url is no Postgres URL (postgres://USER@HOST:PORT/DATABASE); characters such as @ / : ? # % in a user or password are percent-encoded"
            )
        }
        self.url = url
        let effective = Self.effective(text) ?? written
        secrets = [effective["password"], written["password"], effective["sslpassword"]].compactMap { $0 }.filter { !$0.isEmpty }
            .map { Secret($0) }
        let host = effective["host"] ?? effective["hostaddr"] ?? "the local socket"
        let name = [effective["dbname"], effective["user"]].compactMap { $0 }.first ?? ""
        place = "\(host.hasPrefix("/") ? host : "\(host):\(effective["port"] ?? "5432")")\(name.isEmpty ? "" : "/\(name)")"
        // A peer that is gone without a word is noticed within seconds and not hours.
        var defaults = ["connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3"]
        defaults["tcp_user_timeout"] = "20000"
        defaults = defaults.filter { (effective[$0.key] ?? "0").allSatisfy { $0 == "0" } }
        // Among several servers, the one that takes records.
        if host.contains(","), effective["target_session_attrs"] == "any" { defaults["target_session_attrs"] = "read-write" }
        self.defaults = defaults
    }

    /// What `PQconnectdbParams` is given, in its order: later ones replace earlier ones.
    func parameters(applicationName: String) -> [(name: String, value: String)] {
        [("dbname", url.reveal())] + defaults.map { ($0.key, $0.value) } + [
            ("client_encoding", "UTF8"), ("application_name", applicationName),
        ]
    }

    /// A text of libpq's or the server's, without secrets and in one line.
    func redacted(_ text: String) -> String {
        var text = text.split(whereSeparator: \.isNewline).map { $0.trimmingPrefix(while: \.isWhitespace) }.joined(separator: "; ")
        for secret in secrets { text = text.replacing(secret.reveal(), with: "•••") }
        return text
    }

    /// Whether everything stands where libpq looks for it: with an unencoded `@` or `/`, a part of the password would be taken for the server's
    /// name, and be printed with the error.
    private static func isUnambiguous(_ text: String) -> Bool {
        guard let start = text.firstRange(of: "://")?.upperBound else { return false }
        let parts = text[start...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)[0]
            .split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        return parts[0].count { $0 == "@" } <= 1 && !parts.dropFirst().contains { $0.contains("@") }
    }

    /// What libpq makes of the URL with the service file and the environment; nil when it cannot. Nothing is connected: the last word is wrong
    /// on purpose.
    private static func effective(_ url: String) -> [String: String]? {
        withCStrings(["dbname", "sslmode"]) { names in
            withCStrings([url, "none of all"]) { values in
                let handle = PQconnectStartParams(names, values, 1)
                defer { PQfinish(handle) }
                return options(PQconninfo(handle))
            }
        }
    }

    private static func options(_ list: UnsafeMutablePointer<PQconninfoOption>?) -> [String: String]? {
        guard let list else { return nil }
        defer { PQconninfoFree(list) }
        var options: [String: String] = [:]
        var next = list
        while let name = next.pointee.keyword {
            if let value = next.pointee.val, value.pointee != 0 { options[String(cString: name)] = String(cString: value) }
            next += 1
        }
        return options
    }
}

/// Runs `body` with an array of C's strings that ends with a null.
func withCStrings<Result>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return (copies.map { UnsafePointer($0) } + [nil]).withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("an array with a null at its end is not empty") }
        return body(base)
    }
}
