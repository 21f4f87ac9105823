import AdapterFiles
import ArgumentParser
import GatewayCore
import JSONPath

struct Reload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Ask the running gateway to load its configuration and adapters again.",
        discussion: """
            Prints the generation in force then, or why the files were refused. Saved files are picked up by themselves; this says so.

            Example:
              gateway reload
            """)

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let admin = try options.configuration().admin
        guard let reply = await AdminClient(address: admin.listen, token: admin.token).send("POST", "/v1/reload") else {
            throw fail("gateway: no gateway answers on \(admin.listen); start one with 'gateway serve'")
        }
        guard let body = reply.json else { throw fail("gateway: the admin plane on \(admin.listen) answered \(reply.status) without JSON") }
        if reply.status == 200, let generation = body["generation"]?.number {
            let isChanged = body["changed"]?.bool == true
            print("generation \(generation.text)\(isChanged ? "" : ": nothing has changed")")
            for note in body["notes"]?.children ?? [] { print(note.string ?? "") }
            return
        }
        let problems = body["problems"]?.children.compactMap(\.string) ?? []
        throw fail(["gateway: refused: \(body["detail"]?.string ?? "the admin plane answered \(reply.status)")"] + problems)
    }
}
