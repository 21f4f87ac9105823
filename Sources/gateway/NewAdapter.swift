import AdapterFiles
import ArgumentParser
import Foundation
import GatewayCore

struct NewAdapter: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new-adapter",
        abstract: "Write a commented adapter to start from, which passes `gateway check`.",
        discussion: """
            It goes into the configuration's folder of adapters, as NAME.yaml. A file that is there already stays as it is.

            Example:
              gateway new-adapter acmedata && gateway check plugins/acmedata.yaml
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The provider, as callers will name it: a letter a–z, then letters, digits and '-'.")
    var name: String

    func validate() throws {
        guard ProviderName.isValid(name) else {
            throw ValidationError("'\(name)' is no provider's name: a letter a–z, then letters, digits and '-', at most 64.")
        }
    }

    func run() throws {
        let folder = try options.configuration().plugins
        let path = URL(fileURLWithPath: folder).appendingPathComponent("\(name).yaml")
        do {
            try Data(AdapterTemplate.text(provider: name).utf8).write(to: path, options: .withoutOverwriting)
        } catch CocoaError.fileWriteFileExists {
            throw fail("gateway: \(path.path) is there already, and stays as it is")
        } catch {
            throw fail("gateway: cannot write \(path.path): \(error.localizedDescription)")
        }
        print(path.path)
    }
}
