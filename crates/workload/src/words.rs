//! A workload in words.

use std::fmt;

use crate::{Load, Mix, OpKind, Percent, Role, Space, Workload};

impl Workload {
    /// What it does, in a line.
    #[must_use]
    pub fn in_words(&self) -> String {
        workload(self)
    }

    /// What it does, by name: the operations, which keys they draw, the entries and the keys that there are, how long a
    /// map lives, and the types.
    #[must_use]
    pub fn facts(&self) -> [(&'static str, String); 6] {
        let load = self.load(self.read_pct()[0]);
        let operations = if self.is_swept() {
            swept(self)
        } else {
            let named = load.roles.len() > 1;
            let role = |role: &Role| format!("{}{}{}", name(role, named), role.mix, rate(role));
            load.roles.iter().map(role).collect::<Vec<_>>().join("; ")
        };
        let room = if load.capacity == load.population {
            "as much room".to_owned()
        } else {
            format!("room for {}", load.capacity)
        };
        let life = load.operations.map_or_else(
            || "one for the whole slice".to_owned(),
            |operations| format!("a new one every {operations} operations"),
        );
        let bytes = |name: &str| if name.bytes().all(|b| b.is_ascii_digit()) { " bytes" } else { "" };
        let value = load.value.name();
        let allocator =
            self.allocator.map_or_else(|| "any allocator".to_owned(), |allocator| format!("allocator {allocator}"));
        [
            ("operations", operations),
            ("keys drawn", self.distribution()),
            ("population", format!("{} at the start, and {room}", entries(load.population))),
            ("key range", key_range(&load)),
            ("a map", life),
            ("types", format!("key {}, value {value}{}, hasher {}, {allocator}", load.key, bytes(value), load.hasher)),
        ]
    }

    /// How operations draw their keys, as workload files write it; that of each role where they differ.
    #[must_use]
    pub fn distribution(&self) -> String {
        let load = self.load(self.read_pct()[0]);
        if load.trace.is_some() {
            return "as recorded".to_owned();
        }
        let draws = |role: &&Role| role.mix.kinds().any(|kind| kind != OpKind::Iterate);
        let drawing: Vec<&Role> = load.roles.iter().filter(draws).collect();
        match drawing.as_slice() {
            [] => "none: all is looked at".to_owned(),
            [first, others @ ..] if others.iter().all(|role| role.distribution == first.distribution) => {
                first.distribution.to_string()
            }
            all => {
                let each: Vec<String> =
                    all.iter().map(|role| format!("{}: {}", role.name, role.distribution)).collect();
                each.join(", ")
            }
        }
    }
}

impl fmt::Display for Mix {
    /// `90 % read, 10 % insert`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, kind) in self.kinds().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{} % {}", self.percent(kind), kind.name())?;
        }
        Ok(())
    }
}

fn workload(workload: &Workload) -> String {
    let shares = workload.read_pct();
    let load = workload.load(shares[0]);
    let mut parts: Vec<String> = Vec::new();
    if workload.is_swept() {
        parts.push(swept(workload));
    } else {
        parts.extend(load.roles.iter().map(|one| role(one, load.roles.len() > 1)));
    }
    parts.push(keys(&load));
    if let Some(operations) = load.operations {
        parts.push(format!("a new map every {operations} operations"));
    }
    parts.push(types(&load));
    parts.join("; ")
}

/// `100/99 % reads, else 50 % insert, 50 % remove`
fn swept(workload: &Workload) -> String {
    let shares: Vec<String> = workload.read_pct().iter().map(ToString::to_string).collect();
    let writes = workload.load(Percent::ZERO).roles[0].mix;
    format!("{} % reads, else {writes}", shares.join("/"))
}

fn role(role: &Role, named: bool) -> String {
    let mut text = name(role, named) + &role.mix.to_string();
    if role.mix.kinds().any(|kind| kind != OpKind::Iterate) {
        text += &format!(", {}", role.distribution);
    }
    text + &rate(role)
}

fn name(role: &Role, named: bool) -> String {
    if named { format!("{} ({}): ", role.name, threads(role)) } else { String::new() }
}

fn rate(role: &Role) -> String {
    role.rate_ops_s.map_or_else(String::new, |rate| format!(", {rate} a second each"))
}

fn threads(role: &Role) -> String {
    match role.threads {
        None => "all other threads".to_owned(),
        Some(threads) => counted(threads, "thread", "threads"),
    }
}

fn keys(load: &Load) -> String {
    match load.space {
        Space::Range(range) => format!("{} of {}", entries(load.population), counted(range, "key", "keys")),
        Space::Sets { hit_pct } => format!("{}, {hit_pct} % of reads hit", entries(load.population)),
        Space::Tables => format!("{}, room for {}", entries(load.population), load.capacity),
    }
}

fn entries(n: u32) -> String {
    counted(n, "entry", "entries")
}

fn counted(n: u32, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

fn key_range(load: &Load) -> String {
    match load.space {
        Space::Range(range) => counted(range, "key", "keys"),
        Space::Sets { hit_pct } => format!("as many keys as it takes for {hit_pct} % of reads to find theirs"),
        Space::Tables => "a table of keys a thread, which no other thread touches".to_owned(),
    }
}

fn types(load: &Load) -> String {
    format!("key {}, value {}, {}", load.key, load.value, load.hasher)
}

#[cfg(test)]
mod tests {
    use crate::Workload;

    const HEAD: &str = "name = \"w\"\nquestion = \"?\"\nsource = \"s\"\npopulation = 10\n";

    fn one(rest: &str) -> Workload {
        Workload::parse(&format!("{HEAD}{rest}")).unwrap().remove(0)
    }

    #[test]
    fn a_sweep_is_told_in_a_line_and_by_its_facts() {
        let sweep = one("key_range = 20\nread_pct = [100, 99.5, 0]\n[writes]\ninsert = 50\nremove = 50\n");
        let operations = "100/99.5/0 % reads, else 50 % insert, 50 % remove";
        assert_eq!(sweep.in_words(), format!("{operations}; 10 entries of 20 keys; key u64, value 8, foldhash"));
        let facts = sweep.facts().map(|(name, text)| format!("{name}: {text}"));
        assert_eq!(
            facts,
            [
                &format!("operations: {operations}"),
                "keys drawn: uniform",
                "population: 10 entries at the start, and as much room",
                "key range: 20 keys",
                "a map: one for the whole slice",
                "types: key u64, value 8 bytes, hasher foldhash, any allocator",
            ]
        );
    }

    #[test]
    fn one_is_singular() {
        let hot = Workload::parse(&format!("{}key_range = 1\n[mix]\nread = 100\n", HEAD.replace("10", "1")))
            .unwrap()
            .remove(0);
        assert!(hot.in_words().contains("; 1 entry of 1 key; "), "{}", hot.in_words());
        assert_eq!(hot.facts()[3].1, "1 key");
    }

    #[test]
    fn roles_have_their_own_mix_and_keys() {
        let roles = one("key_range = 10\n[[role]]\nname = \"writer\"\nthreads = 1\nmix = { insert = 100 }\n\
             rate_ops_s = 100\ndistribution = \"zipf:0.9\"\n[[role]]\nname = \"readers\"\nthreads = \"rest\"\n\
             mix = { read = 95.5, iterate = 4.5 }\n");
        let [operations, drawn, ..] = roles.facts().map(|(_, text)| text);
        assert_eq!(
            operations,
            "writer (1 thread): 100 % insert, 100 a second each; readers (all other threads): 95.5 % read, 4.5 % iterate"
        );
        assert_eq!(drawn, "writer: zipf:0.9, readers: uniform");
    }

    #[test]
    fn a_map_that_is_built_anew_and_fixed_hits_are_said() {
        let fixed = one("hit_pct = 80\ncapacity = 64\noperations = 100\n[mix]\nread = 90\ninsert = 5\nremove = 5\n");
        let facts = fixed.facts().map(|(_, text)| text);
        assert_eq!(facts[2], "10 entries at the start, and room for 64");
        assert_eq!(facts[3], "as many keys as it takes for 80 % of reads to find theirs");
        assert_eq!(facts[4], "a new one every 100 operations");
        let looks = one("key_range = 10\n[mix]\niterate = 100\n");
        assert_eq!(looks.distribution(), "none: all is looked at");
    }
}
