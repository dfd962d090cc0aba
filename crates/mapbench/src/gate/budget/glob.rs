//! Globs over cells' names.

use std::collections::BTreeSet;

/// A pattern: `*` stands for anything, also across slashes, `?` for one character, `{a,b}` for either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    One(char),
    AnyOne,
    Anything,
    Either(Vec<Vec<Part>>),
}

impl Glob {
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        if pattern.is_empty() {
            return Err("an empty glob matches no cell; `*` matches all".to_owned());
        }
        // Alternatives that are open, outermost first; each with those before its last comma.
        let mut open: Vec<Vec<Vec<Part>>> = vec![vec![Vec::new()]];
        for c in pattern.chars() {
            let depth = open.len();
            let part = match c {
                '{' => {
                    open.push(vec![Vec::new()]);
                    continue;
                }
                ',' if depth > 1 => {
                    open[depth - 1].push(Vec::new());
                    continue;
                }
                '}' if depth > 1 => Part::Either(open.pop().unwrap_or_default()),
                '}' => return Err(format!("the glob `{pattern}` closes a brace that it does not open")),
                '*' => Part::Anything,
                '?' => Part::AnyOne,
                c => Part::One(c),
            };
            open.last_mut().and_then(|alternatives| alternatives.last_mut()).expect("one is always open").push(part);
        }
        match &mut open[..] {
            [whole] => Ok(Self(whole.pop().unwrap_or_default())),
            _ => Err(format!("the glob `{pattern}` opens a brace that it does not close")),
        }
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        reach(&self.0, &name, BTreeSet::from([0])).contains(&name.len())
    }
}

/// Where the parts can end in the name when they begin at one of `from`: all at once, so that no pattern takes long.
fn reach(parts: &[Part], name: &[char], from: BTreeSet<usize>) -> BTreeSet<usize> {
    parts.iter().fold(from, |from, part| match part {
        Part::One(c) => from.iter().filter(|at| name.get(**at) == Some(c)).map(|at| at + 1).collect(),
        Part::AnyOne => from.iter().filter(|at| **at < name.len()).map(|at| at + 1).collect(),
        Part::Anything => from.first().map_or_else(BTreeSet::new, |first| (*first..=name.len()).collect()),
        Part::Either(choices) => choices.iter().flat_map(|parts| reach(parts, name, from.clone())).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::Glob;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::parse(pattern).unwrap().matches(name)
    }

    #[test]
    fn what_matches() {
        let cell = "ratio-sweep/read-90/threads-2/dashmap";
        for pattern in [
            "*",
            cell,
            "*/dashmap",
            "ratio-sweep/*",
            "*/read-9?/*",
            "*/threads-{1,2}/*",
            "*/{flurry{,-pinned},dash*}",
            "**d**",
            "{*,x}",
        ] {
            assert!(matches(pattern, cell), "{pattern}");
        }
        for pattern in ["dashmap", "*/dashmap?", "*/read-?/*", "*/threads-{1,4}/*", "*/{papaya,scc}*", "?"] {
            assert!(!matches(pattern, cell), "{pattern}");
        }
        assert!(matches("a,b", "a,b") && matches("{a,}b", "b") && matches("é?", "éà"));
    }

    #[test]
    fn braces_must_be_paired() {
        assert_eq!(Glob::parse("a{b").unwrap_err(), "the glob `a{b` opens a brace that it does not close");
        assert_eq!(Glob::parse("{a}}").unwrap_err(), "the glob `{a}}` closes a brace that it does not open");
        assert!(Glob::parse("").is_err());
    }

    #[test]
    fn no_pattern_takes_long() {
        assert!(!matches(&format!("{}b", "*a".repeat(40)), &"a".repeat(2_000)));
    }
}
