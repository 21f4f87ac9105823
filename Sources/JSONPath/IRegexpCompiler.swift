/// Writes an expression's tree out as instructions.
struct IRegexpCompiler {
    private(set) var program: [IRegexp.Instruction] = []

    mutating func compile(_ tree: IRegexpTree) throws(IRegexpError) {
        switch tree {
        case .scalars(let scalars):
            try append(.consume(scalars))
        case .edge(let edge):
            try append(.require(edge))
        case .sequence(let parts):
            for part in parts { try compile(part) }
        case .alternatives(let branches):
            var jumps: [Int] = []
            for branch in branches.dropLast() {
                let split = try append(.split(0, 0))
                try compile(branch)
                jumps.append(try append(.jump(0)))
                program[split] = .split(split + 1, program.count)
            }
            if let last = branches.last { try compile(last) }
            for jump in jumps { program[jump] = .jump(program.count) }
        case .repeated(let body, let least, let most):
            try compileRepeated(body, least: least, most: most)
        }
    }

    private mutating func compileRepeated(_ body: IRegexpTree, least: Int, most: Int?) throws(IRegexpError) {
        for _ in 0..<least {
            let start = program.count
            try compile(body)
            // A body that is nothing stays nothing, however often it is repeated.
            if program.count == start { return }
        }
        guard let most else {
            let split = try append(.split(0, 0))
            try compile(body)
            try append(.jump(split))
            program[split] = .split(split + 1, program.count)
            return
        }
        var splits: [Int] = []
        for _ in 0..<most - least {
            splits.append(try append(.split(0, 0)))
            try compile(body)
        }
        for split in splits { program[split] = .split(split + 1, program.count) }
    }

    @discardableResult
    private mutating func append(_ instruction: IRegexp.Instruction) throws(IRegexpError) -> Int {
        guard program.count < IRegexp.maximumSize else { throw .tooLarge }
        program.append(instruction)
        return program.count - 1
    }
}
