/// What became of an attempt to load the configuration again.
package enum ReloadOutcome: Sendable, Hashable {
    /// In force from now on; `notes` say what a reader should know (changes that need a restart, adapters that are off).
    case replaced(generation: Int, notes: [String])
    /// The files say what is in force already.
    case unchanged(generation: Int)
    /// The generation in force stays; one line a problem.
    case refused(generation: Int, problems: [String])
}
