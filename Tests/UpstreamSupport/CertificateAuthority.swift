package import Foundation
import Loopback

/// A private authority with a certificate for 127.0.0.1, made anew for a test in a folder that goes with it.
package final class CertificateAuthority: Sendable {
    package let folder: URL
    package var authority: String { folder.appending(path: "ca.pem").path }
    package var certificate: String { folder.appending(path: "cert.pem").path }
    package var key: String { folder.appending(path: "key.pem").path }

    package static let isAvailable = executable("openssl") != nil

    package init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "upstream-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data("subjectAltName=IP:127.0.0.1\n".utf8).write(to: folder.appending(path: "names"))
        let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        try openssl(["req", "-x509"] + curve + ["-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Private authority"])
        try openssl(["req"] + curve + ["-keyout", "key.pem", "-out", "cert.csr", "-subj", "/CN=127.0.0.1"])
        try openssl([
            "x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names",
            "-out", "cert.pem",
        ])
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func openssl(_ arguments: [String]) throws {
        let process = try start("openssl", arguments, in: folder)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw SocketError(description: "openssl \(arguments[0]): \(process.terminationStatus)")
        }
    }
}

/// nginx with TLS and HTTP/2, which says "hello" to everybody and passes on what is asked of `/backend`. It ends with this object.
package final class SecureServer {
    package var port: UInt16 { reserved.number }
    private let reserved: ReservedPort
    private let process: Process

    package static let isAvailable = executable("nginx") != nil

    package init(_ authority: CertificateAuthority, backend: UInt16) async throws {
        reserved = try ReservedPort()
        let configuration = """
            daemon off; master_process off; worker_processes 1; pid pid; error_log stderr;
            events { worker_connections 256; }
            http {
              access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
              server {
                listen 127.0.0.1:\(reserved.number) ssl http2 reuseport;
                ssl_certificate \(authority.certificate); ssl_certificate_key \(authority.key);
                location /backend { add_header X-Protocol $server_protocol; proxy_pass http://127.0.0.1:\(backend); }
                location / { add_header X-Protocol $server_protocol; return 200 "hello"; }
              }
            }
            """
        try Data(configuration.utf8).write(to: authority.folder.appending(path: "nginx.conf"))
        process = try start("nginx", ["-p", authority.folder.path, "-c", "nginx.conf", "-e", "stderr"], in: authority.folder)
        // It says nothing when it is ready: a connection does.
        while (try? Connection.open(port: reserved.number))?.close() == nil {
            guard process.isRunning else { throw SocketError(description: "nginx ended") }
            await Task.yield()
        }
    }

    deinit {
        // It inherits a thread's signal mask, which may well block the gentler ones.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
