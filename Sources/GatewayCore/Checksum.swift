/// FNV-1a, 64 bits, of a text, as 16 hexadecimal digits: tells a file that was changed. It keeps out mistakes, not adversaries.
package func checksum(of text: String) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
}
