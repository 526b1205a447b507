//! Blocks of commands in a document, with what they print, and whether that is what is really printed.

/// Stands for what varies: lines, or a part of one.
const ANYTHING: &str = "…";

/// Commands, and what they print.
pub(super) struct Block<'a> {
    pub(super) line: usize,
    /// The situation in which they are run.
    pub(super) given: Option<&'a str>,
    pub(super) language: &'a str,
    pub(super) lines: Vec<&'a str>,
}

/// All blocks of a document.
pub(super) fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block> = Vec::new();
    let (mut given, mut inside) = (None, None);
    for (number, line) in document.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        match (line.trim_start(), inside) {
            (fence, None) if fence.starts_with("```") => {
                blocks.push(Block {
                    line: number + 1,
                    given: given.take(),
                    language: fence.trim_start_matches('`'),
                    lines: Vec::new(),
                });
                inside = Some(indent);
            }
            ("```", Some(_)) => inside = None,
            // A block in a list is indented as a whole.
            (_, Some(indent)) => blocks
                .last_mut()
                .unwrap()
                .lines
                .push(line.get(indent..).unwrap_or("")),
            (comment, None) => {
                if let Some(situation) = comment.strip_prefix("<!-- given: ") {
                    given = situation.strip_suffix(" -->");
                }
            }
        }
    }
    assert_eq!(inside, None, "a block without an end");
    blocks
}

/// A command, and the lines that it prints.
pub(super) struct Step {
    pub(super) command: String,
    pub(super) expected: Vec<String>,
}

impl Block<'_> {
    /// Its commands, with names replaced by what they stand for.
    pub(super) fn steps(&self, named: impl Fn(&str) -> String) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for line in &self.lines {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step {
                    command: named(command),
                    expected: Vec::new(),
                }),
                None => steps.last_mut().unwrap().expected.push(squeezed(&named(line))),
            }
        }
        steps
    }
}

impl Step {
    /// Whether it printed what it should.
    pub(super) fn is_told_by(&self, printed: &str) -> bool {
        matches(&self.expected, &printed.lines().map(squeezed).collect::<Vec<_>>())
    }
}

/// Columns are as wide as what is in them.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn matches(expected: &[String], printed: &[String]) -> bool {
    match expected.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first == ANYTHING => {
            (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed
            .split_first()
            .is_some_and(|(line, others)| line_matches(first, line) && matches(rest, others)),
    }
}

fn line_matches(expected: &str, line: &str) -> bool {
    let Some((start, rest)) = expected.split_once(ANYTHING) else {
        return expected == line;
    };
    let Some(mut line) = line.strip_prefix(start) else {
        return false;
    };
    let mut parts = rest.split(ANYTHING).peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return line.ends_with(part);
        }
        let Some((_, behind)) = line.split_once(part) else {
            return false;
        };
        line = behind;
    }
    true
}

#[test]
fn what_differs_is_told_from_what_must_be_there() {
    let step = |expected: &str| Step {
        command: String::new(),
        expected: expected.lines().map(squeezed).collect(),
    };
    for (expected, printed, same) in [
        ("a  b", "a b", true),
        ("a", "a\nb", false),
        ("a\n…", "a\nb\nc", true),
        ("…\nc", "a\nb\nc", true),
        ("…\nd\n…", "a\nb\nc", false),
        ("age … s, … left", "age 12 s, 3 left", true),
        ("age … s, … left", "age 12 s", false),
        ("…", "", true),
        ("", "a", false),
    ] {
        assert_eq!(
            step(expected).is_told_by(printed),
            same,
            "{expected:?} of {printed:?}"
        );
    }
}
