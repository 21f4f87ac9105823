import Testing

@testable import gateway

@Suite struct TextTableTests {
    /// A ledger may have names from before they were refused.
    @Test func whatWouldSteerATerminalIsShownAsItsNumber() {
        let table = TextTable.render(["id", "name"], [["1", "\u{1B}[2J\u{9B}0m"], ["2", "a\nb\u{0}\u{202E}c"], ["3", "Zoë 名前"]])
        let lines = [
            "id  name              ", #"1   \u{1B}[2J\u{9B}0m "#, #"2   a\nb\u{0}\u{202E}c"#, "3   Zoë 名前            ",
        ]
        #expect(table == lines.map { $0 + "\n" }.joined())
    }
}
