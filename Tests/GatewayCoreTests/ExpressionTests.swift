import GatewayCore
import TestSupport
import Testing

@Suite struct ExpressionTests {
    static let quantities = ["a": exact("6"), "b": exact("4"), "half": exact("0.5"), "none": Exact.zero, "prompt_tokens": exact("1200")]

    @Test(arguments: [
        ("1", "1"), ("0.25", "0.25"), ("a", "6"), ("a + b", "10"), ("a - b - 1", "1"), ("a / b", "1.5"), ("a / b / 3", "0.5"),
        ("a + b * 2", "14"),
        ("(a + b) * 2", "20"), ("-a", "-6"), ("- -a", "6"), ("2 * -b", "-8"), ("2--b", "6"), ("a − b", "2"), ("−a+b", "-2"),
        ("ceil(a / b)", "2"),
        ("floor(a / b)", "1"), ("ceil(-a / b)", "-1"), ("floor(-a / b)", "-2"), ("ceil(2)", "2"), ("min(a)", "6"), ("min(a, b)", "4"),
        ("max(a, b, 100, half)", "100"), ("min(max(a, b), 5)", "5"), ("max(0, b - a)", "0"), ("\t a\n*\r\n b ", "24"), ("1/3*3", "1"),
        ("prompt_tokens / 1000", "1.2"), ("ceil(prompt_tokens/1000)*10", "20"), ("0.1+0.2", "0.3"), ("a*(b-(half+half))", "18"),
    ])
    func evaluates(_ text: String, _ value: String) throws {
        #expect(try Expression(text).value(of: Self.quantities) == exact(value))
    }

    @Test(arguments: [
        ("", 0), ("   ", 3), ("a b", 2), ("a +", 3), ("(a", 2), ("a)", 1), ("* a", 0), ("a + * b", 4), ("1.", 2), (".5", 0), ("1e3", 1),
        ("1.2.3", 3), ("2x", 1),
        ("sqrt(a)", 0), ("min()", 4), ("min(a,)", 6), ("min", 0), ("ceil(a, b)", 0), ("floor()", 6), ("a ÷ b", 2), ("a % b", 2),
        ("a == b", 2),
        ("99999999999999999999999999999999999999999", 0), ("a, b", 1), ("$x", 0), ("a + ü", 4), ("min a", 0), ("1 000", 2),
    ])
    func refusesWithOffset(_ text: String, _ offset: Int) {
        let error = #expect(throws: ExpressionError.self) { try Expression(text) }
        #expect(error?.offset == offset, "\(text): \(error?.description ?? "")")
        #expect(error?.message.isEmpty == false)
    }

    @Test func names() throws {
        #expect(try Expression("prompt - cached + max(prompt, _x1) * 2").names == ["prompt", "cached", "_x1"])
        #expect(try Expression("1 + 2").names.isEmpty)
        #expect(Expression(number: exact("0.5")).description == "0.5")
        #expect(try Expression("a+b") == Expression("a+b"))
    }

    @Test func errorsOfEvaluation() throws {
        #expect(throws: EvaluationError.unknownName("zebra")) { try Expression("a + zebra").value(of: Self.quantities) }
        #expect(throws: EvaluationError.arithmetic(.divisionByZero)) { try Expression("a / (b - 4)").value(of: Self.quantities) }
        #expect(throws: EvaluationError.arithmetic(.divisionByZero)) { try Expression("a / none").value(of: Self.quantities) }
        let wide = ["w": Exact(Int128.max)]
        for text in ["w + 1", "w * 2", "-w - 2 - w", "w * w", "w / 3 + w / 5 * 7"] {
            #expect(throws: EvaluationError.arithmetic(.overflow), "\(text)") { try Expression(text).value(of: wide) }
        }
    }

    @Test func depthAndLengthAreBounded() throws {
        let deepest = String(repeating: "(", count: 63) + "a" + String(repeating: ")", count: 63)
        #expect(try Expression(deepest).value(of: Self.quantities) == Exact(6))
        for piece in ["(", "-", "min(", "ceil(1+", "1*("] {
            #expect(throws: ExpressionError.self) { try Expression(String(repeating: piece, count: 1_000)) }
            #expect(throws: ExpressionError.self) { try Expression(String(repeating: piece, count: 1_000_000)) }
        }
        let long = Array(repeating: "1", count: 2_000).joined(separator: "+")
        #expect(try Expression(long).value(of: [:]) == Exact(2_000))
        #expect(throws: ExpressionError.self) { try Expression(long + "+" + long) }
    }

    /// Random trees, written out with all parentheses, against evaluating the tree.
    @Test func agreesWithTheTree() throws {
        var random = SplitMix64(seed: 99)
        func tree(_ depth: Int) -> (String, Exact?) {
            if depth == 0 {
                let number = Int.random(in: 0...20, using: &random)
                return ("\(number)", Exact(number))
            }
            let (left, a) = tree(depth - 1)
            let (right, b) = tree(Int.random(in: 0..<depth, using: &random))
            guard let a, let b else { return ("(\(left)+\(right))", nil) }
            switch Int.random(in: 0..<6, using: &random) {
            case 0: return ("(\(left)+\(right))", try? a + b)
            case 1: return ("(\(left)-\(right))", try? a - b)
            case 2: return ("(\(left)*\(right))", try? a * b)
            case 3: return ("(\(left)/\(right))", try? a / b)
            case 4: return ("max(\(left),\(right))", a.isLess(than: b) ? b : a)
            default: return ("min(floor(\(left)),\(right))", Exact(a.floor).isLess(than: b) ? Exact(a.floor) : b)
            }
        }
        for _ in 0..<1_000 {
            let (text, expected) = tree(4)
            #expect((try? Expression(text).value(of: [:])) == expected, "\(text)")
        }
    }
}
