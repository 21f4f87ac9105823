import GatewayCore
import Testing

/// Identical calls in flight, over every order of events.
@Suite struct FlightTableTests {
    private typealias Table = FlightTable<String, Int>

    /// What every member of a flight knows of itself.
    private struct World {
        enum Fate: Hashable {
            case absent, leads, follows, left, landed, served
        }

        var table = Table()
        var fates: [Fate]

        init(members: Int) {
            fates = Array(repeating: .absent, count: members)
        }

        var leaders: Int { fates.filter { $0 == .leads }.count }
        var followers: Int { fates.filter { $0 == .follows }.count }
    }

    private enum Event: CaseIterable {
        case join, leave, land
    }

    /// Plays an event where it can happen, and holds the table to its promises. Returns whether it could.
    private func play(_ event: Event, _ member: Int, in world: inout World) -> Bool {
        switch (event, world.fates[member]) {
        case (.join, .absent):
            let hadLeader = world.leaders > 0
            let place = world.table.join("k", member)
            #expect(place == (hadLeader ? .follows : .leads))
            world.fates[member] = hadLeader ? .follows : .leads
        case (.leave, .follows):
            #expect(world.table.leave("k", member) == nil)
            world.fates[member] = .left
        case (.leave, .leads):
            let next = world.table.leave("k", member)
            world.fates[member] = .left
            #expect((next == nil) == (world.followers == 0))
            if let next {
                #expect(world.fates[next] == .follows)
                world.fates[next] = .leads
            }
        case (.land, .leads):
            for other in world.table.land("k", member) {
                #expect(world.fates[other] == .follows)
                world.fates[other] = .served
            }
            world.fates[member] = .landed
            #expect(world.followers == 0, "one that waited was forgotten")
        default:
            return false
        }
        #expect(world.leaders == (world.table.count > 0 ? 1 : 0), "a flight has one leader")
        #expect(world.leaders == 1 || world.followers == 0, "one waits for nobody")
        return true
    }

    @Test func everyOrderOfEventsLeavesNobodyWaiting() {
        var worlds = 0
        func explore(_ world: World) {
            worlds += 1
            for event in Event.allCases {
                for member in world.fates.indices {
                    var next = world
                    if play(event, member, in: &next) { explore(next) }
                }
            }
        }
        explore(World(members: 4))
        #expect(worlds > 4_000)
    }

    @Test func thoseThatWaitAreServedInTheirOrderAndOthersKeysAreTheirOwn() {
        var table = Table()
        for member in 0..<5 { _ = table.join("a", member) }
        #expect(table.join("b", 9) == .leads)
        #expect(table.leave("a", 2) == nil)
        #expect(table.land("a", 3).isEmpty, "one that does not lead has landed")
        #expect(table.leave("a", 0) == 1)
        #expect(table.land("a", 1) == [3, 4])
        #expect(table.count == 1)
    }

    /// What has left does not stay in a flight that goes on for long.
    @Test func aNewFlightBeginsWhenOneIsOver() {
        var table = Table()
        #expect(table.join("a", 1) == .leads)
        #expect(table.land("a", 1).isEmpty)
        #expect(table.land("a", 1).isEmpty)
        #expect(table.leave("a", 1) == nil)
        #expect(table.join("a", 2) == .leads)
        #expect(table.leave("a", 2) == nil)
        #expect(table.count == 0)
    }
}
