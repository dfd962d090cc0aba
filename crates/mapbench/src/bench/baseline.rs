//! Results kept under a name, and the comparison with them.

use std::fs;
use std::path::{Path, PathBuf};

use mapbench_report::{Cells, Input, diff};
use mapbench_results::Run;

use crate::failure::Failure;
use crate::output;
use crate::run::results_dir;

/// Remembers a run under a name.
pub(super) fn save(name: &str, dir: &Path) -> Result<(), Failure> {
    let file = pointer(name)?;
    let told = |error: std::io::Error| Failure::usage(format!("cannot write {}: {error}", file.display()));
    let run = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    fs::create_dir_all(file.parent().expect("the pointer lies in a folder")).map_err(told)?;
    fs::write(&file, run).map_err(told)?;
    output::line(format_args!("kept as baseline `{name}`"))?;
    Ok(())
}

/// The run that a name stands for.
pub(super) fn find(name: &str) -> Result<Run, Failure> {
    let file = pointer(name)?;
    let run = fs::read_to_string(&file).map_err(|error| {
        let file = file.display();
        Failure::usage(format!("no baseline `{name}` ({file}: {error}); --save-baseline {name} makes one"))
    })?;
    let run = Path::new(run.trim());
    // Never out of the results, whatever somebody wrote there.
    if run.file_name() != Some(run.as_os_str()) {
        let file = file.display();
        return Err(Failure::usage(format!(
            "{file} does not hold the name of a run; --save-baseline {name} makes it anew"
        )));
    }
    Ok(Run::read(&results_dir().join(run))?)
}

/// Prints what differs from the baseline.
pub(super) fn compare(name: &str, run: &Run) -> Result<(), Failure> {
    let before = find(name)?;
    output::line(format_args!("\nthis run (B) against baseline `{name}` (A):"))?;
    output::print(output::shown(&diff(&Input::of(&before), &Input::of(run), Cells::Changed)))?;
    Ok(())
}

fn pointer(name: &str) -> Result<PathBuf, Failure> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) || name.starts_with('.')
    {
        return Err(Failure::usage(format!("a baseline's name is made of letters, digits and -_.; {name:?} is not")));
    }
    Ok(results_dir().join("baselines").join(name))
}
