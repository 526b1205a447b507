//! Processor time and memory of processes, as Linux shows them under /proc, and the cores that they may use.

use std::{collections::BTreeMap, fs, process::Command};

/// Clock ticks a second in /proc: part of Linux's interface, the same on all machines (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor seconds by process name: of each with its children, those that have ended included.
pub(crate) fn cpu_seconds(processes: &[(String, u32)]) -> BTreeMap<String, f64> {
    let mut seconds = BTreeMap::new();
    for (name, id) in with_children(processes) {
        let own = stat(id).map_or(0.0, |stat| stat.seconds);
        *seconds.entry(name).or_insert(0.0) += own;
    }
    seconds
}

/// Processes that may use only the first cores, until this is dropped.
#[derive(Debug)]
pub(crate) struct Bound(Vec<(u32, String)>);

/// Lets the processes, and what they start, use only this many cores, the first ones.
pub(crate) fn bind(processes: &[(String, u32)], cores: usize) -> Bound {
    let ids = with_children(processes).into_iter().map(|(_, id)| id);
    let before: Vec<(u32, String)> = ids.filter_map(|id| Some((id, allowed_cores(id)?))).collect();
    for (id, _) in &before {
        allow(*id, &format!("0-{}", cores - 1));
    }
    Bound(before)
}

impl Drop for Bound {
    fn drop(&mut self) {
        for (id, cores) in &self.0 {
            allow(*id, cores);
        }
    }
}

fn allow(id: u32, cores: &str) {
    let set = Command::new("taskset")
        .args(["--all-tasks", "--cpu-list", "--pid", cores, &id.to_string()])
        .output()
        .expect("taskset runs");
    // A process may have ended in the meantime.
    if !set.status.success() && stat(id).is_some() {
        eprintln!(
            "process {id} is not bound to cores {cores}: {}",
            String::from_utf8_lossy(&set.stderr)
        );
    }
}

fn allowed_cores(id: u32) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let list = status
        .lines()
        .find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    Some(list.trim().to_owned())
}

/// The processes and their children, under the names of the former.
fn with_children(processes: &[(String, u32)]) -> Vec<(String, u32)> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|id| Some((id, stat(id)?.parent)))
        .collect();
    let mut all = processes.to_vec();
    for (name, id) in processes {
        let children = parents.iter().filter(|(_, parent)| parent == id);
        all.extend(children.map(|(child, _)| (name.clone(), *child)));
    }
    all
}

/// The most memory that the process ever had in use, in MB; `None` if it has ended.
pub(crate) fn peak_rss_mb(id: u32) -> Option<f64> {
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
    // The name is in brackets and may hold blanks and brackets. Source for the rest: proc_pid_stat(5).
    let (_, fields) = line.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks = |field: usize| fields.get(field)?.parse::<f64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        seconds: (ticks(11)? + ticks(12)? + ticks(13)? + ticks(14)?) / TICKS_PER_SECOND,
    })
}
