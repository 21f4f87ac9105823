import GatewayCore
import JSONPath
import TestSupport
import Testing

@Suite struct KeyRingTests {
    private let ring = KeyRing()
    private let ids = CallIDGenerator()

    private func key(
        _ secret: String, expiresAt: Timestamp? = nil, revokedAt: Timestamp? = nil, permissions: CallerKey.Permissions = .init()
    ) -> CallerKey {
        CallerKey(
            id: ids.next(at: monday), workspace: "acme", name: nil, digest: KeyDigest(of: Secret(secret)), createdAt: monday,
            expiresAt: expiresAt, revokedAt: revokedAt, permissions: permissions)
    }

    private func identify(_ secret: String, at now: Timestamp = monday) -> KeyRing.Verdict {
        ring.identify(KeyDigest(of: Secret(secret)), at: now)
    }

    @Test func aKeyOpensUntilItExpiresOrIsRevoked() {
        let end = monday.adding(seconds: 60)
        var key = key("a", expiresAt: end)
        ring.take([key], upTo: 1)
        #expect(identify("a") == .granted(key))
        #expect(identify("b") == .unknown)
        #expect(identify("a", at: Timestamp(microseconds: end.microseconds - 1)) == .granted(key))
        #expect(identify("a", at: end) == .expired)
        key.revokedAt = monday
        ring.take([key], upTo: 2)
        #expect(identify("a") == .revoked)
        #expect(ring.count == 1 && ring.change == 2)
    }

    @Test func whatWasNeverSeenIsNotUnknownWhileTheStoreCannotBeRead() {
        #expect(identify("a") == .unreadable)
        let key = key("a")
        ring.take([key], upTo: 1)
        ring.storeFailed()
        #expect(identify("a") == .granted(key), "one that was seen goes on")
        #expect(identify("b") == .unreadable)
        ring.take([], upTo: 1)
        #expect(identify("b") == .unknown)
        ring.clear()
        #expect(identify("a") == .unreadable)
    }

    @Test func usesAreToldOnce() {
        let key = key("a")
        ring.take([key], upTo: 1)
        _ = identify("a", at: monday)
        _ = identify("a", at: monday.adding(seconds: 5))
        _ = identify("b")
        #expect(ring.takeUses() == [key.id: monday.adding(seconds: 5)])
        #expect(ring.takeUses().isEmpty)
    }

    /// Against the bucket that drips: never more than a second's worth at once, and in the long run exactly the rate.
    @Test(arguments: ["1", "5", "0.5", "2.5", "1000"])
    func callsAreHeldToTheRate(text: String) throws {
        let rate = try #require(CallRate(text))
        let key = key("a", permissions: .init(rate: rate))
        ring.take([key], upTo: 1)
        var random = SplitMix64(seed: 7)
        let burst = Double(max(1, rate.perSecond.ceiling))
        let perSecond = try #require(Double(text))
        var (now, admitted) = (monday.microseconds, 0)
        let start = now
        for _ in 0..<20_000 {
            now += Int64.random(in: 0..<Int64(600_000 / perSecond), using: &random)
            if let seconds = ring.admit(key, at: Timestamp(microseconds: now)) {
                #expect(seconds >= 1 && Double(seconds) <= 1 / perSecond + 1)
            } else {
                admitted += 1
            }
            #expect(Double(admitted) <= burst + Double(now - start) / 1_000_000 * perSecond + 0.001)
        }
        // One at a time, what comes a little later than it might is lost.
        guard burst > 1 else { return }
        #expect(Double(admitted) >= Double(now - start) / 1_000_000 * perSecond - burst - 1)
    }

    @Test func aRefusalsSecondsAreEnough() throws {
        let key = key("a", permissions: .init(rate: CallRate("0.25")))
        ring.take([key], upTo: 1)
        #expect(ring.admit(key, at: monday) == nil)
        #expect(ring.admit(key, at: monday) == 4)
        #expect(ring.admit(key, at: monday.adding(seconds: 3)) == 1)
        #expect(ring.admit(key, at: monday.adding(seconds: 4)) == nil)
    }

    @Test func aClockThatIsSetBackShutsNobodyOut() throws {
        let key = key("a", permissions: .init(rate: CallRate("1")))
        ring.take([key], upTo: 1)
        #expect(ring.admit(key, at: monday.adding(seconds: 86_400)) == nil)
        #expect(ring.admit(key, at: monday) == nil)
        #expect(ring.admit(key, at: monday) == 1)
    }

    @Test func aKeysRateIsItsOwnAndOutlivesAChange() throws {
        let slow = key("a", permissions: .init(rate: CallRate("1")))
        let free = key("b")
        ring.take([slow, free], upTo: 1)
        #expect(ring.admit(slow, at: monday) == nil)
        ring.take([slow], upTo: 2)
        #expect(ring.admit(slow, at: monday) == 1)
        for _ in 0..<100 { #expect(ring.admit(free, at: monday) == nil) }
    }

    @Test(arguments: ["0", "-1", "0.0009", "1000000.1", "", "x", "0.0010000000000000002"])
    func ratesOutsideOfTheRangeOrTooFineAreNone(text: String) {
        #expect(CallRate(text) == nil)
    }
}

@Suite struct KeySecretTests {
    @Test func secretsAreLongAndNeverTwice() {
        let secrets = (0..<1000).map { _ in KeySecret.make().reveal() }
        #expect(Set(secrets).count == 1000)
        for secret in secrets { #expect(secret.wholeMatch(of: /gwk_[A-Za-z0-9_-]{43}/) != nil) }
        // Every digit is somewhere at every place, but the last, which has four bits.
        for place in 4..<46 { #expect(Set(secrets.map { Array($0.utf8)[place] }).count == 64) }
        #expect(Set(secrets.map { Array($0.utf8)[46] }).count == 16)
    }

    @Test(
        arguments: [
            ("gwk_abc", "gwk_abc"), ("Bearer gwk_abc", "gwk_abc"), ("token  gwk_abc", "gwk_abc"), ("Bearer sk-abc", nil), ("", nil),
            ("Bearer a gwk_abc", nil), ("gwk_abc x", nil), ("GWK_abc", nil),
        ] as [(String, String?)])
    func aKeyStandsAloneOrBehindAScheme(value: String, key: String?) {
        #expect(KeySecret.find(in: Array(value.utf8)).map { String(decoding: $0, as: UTF8.self) } == key)
    }

    @Test func aDigestIsTheSHA256() throws {
        let digest = KeyDigest(of: Secret("abc"))
        #expect(digest.hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(KeyDigest(hexadecimal: digest.hexadecimal) == digest)
        for wrong in ["", "ba", String(repeating: "g", count: 64), String(repeating: "0", count: 65)] {
            #expect(KeyDigest(hexadecimal: wrong) == nil)
        }
    }
}

@Suite struct KeyWishTests {
    private func read(_ json: String) -> Result<KeyWish, KeyWishError> {
        Result { () throws(KeyWishError) in try KeyWish(json: Array(json.utf8), now: monday) }
    }

    @Test func everything() throws {
        let wish = try read(
            #"""
            {"workspace": "acme", "name": "billing", "expires_at": "2027-01-01", "providers": ["pdl"], "operations": ["a", "b"],
             "requests_per_second": 0.5}
            """#
        ).get()
        #expect(wish.workspace == "acme" && wish.name == "billing")
        #expect(wish.expiresAt == Timestamp("2027-01-01T00:00:00Z"))
        #expect(wish.permissions == .init(providers: ["pdl"], operations: ["a", "b"], rate: CallRate("0.5")))
        #expect(try KeyWish(json: wish.json.serialized, now: monday) == wish)
        let columns = wish.permissions.columns
        #expect(
            CallerKey.Permissions(providers: columns.providers, operations: columns.operations, rate: columns.rate) == wish.permissions)
        #expect(wish.permissions.allows(provider: "pdl", operation: "a"))
        #expect(!wish.permissions.allows(provider: "pdl", operation: "c") && !wish.permissions.allows(provider: "x", operation: "a"))
    }

    @Test func everyProblemIsTold() {
        let wrong = read(
            #"""
            {"name": "", "expires_at": "2026-01-01", "providers": [], "operations": [1], "requests_per_second": "fast", "colour": "red"}
            """#)
        guard case .failure(let error) = wrong else { return #expect(Bool(false)) }
        #expect(error.problems.count == 7, "\(error.problems)")
        for nothing in ["", "[]", "null", "{"] { #expect(throws: KeyWishError.self) { try read(nothing).get() } }
        for workspace in [#""""#, "1", "null", #""a\nb""#, "\"\(String(repeating: "x", count: 129))\""] {
            #expect(throws: KeyWishError.self) { try read("{\"workspace\": \(workspace)}").get() }
        }
    }

    /// The escapes of a terminal, the end of a C string, a line's end, and what C1 has of them.
    @Test(arguments: ["\\u001b[31mred", "a\\u0000b", "a\\nb", "\\u007f", "\\u009b2J", "\u{9B}2J"])
    func aNameHasNoControlCharacters(name: String) {
        let error = #expect(throws: KeyWishError.self) { try read("{\"workspace\": \"acme\", \"name\": \"\(name)\"}").get() }
        #expect(error?.problems == ["'name' is a text of 1 to 128 bytes without control characters."])
    }

    @Test(arguments: [#""workspace": "a", "workspace": "b""#, #""workspace": "a", "name": "b", "n\u0061me": "c""#])
    func noMemberStandsThereTwice(members: String) {
        let error = #expect(throws: KeyWishError.self) { try read("{\(members)}").get() }
        #expect(error?.problems == ["A member stands there twice."])
    }
}
