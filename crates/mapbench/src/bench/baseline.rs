//! Results kept under a name, and the comparison with them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use mapbench_results::{Cell, Run};

use super::name_of;
use crate::cli::Failure;
use crate::run::results_dir;

/// Remembers a run under a name.
pub(super) fn save(name: &str, dir: &Path) -> Result<(), Failure> {
    let file = pointer(name)?;
    let told = |error: std::io::Error| Failure::usage(format!("cannot write {}: {error}", file.display()));
    let run = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    fs::create_dir_all(file.parent().expect("the pointer lies in a folder")).map_err(told)?;
    fs::write(&file, run).map_err(told)?;
    println!("kept as baseline `{name}`");
    Ok(())
}

/// The run that a name stands for.
pub(super) fn find(name: &str) -> Result<Run, Failure> {
    let file = pointer(name)?;
    let run = fs::read_to_string(&file).map_err(|error| {
        let file = file.display();
        Failure::usage(format!("no baseline `{name}` ({file}: {error}); --save-baseline {name} makes one"))
    })?;
    Ok(Run::read(&results_dir().join(run.trim()))?)
}

/// Prints every cell whose interval lies apart from the baseline's.
pub(super) fn compare(name: &str, run: &Run) -> Result<(), Failure> {
    let before = find(name)?;
    let old: HashMap<String, &Cell> = before.cells.iter().map(|cell| (name_of(cell), cell)).collect();
    let (mut compared, mut lines) = (0, Vec::new());
    for cell in &run.cells {
        let Some(change) = old.get(&name_of(cell)).and_then(|old| change(old, cell)) else { continue };
        compared += 1;
        lines.extend(change.map(|factor| format!("    {factor:.2}x  {}", name_of(cell))));
    }
    println!("against baseline `{name}` ({}): {compared} cells compared", before.provenance.started);
    println!("throughput, times the baseline's, where the two intervals lie apart:");
    lines.iter().for_each(|line| println!("{line}"));
    println!(
        "{} of {compared} cells; two runs made one after the other also differ by what the machine did meanwhile",
        lines.len()
    );
    Ok(())
}

/// `None`: not comparable. `Some(None)`: the intervals overlap. Else the factor.
fn change(old: &Cell, new: &Cell) -> Option<Option<f64>> {
    let (old_low, old_high) = (old.throughput_low_ops_s?, old.throughput_high_ops_s?);
    let (new_low, new_high) = (new.throughput_low_ops_s?, new.throughput_high_ops_s?);
    let factor = new.throughput_ops_s? as f64 / old.throughput_ops_s? as f64;
    Some((new_low > old_high || new_high < old_low).then_some(factor))
}

fn pointer(name: &str) -> Result<PathBuf, Failure> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) || name.starts_with('.')
    {
        return Err(Failure::usage(format!("a baseline's name is made of letters, digits and -_.; {name:?} is not")));
    }
    Ok(results_dir().join("baselines").join(name))
}
