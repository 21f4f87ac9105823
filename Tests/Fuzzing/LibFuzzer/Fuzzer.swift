import CLibFuzzer
import Glibc

/// `fuzzer TARGET …`: gives a target to libFuzzer, with libFuzzer's own arguments. Without any, names the targets.
@main
struct Fuzzer {
    // Written once, before libFuzzer runs the first input; its callback takes no context.
    nonisolated(unsafe) private static var target = FuzzTarget.all[0]

    static func main() {
        guard CommandLine.arguments.count > 1 else {
            for target in FuzzTarget.all { print(target.name, target.maximumLength) }
            return
        }
        guard let chosen = FuzzTarget.all.first(where: { $0.name == CommandLine.arguments[1] }) else {
            fatalError("there is no target '\(CommandLine.arguments[1])'")
        }
        target = chosen
        // The target's name is none of libFuzzer's business.
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
        var count = CommandLine.argc - 1
        arguments?[0] = CommandLine.unsafeArgv[0]
        exit(
            LLVMFuzzerRunDriver(&count, &arguments) { start, count in
                do {
                    _ = try Fuzzer.target.check(Array(UnsafeBufferPointer(start: start, count: count)))
                } catch {
                    fatalError("\(error)")
                }
                return 0
            })
    }
}
