//! A gate's result made by hand.

use mapbench_results::{GATE_SCHEMA_VERSION, GateCell, GateResult, GateSide, GateVerdict, Host};

pub(super) fn cell(name: &str, verdict: GateVerdict, change: f64) -> GateCell {
    GateCell {
        cell: name.to_owned(),
        verdict,
        change: Some(change),
        low: Some(change - 0.01),
        high: Some(change + 0.01),
        p: Some(0.5),
        confirmed_p: None,
        rounds: 18,
        floor_pct: 1.0,
        budget_pct: 5.0,
        reason: format!("because of {name}"),
        control: Some(0.999),
        instructions: None,
        transfers: None,
    }
}

pub(super) fn result(verdict: GateVerdict, cells: Vec<GateCell>) -> GateResult {
    let side = |label: &str| GateSide {
        executable_sha256: "ab12".to_owned(),
        version: "0.1.0".to_owned(),
        strategy: None,
        label: label.to_owned(),
    };
    GateResult {
        schema_version: GATE_SCHEMA_VERSION,
        mapbench_version: "0.1.0".to_owned(),
        started: "2026-11-25T10:00:00Z".to_owned(),
        finished: "2026-11-25T10:09:48Z".to_owned(),
        command: vec!["mapbench".to_owned(), "gate".to_owned()],
        verdict,
        reason: "the whole's reason".to_owned(),
        advisory: false,
        base: side("base"),
        candidate: side("candidate"),
        host: Host {
            name: "host".to_owned(),
            cpu: "cpu".to_owned(),
            cores: 2,
            threads_per_core: Some(1),
            caches: "L1d 32 KiB".to_owned(),
            governor: None,
            kernel: "Linux 6".to_owned(),
            virtualisation: None,
            memory_bytes: 1 << 30,
            steal_ns: 0,
            clock: None,
        },
        alpha: 0.01,
        seed: 7,
        seconds: 588.0,
        looks: vec![8, 12, 18],
        cells,
        only_in_base: Vec::new(),
        only_in_candidate: Vec::new(),
        notes: Vec::new(),
    }
}

/// Sixty cells: one fails, one crashed, one is open, the rest pass.
pub(super) fn mixed() -> GateResult {
    let mut cells: Vec<GateCell> = (0..57)
        .map(|n| cell(&format!("w/read-90/threads-2/s{n:02}"), GateVerdict::Pass, 0.97 + f64::from(n) * 0.001))
        .collect();
    cells.push(cell("w/read-0/threads-2/open", GateVerdict::Inconclusive, 1.045));
    cells.push(GateCell {
        change: None,
        low: None,
        high: None,
        p: None,
        control: None,
        rounds: 0,
        ..cell("w/read-0/threads-2/crashed", GateVerdict::Fail, 1.0)
    });
    cells.push(GateCell {
        confirmed_p: Some(0.000_01),
        p: Some(0.0004),
        ..cell("w/read-0/threads-2/slow", GateVerdict::Fail, 1.0612)
    });
    result(GateVerdict::Fail, cells)
}
