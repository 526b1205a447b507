//! What load is made.

use std::path::PathBuf;

/// Mass imports by many tenants at once, and how fast, fair and complete they were
///
/// Prints a table, or one line of JSON. The raw Argon2 limit is measured in the same run: with the same cost, on as many
/// threads as the workers have, with the faster implementation, before and after the load.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "load", max_term_width = 100)]
pub(crate) struct Options {
    /// Tenants that import at the same time [default: 1; with --flood 30]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub(crate) tenants: Option<usize>,
    /// Imports of each tenant, all published at once
    #[arg(long, value_name = "M", default_value_t = 1, value_parser = at_least_one)]
    pub(crate) imports: usize,
    /// Rows of each import [default: 500; with --flood 25]
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u16).range(1..=500))]
    pub(crate) rows: Option<u16>,
    /// Worker processes
    #[arg(long, value_name = "W", default_value_t = 1, value_parser = at_least_one)]
    pub(crate) workers: usize,
    /// Argon2id's cost: memory in KiB, passes, lanes
    #[arg(long, value_name = "m,t,p", default_value = "19456,2,1", value_parser = cost)]
    pub(crate) argon2: [u32; 3],
    /// Another tenant publishes a flood right before the others; they also run once without it, to compare
    #[arg(long)]
    pub(crate) flood: bool,
    /// Imports of the flood
    #[arg(long, value_name = "N", default_value_t = 40, requires = "flood", value_parser = at_least_one)]
    pub(crate) flood_imports: usize,
    /// Tenants that flood, each with that many imports
    #[arg(long, value_name = "N", default_value_t = 1, requires = "flood", value_parser = at_least_one)]
    pub(crate) flood_tenants: usize,
    /// Binds each worker to one core of its own, and the local servers to these cores: one worker has one core for
    /// everything, two have two
    #[arg(long)]
    pub(crate) pin: bool,
    /// Print one line of JSON instead of a table
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw throughput and latency
    #[arg(long, value_name = "FILE.svg", value_parser = writable)]
    pub(crate) plot: Option<PathBuf>,
    /// Process IDs of the servers, to count their processor time: name=ID
    #[arg(
        long,
        value_name = "NAME=ID",
        env = "LOAD_PROCESSES",
        value_delimiter = ' ',
        hide = true
    )]
    pub(crate) processes: Vec<String>,
}

impl Options {
    pub(crate) fn tenants(&self) -> usize {
        self.tenants.unwrap_or(if self.flood { 30 } else { 1 })
    }

    pub(crate) fn rows(&self) -> usize {
        usize::from(self.rows.unwrap_or(if self.flood { 25 } else { 500 }))
    }

    /// Cores that workers and local servers may use, and so hashing threads that can run at the same time.
    pub(crate) fn cores(&self) -> usize {
        let all = all_cores();
        if self.pin { all.min(self.workers) } else { all }
    }
}

/// Cores of this machine.
pub(crate) fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Memory in KiB, passes and lanes, if Argon2 takes them.
fn cost(text: &str) -> Result<[u32; 3], String> {
    let numbers = text
        .split(',')
        .map(|number| {
            number
                .trim()
                .parse()
                .map_err(|error| format!("{number:?}: {error}"))
        })
        .collect::<Result<Vec<u32>, _>>()?;
    let [memory_kib, passes, lanes] = numbers
        .try_into()
        .map_err(|_| "three numbers are needed: memory in KiB, passes, lanes".to_owned())?;
    argon2::Params::new(memory_kib, passes, lanes, None).map_err(|error| error.to_string())?;
    Ok([memory_kib, passes, lanes])
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1 is needed".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}

/// The file is drawn at the very end: it is better to know beforehand that it cannot be written.
fn writable(path: &str) -> Result<PathBuf, String> {
    std::fs::File::create(path).map_err(|error| error.to_string())?;
    Ok(path.into())
}
