//! Claims that a program is refused by the compiler: it is given to the compiler.

use std::path::Path;
use std::process::Command;

use mapbench_results::ClaimVerdict;

use super::Found;
use super::file::{Program, Refusal};

/// What the compiler says of a program.
enum Said {
    Compiles,
    /// The codes of its errors.
    Errors(Vec<String>),
}

/// Gives every program to the compiler, a case each, and beside it the same program with what makes it right.
pub(super) fn test(claim: &Refusal) -> Vec<Found> {
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    claim.program.iter().map(|program| refuse(Path::new(&compiler), program)).collect()
}

fn refuse(compiler: &Path, program: &Program) -> Found {
    let mut found = Found {
        case: program.name.clone(),
        subject: "std HashMap".to_owned(),
        unit: "of the programs refused",
        ..Found::default()
    };
    let said = compile(compiler, &program.code).and_then(|code| Ok((code, compile(compiler, &program.allowed)?)));
    match said {
        Err(problem) => found.judgement.1 = problem,
        Ok((_, Said::Errors(codes))) => {
            found.judgement.1 = format!("the program made right does not compile either: {}", codes.join(", "));
        }
        Ok((Said::Compiles, _)) => {
            found.measured = Some(0.0);
            found.judgement = (ClaimVerdict::Refuted, "the compiler accepts it".to_owned());
        }
        Ok((Said::Errors(codes), _)) => {
            found.samples = 1;
            found.measured = Some(1.0);
            let said = codes.join(", ");
            found.judgement = if codes.contains(&program.error) {
                (ClaimVerdict::Reproduced, format!("the compiler refuses it with {said}, and accepts it made right"))
            } else {
                (ClaimVerdict::Refuted, format!("the compiler refuses it with {said}, not with {}", program.error))
            };
        }
    }
    found
}

/// Compiles a program without making anything of it.
fn compile(compiler: &Path, code: &str) -> Result<Said, String> {
    let name = compiler.display();
    let mut child = Command::new(compiler)
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "lib",
            "--crate-name",
            "claim",
            "--emit",
            "metadata",
            "--error-format",
            "short",
        ])
        // What would be made goes nowhere.
        .args(["-o", "-", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name} cannot be run: {error}; install Rust, or say in RUSTC where it is"))?;
    let mut stdin = child.stdin.take().expect("standard input is piped");
    std::io::Write::write_all(&mut stdin, code.as_bytes())
        .map_err(|error| format!("{name} does not listen: {error}"))?;
    drop(stdin);
    let output = child.wait_with_output().map_err(|error| format!("{name} does not answer: {error}"))?;
    if output.status.success() {
        return Ok(Said::Compiles);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let codes: Vec<String> =
        text.split("error[").skip(1).filter_map(|rest| rest.split_once(']').map(|(code, _)| code.to_owned())).collect();
    if codes.is_empty() {
        let line = text.lines().next().unwrap_or("it said nothing");
        return Err(format!("{name} failed without an error code: {line}"));
    }
    Ok(Said::Errors(codes))
}

#[cfg(test)]
mod tests {
    use super::{Program, refuse};
    use mapbench_results::ClaimVerdict::{CannotBeTested, Refuted, Reproduced};
    use std::path::Path;

    fn judged(code: &str, allowed: &str) -> (mapbench_results::ClaimVerdict, String) {
        let program = |text: &str| format!("pub fn f() {{ {text} }}");
        let program =
            Program { name: "p".to_owned(), error: "E0382".to_owned(), code: program(code), allowed: program(allowed) };
        refuse(Path::new("rustc"), &program).judgement
    }

    const MOVED: &str = "let a = String::new(); drop(a); drop(a);";
    const RIGHT: &str = "let a = String::new(); drop(a.clone()); drop(a);";

    #[test]
    fn the_compiler_decides() {
        assert_eq!(judged(MOVED, RIGHT).0, Reproduced);
        assert_eq!(judged(RIGHT, RIGHT), (Refuted, "the compiler accepts it".to_owned()));
        let other = judged("let a: u8 = \"\"; drop(a);", RIGHT);
        assert_eq!(other, (Refuted, "the compiler refuses it with E0308, not with E0382".to_owned()));
        assert_eq!(judged(MOVED, MOVED).0, CannotBeTested);
    }

    #[test]
    fn without_a_compiler_nothing_can_be_said() {
        let program =
            Program { name: String::new(), error: String::new(), code: String::new(), allowed: String::new() };
        let (verdict, why) = refuse(Path::new("/nonexistent/rustc"), &program).judgement;
        assert_eq!(verdict, CannotBeTested);
        assert!(why.starts_with("/nonexistent/rustc cannot be run: "), "{why}");
    }
}
