import LedgerConformance
import TestSupport
import Testing

@testable import GatewayCore

/// Budgets that several gateways share: exact whatever is lost, whoever is killed, and in whatever order.
@Suite struct LeaseTests {
    static let limits = Budget(
        workspace: WindowLimits(daily: Money(nanos: 600), monthly: Money(nanos: 2000)),
        providers: ["p": WindowLimits(daily: Money(nanos: 350))],
        users: Budget.UserLimits(standard: WindowLimits(daily: Money(nanos: 250), monthly: nil)))

    func walk(_ world: inout LeaseWorld, steps: Int, changesLimits: Bool = false) {
        for _ in 0..<steps {
            let index = Int.random(in: world.gateways.indices, using: &world.random)
            switch Int.random(in: 0..<100, using: &world.random) {
            case 0..<30: world.begin(index)
            case 30..<45: world.end(index)
            case 45..<60: world.exchange(index, isOpening: false, isTick: world.chance(3))
            case 60..<70: world.exchange(index, isOpening: true)
            case 70..<80: world.retry(index)
            case 80..<88: world.write(index)
            case 88..<92: world.look(index)
            case 92..<94: world.kill(index)
            case 94..<97: if !world.gateways[index].isUp { world.start(index) }
            case 97: world.database.forgetWishes()
            case 98: world.now = world.now.adding(seconds: .random(in: 0...9000, using: &world.random))
            default:
                guard changesLimits else { break }
                var next = Self.limits
                next.workspace.daily = Money(nanos: .random(in: 100...900, using: &world.random))
                next.enforcement = world.chance(8) ? .shadow : .enforce
                world.adopt(next)
            }
            world.check()
        }
    }

    @Test(arguments: 0..<6 as Range<UInt64>)
    func neverMoreThanTheLimitsWhateverHappens(seed: UInt64) {
        var world = LeaseWorld(seed: seed, budget: Self.limits)
        world.overcharges = seed % 3 == 0
        walk(&world, steps: 700)
        #expect(world.through > 5, "\(world.through) through, \(world.refused) refused")
        world.settleDown()
        world.check()
        // A call of nothing shows what others have spent.
        for index in world.gateways.indices { world.begin(index, estimate: 0) }
        world.settleDown(rounds: 3)
        for gateway in world.gateways {
            #expect(gateway.waiting.isEmpty && gateway.accounts.snapshot.held == .zero)
            for (key, sum) in world.truth where key.scope == .workspace && key.end > world.now {
                let status = gateway.accounts.status(workspace: "acme", user: nil, provider: nil, budget: world.budget, at: world.now)
                let window = status.daily.window.end == key.end ? status.daily : status.monthly
                let isKnown = gateway.accounts.snapshot(workspace: "acme") != nil
                if isKnown { #expect(window.spent.nanos == sum, "\(gateway.name) \(key)") }
            }
        }
        // Nobody has calls: everything unused has gone back.
        for (key, sum) in world.database.allocated where key.end > world.now { #expect(sum == world.truth[key] ?? 0, "\(key)") }
    }

    @Test(arguments: 0..<6 as Range<UInt64>)
    func limitsThatChangeHoldForWhatBeginsThen(seed: UInt64) {
        var world = LeaseWorld(seed: 100 + seed, budget: Self.limits)
        walk(&world, steps: 700, changesLimits: true)
        world.adopt(Self.limits)
        world.settleDown()
        var lower = Self.limits
        lower.workspace.daily = Money(nanos: 1)
        for index in world.gateways.indices { world.begin(index, estimate: 3) }
        world.settleDown(rounds: 3)
        world.adopt(lower)
        world.settleDown(rounds: 4)
        for (key, sum) in world.database.allocated where key.end > world.now { #expect(sum == world.truth[key] ?? 0, "\(key)") }
    }

    /// Callers who keep asking get everything, to less than one call's cost, wherever the slices were.
    @Test(arguments: 0..<6 as Range<UInt64>)
    func nothingIsLeftWhileCallersKeepAsking(seed: UInt64) {
        var world = LeaseWorld(seed: 200 + seed, budget: Budget(workspace: WindowLimits(daily: Money(nanos: 1000))))
        walk(&world, steps: 300)
        world.settleDown()
        let cost = Int64(7)
        var idleRounds = 0
        while idleRounds < 12 {
            let before = world.through
            for index in world.gateways.indices {
                world.begin(index, estimate: cost)
                world.look(index)
                for _ in 0..<4 {
                    world.exchange(index, isOpening: true)
                    world.exchange(index, isOpening: false, isTick: world.chance(3))
                    world.retry(index)
                }
                world.check()
            }
            idleRounds = world.through == before ? idleRounds + 1 : 0
            if world.chance(5) { world.database.forgetWishes() }
        }
        let windows = Zone.utc.windows(at: world.now)
        let key = AccountKey(workspace: "acme", scope: .workspace, start: windows.daily.start, end: windows.daily.end)
        let spent = world.truth[key] ?? 0
        #expect(spent > 1000 - cost && spent <= 1000 + (world.excused[key] ?? 0), "\(spent)")
    }
}
