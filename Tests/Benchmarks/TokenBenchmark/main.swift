import Foundation
import TokenCounting

// The Swift half of Tests/Benchmarks/tokens: counts what a file holds, and says how long it took.
//
// The file: for each text its length (32 bits, the lowest byte first) and its bytes. On standard input a line for each round, `ENCODING REPEATS`, and for
// each a line on standard output, `SECONDS TOKENS`. Before them, `load` is answered by the seconds that reading the vocabularies took.

/// The processor's time, so that neighbours on the machine do not count.
func seconds(_ body: () -> Void) -> Double {
    func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
    let start = now()
    body()
    return now() - start
}

guard CommandLine.arguments.count == 2, let data = FileManager.default.contents(atPath: CommandLine.arguments[1]) else {
    FileHandle.standardError.write(Data("usage: TokenBenchmark FILE\n".utf8))
    exit(64)
}
var texts: [[UInt8]] = []
var position = 0
while position + 4 <= data.count {
    let length = (0..<4).reduce(0) { $0 | Int(data[position + $1]) << (8 * $1) }
    texts.append([UInt8](data[position + 4..<position + 4 + length]))
    position += 4 + length
}

func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

while let line = readLine() {
    if line == "load" {
        say("\(seconds { for tokenizer in Tokenizer.allCases { tokenizer.prepare() } })")
        continue
    }
    let words = line.split(separator: " ")
    guard words.count == 2, let tokenizer = Tokenizer(rawValue: String(words[0])), let repeats = Int(words[1]) else { exit(64) }
    var tokens = 0
    let time = seconds {
        for _ in 0..<repeats {
            for text in texts { tokens += tokenizer.count(text.span) }
        }
    }
    say("\(time) \(tokens)")
}
