import GatewayCore

/// Which providers are being asked for their balances, and when those are asked again that have not told them: after 1, 2, 4 … 60 minutes.
struct BalanceWaits {
    /// How a question has ended.
    enum Outcome {
        case answered
        case failed(String)
        /// It was not due, or broken off.
        case none
    }

    /// What is to be told of a provider that has failed.
    struct Failure: Equatable {
        var reason: String
        /// How often it has by now.
        var tries: Int
        var again: Timestamp
        /// At most once an hour; what lies between is no news.
        var isWarning: Bool
    }

    private struct Course {
        var startedAt: Timestamp
        var isUnderWay = false
        var failures = 0
        var again: Timestamp?
        var warnedAt: Timestamp?
    }

    private var courses: [String: Course] = [:]
    private var generation = 0

    private static let longest: Int64 = 3600

    /// Whether a provider may be asked at an instant, and is from now on. A new generation may have mended what has failed.
    mutating func begin(_ provider: String, generation number: Int, at now: Timestamp) -> Bool {
        if number != generation {
            generation = number
            courses = courses.filter(\.value.isUnderWay)
        }
        var course = courses[provider] ?? Course(startedAt: now)
        if course.isUnderWay || course.again.map({ now < $0 }) == true { return false }
        course.startedAt = now
        course.isUnderWay = true
        courses[provider] = course
        return true
    }

    /// A question is over. Returns what is to be told of it.
    mutating func end(_ provider: String, _ outcome: Outcome) -> Failure? {
        guard var course = courses[provider] else { return nil }
        course.isUnderWay = false
        if case .answered = outcome { course = Course(startedAt: course.startedAt) }
        defer { courses[provider] = course }
        guard case .failed(let reason) = outcome else { return nil }
        let wait = min(60 << Int64(min(course.failures, 6)), Self.longest)
        course.failures += 1
        // From its beginning on, so that looks that are a minute apart ask after a minute.
        let again = course.startedAt.adding(seconds: wait)
        course.again = again
        let isWarning = course.warnedAt.map { course.startedAt >= $0.adding(seconds: Self.longest) } ?? true
        if isWarning { course.warnedAt = course.startedAt }
        return Failure(reason: reason, tries: course.failures, again: again, isWarning: isWarning)
    }
}
