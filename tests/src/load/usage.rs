//! Processor time and memory of processes, as Linux tells them under /proc.

use std::{collections::BTreeMap, fs};

/// Clock ticks a second in /proc: part of Linux's interface, the same on all machines (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor seconds by process name: of each with its children, those that have ended included.
pub(super) fn cpu_seconds(processes: &[(String, u32)]) -> BTreeMap<String, f64> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|id| Some((id, stat(id)?.parent)))
        .collect();
    let mut seconds = BTreeMap::new();
    for (name, id) in processes {
        let children = parents.iter().filter(|(_, parent)| parent == id);
        let of_children: f64 = children
            .filter_map(|(child, _)| stat(*child))
            .map(|stat| stat.seconds)
            .sum();
        let own = stat(*id).map_or(0.0, |stat| stat.seconds);
        *seconds.entry(name.clone()).or_insert(0.0) += own + of_children;
    }
    seconds
}

/// The most memory that the process ever had in use, in MB; `None` if it has ended.
pub(super) fn peak_rss_mb(id: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

struct Stat {
    parent: u32,
    seconds: f64,
}

fn stat(id: u32) -> Option<Stat> {
    let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in brackets and may hold blanks and brackets. Source for the rest: proc_pid_stat(5).
    let (_, fields) = line.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |field: usize| fields.get(field)?.parse::<f64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        seconds: (ticks(11)? + ticks(12)? + ticks(13)? + ticks(14)?) / TICKS_PER_SECOND,
    })
}
