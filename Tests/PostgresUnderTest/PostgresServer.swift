import Foundation

/// A real Postgres server of the tests' own: its data in a temporary folder, on loopback and on a socket in that folder, as a user without
/// rights. It ends with the test's process, however that ends.
package final class PostgresServer: @unchecked Sendable {
    // Unchecked: what changes is guarded by the lock.
    private let lock = NSLock()
    private var process: Process?
    private var count = 0
    /// Where the data, the socket, the log and the certificates are.
    package let folder: String
    package let port: Int

    /// The role that databases belong to, and its password.
    package static let role = "gateway"
    package static let password = "only-for-tests"

    /// The newest that Debian's package has put on this machine; nil without it.
    private static let binaries: String? = {
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "\(root)/\($0)/bin" }
            .first { FileManager.default.isExecutableFile(atPath: "\($0)/initdb") }
    }()

    package static var isInstalled: Bool { binaries != nil }

    private static let sharedServer = Result { try PostgresServer() }

    /// One server for all tests that do not stop it; each takes a ``database(template:)`` of its own.
    package static var shared: PostgresServer {
        get throws { try sharedServer.get() }
    }

    /// Makes and starts a server, whose folder is made in `parent`.
    package init(in parent: String = "/tmp") throws {
        port = try Self.freePort()
        folder = try Self.run(Self.unprivileged + ["mktemp", "-d", "\(parent)/gateway-postgres-XXXXXX"]).trimmingCharacters(in: .newlines)
        try initialize()
        try start()
        try sql("CREATE ROLE \(Self.role) LOGIN PASSWORD '\(Self.password)'", in: "postgres")
    }

    deinit {
        stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func initialize() throws {
        let script = """
            set -e
            umask 077
            cd "$1"
            "$2"/initdb -D data -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
            printf 'local all all trust\\nhost all all 127.0.0.1/32 scram-sha-256\\n' > data/pg_hba.conf
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=tests' -keyout ca.key -out ca.crt
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=localhost' -keyout server.key -out server.csr
            printf 'subjectAltName=DNS:localhost' > san
            openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.crt
            """
        _ = try Self.run(Self.unprivileged + ["sh", "-c", script, "sh", folder, Self.binaries ?? ""])
    }

    // MARK: Its life

    /// Starts it and waits until it takes connections.
    package func start() throws {
        // Ends the server when its own input ends, and removes the folder too when nobody has stopped it: the test's process has ended then.
        // A process inherits the signals that its maker's thread blocks.
        let script = """
            import os, select, shutil, signal, subprocess, sys
            signal.pthread_sigmask(signal.SIG_SETMASK, [])
            folder, *command = sys.argv[1:]
            log = open(folder + "/log", "ab")
            server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
            while server.poll() is None:
                if not select.select([sys.stdin], [], [], 0.05)[0]: continue
                server.send_signal(signal.SIGINT)
                server.wait()
                if not os.path.exists(folder + "/stopped"): shutil.rmtree(folder)
            """
        let settings = [
            "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=\(folder)", "fsync=off", "shared_buffers=32MB",
            "max_connections=60", "ssl=on", "ssl_cert_file=\(folder)/server.crt", "ssl_key_file=\(folder)/server.key",
        ]
        let command =
            Self.unprivileged + ["python3", "-c", script, folder, "\(Self.binaries ?? "")/postgres", "-D", "\(folder)/data"]
            + settings.flatMap { ["-c", $0] }
        try? FileManager.default.removeItem(atPath: folder + "/stopped")
        let deadline = Date().addingTimeInterval(30)
        repeat {
            let starting = Process()
            starting.executableURL = URL(fileURLWithPath: command[0])
            starting.arguments = Array(command.dropFirst())
            starting.standardInput = Pipe()
            try starting.run()
            lock.withLock { process = starting }
            // One that was killed may keep its port and memory a moment longer: then this one ends, and is started again.
            while starting.isRunning, Date() < deadline {
                if (try? sql("SELECT 1", in: "postgres")) != nil { return }
                usleep(30_000)
            }
            end(starting)
        } while Date() < deadline
        throw PostgresServerError("the server did not start: \((try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "")")
    }

    /// Stops it in order; connections are cut.
    package func stop() {
        if let running = lock.withLock({ process }) { end(running) }
        lock.withLock { process = nil }
    }

    private func end(_ running: Process) {
        try? Data().write(to: URL(fileURLWithPath: folder + "/stopped"))
        try? (running.standardInput as? Pipe)?.fileHandleForWriting.close()
        running.waitUntilExit()
    }

    /// Kills every process of it at once, as a machine that stops would.
    package func kill9() {
        if let pid {
            let children = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
            // Stopped first, so that it does not see its children go.
            kill(pid, SIGSTOP)
            for child in children.split(separator: " ").compactMap({ pid_t($0) }) { kill(child, SIGKILL) }
            kill(pid, SIGKILL)
        }
        stop()
    }

    private var pid: pid_t? {
        let file = try? String(contentsOfFile: folder + "/data/postmaster.pid", encoding: .utf8)
        return file?.split(separator: "\n").first.flatMap { pid_t($0) }
    }

    // MARK: Its use

    /// Makes an empty database, or a copy of another one that nobody is connected to.
    package func database(template: String? = nil) throws -> PostgresDatabase {
        let number = lock.withLock {
            count += 1
            return count
        }
        let name = "test_\(number)"
        try sql("CREATE DATABASE \(name) OWNER \(Self.role)\(template.map { " TEMPLATE \($0)" } ?? "")", in: "postgres")
        return PostgresDatabase(server: self, name: name)
    }

    /// Runs SQL as the superuser; the rows of the last statement, NULL as an empty text.
    @discardableResult
    package func sql(_ text: String, in database: String) throws -> [[String]] {
        let output = try Self.run([
            "\(Self.binaries ?? "")/psql", "-X", "-q", "-A", "-t", "-F", "\u{1F}", "-R", "\u{1E}", "-v", "ON_ERROR_STOP=1", "-d",
            "host=\(folder) port=\(port) user=postgres dbname=\(database)", "-c", text,
        ])
        let rows = output.hasSuffix("\n") ? output.dropLast() : output[...]
        return rows.isEmpty
            ? []
            : rows.split(separator: "\u{1E}", omittingEmptySubsequences: false).map { row in
                row.split(separator: "\u{1F}", omittingEmptySubsequences: false).map(String.init)
            }
    }

    /// Runs a script as the databases' role, statement by statement.
    package func script(_ text: String, in database: String) throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).sql")
        try Data(text.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        _ = try Self.run([
            "\(Self.binaries ?? "")/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d",
            "host=\(folder) port=\(port) user=\(Self.role) dbname=\(database)", "-f", file.path,
        ])
    }

    /// How to run a command as somebody who may do nothing else: Postgres refuses to be run by root.
    private static let unprivileged = getuid() == 0 ? ["/usr/sbin/runuser", "-u", "postgres", "--"] : ["/usr/bin/env"]

    private static func run(_ command: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let collected = Collected()
        let reading = DispatchGroup()
        DispatchQueue.global().async(group: reading) { collected.append(errors.fileHandleForReading.readDataToEndOfFile()) }
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        reading.wait()
        guard process.terminationStatus == 0 else {
            throw PostgresServerError("\(command[0]) ended with \(process.terminationStatus): \(collected.text)")
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) + getsockname(descriptor, $0, &length)
            }
        }
        guard status == 0 else { throw PostgresServerError("no port is free") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// A database of a test's own.
package struct PostgresDatabase: Sendable {
    package let server: PostgresServer
    package let name: String

    /// Over TCP, with the password.
    package var url: String { url(password: PostgresServer.password) }

    package func url(password: String, host: String? = nil, parameters: String = "") -> String {
        "postgres://\(PostgresServer.role):\(password)@\(host ?? "127.0.0.1"):\(server.port)/\(name)\(parameters)"
    }

    /// Runs a script as the databases' role, statement by statement.
    package func script(_ text: String) throws {
        try server.script(text, in: name)
    }

    /// Runs SQL as the superuser; the rows of the last statement, NULL as an empty text.
    @discardableResult
    package func sql(_ text: String) throws -> [[String]] {
        try server.sql(text, in: name)
    }
}

package struct PostgresServerError: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// What a process has written. The lock guards it; it is read on a thread of its own.
private final class Collected: @unchecked Sendable {
    private let lock = NSLock()
    private var data = Data()

    func append(_ more: Data) {
        lock.withLock { data.append(more) }
    }

    var text: String { lock.withLock { String(decoding: data, as: UTF8.self) } }
}
