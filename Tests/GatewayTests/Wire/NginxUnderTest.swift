import Foundation
import Loopback
import Testing

/// Debian's nginx as a plain proxy with the gateway's task: what is below `/acme/` goes to a provider's base path, the rest to nobody.
final class NginxUnderTest {
    var port: Int { Int(reserved.number) }
    private let reserved: ReservedPort
    private let folder: URL
    private let process: Process

    /// Debian 12's: another version may well judge differently.
    static let isAvailable: Bool = {
        guard let path = executable("nginx") else { return false }
        let version = try? CommandResult.run(URL(fileURLWithPath: path), ["-v"], in: FileManager.default.temporaryDirectory)
        return version?.error.contains("nginx/1.22.1") == true
    }()

    init(base: String) throws {
        reserved = try ReservedPort()
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("nginx-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let configuration = """
            daemon off; master_process off; worker_processes 1; pid pid; error_log stderr;
            events { worker_connections 64; }
            http {
              access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
              client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s;
              server {
                listen 127.0.0.1:\(reserved.number) reuseport;
                location / { return 404; }
                location /acme/ { proxy_pass \(base)/; proxy_http_version 1.1; proxy_set_header Connection ""; }
              }
            }
            """
        try Data(configuration.utf8).write(to: folder.appendingPathComponent("nginx.conf"))
        process = try Loopback.start("nginx", ["-p", folder.path, "-c", "nginx.conf", "-e", "stderr"], in: folder)
        eventually("nginx listens") { (try? RawClient(port: port)) != nil }
    }

    deinit {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }
}
