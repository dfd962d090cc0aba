//! Where the numbers come from: the machine, the build, the source.

use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use mapbench_results::{Build, Host};

use crate::{counting, system};

/// The machine as it is now. `steal_ns` is what is known so far.
pub(crate) fn host(steal_ns: u64) -> Host {
    Host {
        name: line("/proc/sys/kernel/hostname").unwrap_or_else(|| "unknown".to_owned()),
        cpu: fs::read_to_string("/proc/cpuinfo")
            .ok()
            .and_then(|text| cpu(&text))
            .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: system::processors().len() as u32,
        threads_per_core: threads_per_core(),
        caches: caches(),
        governor: line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        kernel: kernel(),
        virtualisation: virtualisation(),
        memory_bytes: meminfo("MemTotal:"),
        steal_ns,
        clock: None,
    }
}

/// How this program was built.
pub(crate) fn build() -> Build {
    let revision = git(&["rev-parse", "HEAD"]);
    let dirty = git(&["status", "--porcelain"]).map(|changes| !changes.is_empty());
    Build {
        rustc: env!("MAPBENCH_RUSTC").to_owned(),
        target: env!("MAPBENCH_TARGET").to_owned(),
        profile: env!("MAPBENCH_PROFILE").to_owned(),
        flags: env!("MAPBENCH_FLAGS").to_owned(),
        target_features: env!("MAPBENCH_TARGET_FEATURES").to_owned(),
        allocator: allocator(),
        dirty: revision.as_ref().and(dirty),
        revision,
    }
}

/// Says which allocator this program has set as its global one, so that its results name it. A program that has set none has
/// the system's, and need not say so.
pub fn declare_allocator(name: &'static str) {
    // The first call is the program's.
    let _ = ALLOCATOR.set(name);
}

static ALLOCATOR: OnceLock<&str> = OnceLock::new();

/// The global allocator of this program, and so of its workers.
pub(crate) fn allocator() -> String {
    let name = ALLOCATOR.get().copied().unwrap_or("system");
    if counting::counts() { format!("{name}, counted") } else { name.to_owned() }
}

/// Memory that can be had without swapping, in bytes.
pub(crate) fn memory_available_bytes() -> u64 {
    meminfo("MemAvailable:")
}

/// A git answer about the checkout that this program was built from; `None` where it is gone or git is.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn line(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The processor's name and what tells it from others of that name: clouds call several generations by one.
fn cpu(cpuinfo: &str) -> Option<String> {
    let field = |name: &str| {
        let fields = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        fields.map(|(key, value)| (key.trim(), value.trim())).find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let of = |fields: &[(&str, &str)]| -> Option<String> {
        let said: Option<Vec<String>> =
            fields.iter().map(|(name, said)| Some(format!("{said} {}", field(name)?))).collect();
        Some(said?.join(", "))
    };
    let x86 = of(&[("cpu family", "family"), ("model", "model"), ("stepping", "stepping")]);
    match (field("model name"), x86) {
        (Some(name), Some(which)) => Some(format!("{name} ({which})")),
        (Some(name), None) => Some(name.to_owned()),
        (None, _) => of(&[("CPU implementer", "implementer"), ("CPU part", "part"), ("CPU revision", "revision")]),
    }
}

fn threads_per_core() -> Option<u32> {
    let siblings = line("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list")?;
    // A list such as `0,4` or a range such as `0-1`.
    let count = siblings.split(',').map(|part| match part.split_once('-') {
        Some((first, last)) => Some(last.parse::<u32>().ok()? - first.parse::<u32>().ok()? + 1),
        None => Some(1),
    });
    count.sum()
}

fn caches() -> String {
    let described = (0..8).filter_map(|index| {
        let field = |name: &str| line(&format!("/sys/devices/system/cpu/cpu0/cache/index{index}/{name}"));
        let kind = match field("type")?.as_str() {
            "Data" => "d",
            "Instruction" => "i",
            _ => "",
        };
        Some(format!("L{}{kind} {}", field("level")?, field("size")?))
    });
    described.collect::<Vec<_>>().join(", ")
}

fn kernel() -> String {
    let name = rustix::system::uname();
    format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy())
}

fn virtualisation() -> Option<String> {
    let hypervisor = fs::read_to_string("/proc/cpuinfo").ok()?.contains(" hypervisor");
    let product = line("/sys/class/dmi/id/product_name");
    hypervisor.then(|| product.map_or_else(|| "virtual machine".to_owned(), |name| format!("virtual machine ({name})")))
}

fn meminfo(field: &str) -> u64 {
    let kib = || -> Option<u64> {
        let text = fs::read_to_string("/proc/meminfo").ok()?;
        text.lines().find(|line| line.starts_with(field))?.split_whitespace().nth(1)?.parse().ok()
    };
    kib().map_or(u64::MAX, |kib| kib << 10)
}

#[cfg(test)]
mod tests {
    #[test]
    fn processors_of_one_name_are_told_apart() {
        let cpu = |text: &str| super::cpu(text);
        let amd = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\nstepping\t: 1\n";
        assert_eq!(cpu(amd).as_deref(), Some("AMD EPYC (family 25, model 17, stepping 1)"));
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\nCPU revision\t: 1\n";
        assert_eq!(cpu(arm).as_deref(), Some("implementer 0x41, part 0xd0c, revision 1"));
        assert_eq!(cpu("processor: 0\nmodel name: vCPU\n").as_deref(), Some("vCPU"));
        assert_eq!(cpu("processor: 0\n"), None);
    }

    #[test]
    fn the_machine_and_the_build_are_described() {
        let host = super::host(0);
        assert!(host.cores > 0 && !host.cpu.is_empty() && host.memory_bytes > 0 && host.kernel.contains(' '));
        let build = super::build();
        assert!(!build.rustc.is_empty() && build.target.contains('-'));
    }
}
