//! Where in the maps' sources lines are transferred: from addresses of the simulator to functions, files and lines.

use std::collections::HashMap;
use std::fmt::Display;
use std::path::Path;

use mapbench_results::HotSpot;

use super::cells::{Cell, Outcome};
use super::protocol::Place;
use crate::failure::Failure;
use crate::symbols::{Debug, debug};

/// Places of a cell that are shown, at most ...
const SHOWN: usize = 12;

/// ... and only those that make at least this share of its transfers.
const LEAST_SHARE: f64 = 0.01;

/// A place in the sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Source {
    function: String,
    file: String,
    line: u32,
    caller: String,
}

/// The rows of `hot-spots.csv`: of every cell the places that make most of its transfers.
pub(crate) fn hot_spots(executable: &Path, outcomes: &[Outcome]) -> Result<Vec<HotSpot>, Failure> {
    let unreadable = |error: &dyn Display| {
        let file = executable.display();
        Failure::usage(format!("{file} has no debug information that can be read: {error}; build it again"))
    };
    let bytes = std::fs::read(executable).map_err(|error| unreadable(&error))?;
    let debug = debug(&bytes).map_err(|error| unreadable(&error))?;
    let mut known: HashMap<u64, Source> = HashMap::new();
    let mut rows = Vec::new();
    for Outcome { cell, counted } in outcomes {
        let Ok(counted) = counted else { continue };
        let total: u64 = counted.places.iter().map(Place::transfers).sum();
        for place in counted.places.iter().take(SHOWN) {
            if (place.transfers() as f64) < LEAST_SHARE * total as f64 {
                break;
            }
            let source = known.entry(place.address).or_insert_with(|| find(&debug, place.address));
            let operations =
                counted.kinds.iter().find(|kind| kind.kind == place.kind).map_or(0, |kind| kind.operations);
            rows.push(row(cell, place, operations, source.clone()));
        }
    }
    Ok(rows)
}

fn row(cell: &Cell, place: &Place, operations: u64, source: Source) -> HotSpot {
    HotSpot {
        strategy: cell.strategy.clone(),
        workload: cell.workload.clone(),
        read_pct: cell.read_pct,
        cores: cell.cores,
        kind: place.kind.clone(),
        operations,
        function: source.function,
        file: source.file,
        line: source.line,
        caller: source.caller,
        lines: place.lines,
        busiest_line: place.busiest_line,
        reads_modified: place.reads_modified,
        invalidating_writes: place.invalidating_writes,
        false_sharing: place.false_sharing,
    }
}

/// The function that accessed, whatever of `core` was inlined into it, and its first caller from elsewhere.
fn find(debug: &Debug, address: u64) -> Source {
    let mut frames: Vec<(String, String, u32)> = Vec::new();
    // Before the return address, or it might be the next line's.
    if let Ok(mut found) = debug.find_frames(address - 1).skip_all_loads() {
        while let Ok(Some(frame)) = found.next() {
            let function = frame.function.and_then(|name| name.demangle().ok().map(|name| bare(&name)));
            let (file, line) = frame.location.map_or((String::new(), 0), |place| {
                (place.file.map(short).unwrap_or_default(), place.line.unwrap_or(0))
            });
            frames.push((function.unwrap_or_else(|| "an unnamed function".to_owned()), file, line));
        }
    }
    let own = frames.iter().position(|(_, file, _)| !file.starts_with("core/")).unwrap_or(0);
    let Some((function, file, line)) = frames.get(own).cloned() else {
        return Source { function: format!("{address:#x}"), ..Source::default() };
    };
    let crate_of = |file: &str| file.split('/').next().unwrap_or_default().to_owned();
    let elsewhere = frames[own..].iter().find(|frame| crate_of(&frame.1) != crate_of(&file));
    let caller = elsewhere.map(|(function, file, line)| format!("{function} ({file}:{line})")).unwrap_or_default();
    Source { function, file, line, caller }
}

/// A path from the crate's folder on: `dashmap-6.2.1/src/lib.rs`, `std/src/sync/rwlock.rs`.
fn short(path: &str) -> String {
    for marker in ["/library/", "/crates/adapters/", "/crates/"] {
        if let Some((_, rest)) = path.rsplit_once(marker) {
            return rest.to_owned();
        }
    }
    let parts: Vec<&str> = path.split('/').collect();
    let source = parts.iter().rposition(|part| *part == "src").unwrap_or(1);
    parts[source.saturating_sub(1)..].join("/")
}

/// A function's name without the parameters of its types and the disambiguating hash.
fn bare(name: &str) -> String {
    let mut depth = 0_u32;
    let mut bare = String::new();
    let mut previous = ' ';
    for c in name.chars() {
        match c {
            '<' => depth += 1,
            // Not of an arrow.
            '>' if previous != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => bare.push(c),
            _ => {}
        }
        previous = c;
    }
    let parts: Vec<&str> = bare.split("::").filter(|part| !part.is_empty()).collect();
    let hashed = parts.last().is_some_and(|last| {
        last.len() == 17 && last.starts_with('h') && last[1..].chars().all(|c| c.is_ascii_hexdigit())
    });
    parts[..parts.len() - usize::from(hashed)].join("::")
}

#[cfg(test)]
mod tests {
    use object::{Object, ObjectSymbol};

    use super::*;

    #[test]
    fn paths_begin_at_the_crate() {
        let registry = "/home/x/.cargo/registry/src/index-1/dashmap-6.2.1/src/lock.rs";
        assert_eq!(short(registry), "dashmap-6.2.1/src/lock.rs");
        assert_eq!(short("/rustc/abc/library/std/src/sys/sync/rwlock/futex.rs"), "std/src/sys/sync/rwlock/futex.rs");
        assert_eq!(short("/home/x/mapbench/crates/adapters/lock/src/lib.rs"), "lock/src/lib.rs");
        assert_eq!(short("main.rs"), "main.rs");
    }

    #[test]
    fn names_are_without_parameters() {
        assert_eq!(bare("dashmap::DashMap<K,V,S>::_get::h0123456789abcdef"), "dashmap::DashMap::_get");
        assert_eq!(bare("<scc::HashMap<K, V, H> as core::Trait>::read"), "read");
        assert_eq!(bare("f::{{closure}}"), "f::{{closure}}");
    }

    /// In this program's own debug information, which test builds have.
    #[test]
    fn a_function_is_found_by_its_address() {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let debug = debug(&bytes).unwrap();
        assert_eq!(find(&debug, 1 << 60).function, "0x1000000000000000");
        known_place();
        let file = object::File::parse(&*bytes).unwrap();
        let symbol = file.symbols().find(|symbol| symbol.name().is_ok_and(|name| name.contains("known_place")));
        let found = find(&debug, symbol.expect("it is called and not inlined").address() + 1);
        assert!(found.function.ends_with("known_place") && found.line > 0, "{found:?}");
        assert!(found.file.ends_with("src/forecast/source.rs"), "{found:?}");
    }

    #[inline(never)]
    fn known_place() {
        std::hint::black_box(0);
    }
}
