import Foundation
import Glibc

/// Colours where somebody looks: on a terminal that has them, unless NO_COLOR (https://no-color.org) asks for none.
struct Palette {
    enum Colour: String {
        case bold = "1"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }

    private let isOn: Bool

    static var standardOutput: Palette {
        let environment = ProcessInfo.processInfo.environment
        let asksForNone = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        return Palette(isOn: isatty(STDOUT_FILENO) == 1 && !asksForNone && environment["TERM"] != "dumb")
    }

    func paint(_ text: String, _ colour: Colour) -> String {
        isOn ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }
}
