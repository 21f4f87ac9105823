/// A place in a text file. Lines and columns start at 1; a column counts Unicode scalars, not bytes.
package struct SourceMark: Sendable, Hashable, Comparable {
    package var line: Int
    package var column: Int

    package init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// The first character of a file.
    package static let start = SourceMark(line: 1, column: 1)

    package static func < (left: SourceMark, right: SourceMark) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// One problem in one file, in the one-line form that editors and terminals make clickable.
package struct Diagnostic: Sendable, Hashable, CustomStringConvertible {
    /// How bad it is: an error keeps a file from being used, a warning does not.
    package enum Severity: String, Sendable, Hashable {
        case error
        case warning
    }

    package var file: String
    package var mark: SourceMark
    package var severity: Severity
    package var message: String

    package init(file: String, mark: SourceMark, severity: Severity = .error, message: String) {
        self.file = file
        self.mark = mark
        self.severity = severity
        // What was taken from the file and quoted on the way here by those who know nothing of lines.
        self.message = shortened(message, to: 800)
    }

    /// The line, counted from 1.
    package var line: Int { mark.line }

    /// The column in characters, counted from 1.
    package var column: Int { mark.column }

    /// `file:line:column: severity: message`, one line.
    package var description: String { "\(file):\(line):\(column): \(severity.rawValue): \(message)" }
}

/// Collects the problems of one or several files while they are read, so that all are reported at once.
///
/// Confined to the thread that decodes; hand on `sorted`, which is Sendable.
package final class Diagnostics {
    private var reported: [Diagnostic] = []
    private var seen: Set<Diagnostic> = []

    /// Whether at least one error (not merely a warning) was reported.
    package private(set) var hasErrors = false

    package init() {}

    /// Adds a problem. One that is already known is not repeated: a value behind an alias is read wherever it is used.
    package func report(_ diagnostic: Diagnostic) {
        guard seen.insert(diagnostic).inserted else { return }
        reported.append(diagnostic)
        if diagnostic.severity == .error { hasErrors = true }
    }

    /// Everything reported: by file name, within a file from top to bottom, at one place in the order of reporting.
    package var sorted: [Diagnostic] {
        reported.enumerated()
            .sorted { left, right in
                (left.element.file, left.element.line, left.element.column, left.offset)
                    < (right.element.file, right.element.line, right.element.column, right.offset)
            }
            .map(\.element)
    }
}
