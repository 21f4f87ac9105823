#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The machine's time zone database: one compiled file (RFC 9636) a zone, named after it.
///
/// Read as every C program's `localtime` reads it, once for each zone in use. Foundation's own copy is not used: it is
/// only as new as the toolchain, and a statically linked program does not have it.
enum ZoneFile {
    /// Where systems keep it.
    private static let folders = ["/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo"]
    /// The largest that is read; real ones have a few kilobytes.
    private static let maximumSize = 1 << 18

    /// A zone's file; nil when there is none of that name.
    static func read(_ name: String) -> [UInt8]? {
        guard isIANAName(name) else { return nil }
        for folder in folders {
            if let bytes = contents("\(folder)/\(name)") { return bytes }
        }
        return nil
    }

    /// Areas and places begin with a capital letter. Other files that lie in the same folder do not, nor does a path that leads out of it.
    private static func isIANAName(_ name: String) -> Bool {
        let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        return name.utf8.count <= 64
            && parts.allSatisfy { part in
                guard let first = part.first, (0x41...0x5A).contains(first) else { return false }
                return part.allSatisfy { byte in
                    (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
                        || byte == UInt8(ascii: "_")
                        || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
                }
            }
    }

    private static func contents(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rbe") else { return nil }
        defer { fclose(file) }
        let bytes = [UInt8](unsafeUninitializedCapacity: maximumSize) { buffer, count in
            count = fread(buffer.baseAddress, 1, maximumSize, file)
        }
        return ferror(file) == 0 ? bytes : nil
    }
}
