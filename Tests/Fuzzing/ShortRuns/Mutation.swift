import TestSupport

/// Random damage to good inputs, the same for the same seed.
struct Mutation {
    private let seeds: [[UInt8]]
    private let maximumLength: Int
    private var random: SplitMix64
    /// Bytes that mean something to one parser or another.
    private static let likely =
        Array("{}[]:,\"\\'u0e-+.1 \n\r\t$@?*()!=<>&|;%#/~aF9".utf8) + [0x00, 0x1F, 0x7F, 0x80, 0xC3, 0xED, 0xF4, 0xFE, 0xFF]

    init(seeds: [[UInt8]], maximumLength: Int, seed: UInt64) {
        self.seeds = seeds
        self.maximumLength = maximumLength
        random = SplitMix64(seed: seed)
    }

    /// One of the seeds with one to four changes.
    mutating func next() -> [UInt8] {
        var bytes = pick(seeds) ?? []
        for _ in 0..<Int.random(in: 1...4, using: &random) { change(&bytes) }
        return Array(bytes.prefix(maximumLength))
    }

    /// A byte replaced, removed, put in or repeated, a run copied from here or from another seed, or the end cut off.
    private mutating func change(_ bytes: inout [UInt8]) {
        let place = Int.random(in: 0...bytes.count, using: &random)
        let byte = pick(Self.likely) ?? 0
        guard place < bytes.count else { return bytes.append(byte) }
        switch Int.random(in: 0..<10, using: &random) {
        case 0...1: bytes[place] = byte
        case 2: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
        case 3: bytes.remove(at: place)
        case 4: bytes.insert(byte, at: place)
        case 5: bytes.insert(bytes[place], at: place)
        case 6: bytes.insert(contentsOf: run(of: bytes), at: place)
        case 7: bytes.insert(contentsOf: run(of: pick(seeds) ?? []), at: place)
        case 8: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...12, using: &random)))
        default: bytes.removeLast(min(bytes.count, Int.random(in: 1...3, using: &random)))
        }
    }

    private mutating func run(of bytes: [UInt8]) -> ArraySlice<UInt8> {
        guard let start = bytes.indices.randomElement(using: &random) else { return [] }
        return bytes[start...].prefix(Int.random(in: 1...24, using: &random))
    }

    private mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.randomElement(using: &random)
    }
}
