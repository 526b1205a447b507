//! The results of a run, in figures. Ratios first: absolute figures are those of one machine.

use std::{collections::BTreeMap, fmt};

use kit::Tenant;
use serde::Serialize;

use crate::{
    options::Options,
    watch::{Finished, Watched},
};

/// A run's figures, as `--json` prints them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Figures {
    /// Of the raw limit, how much was reached.
    pub(crate) ratio: f64,
    pub(crate) rows_per_s: f64,
    pub(crate) argon2_limit_rows_per_s: f64,
    /// The limit before and after the load: far apart, they say that the machine was busy with something else.
    pub(crate) argon2_limit_before_after: [f64; 2],
    /// What the slower implementation would reach at most.
    pub(crate) argon2_slower_rows_per_s: f64,
    /// How long the whole load took, beyond what its hashes alone would have taken.
    pub(crate) seconds_over_limit: f64,
    pub(crate) seconds: f64,
    pub(crate) tenants: usize,
    pub(crate) imports: usize,
    pub(crate) rows: usize,
    pub(crate) workers: usize,
    pub(crate) argon2: [u32; 3],
    /// From publishing an import to its completion event.
    pub(crate) latency_s: Quantiles,
    /// From publishing a tenant's first import to the completion event of its last.
    pub(crate) tenant_dwell_s: Quantiles,
    /// Of the tenants' rates: 1 is fair, 1/n is all for one.
    pub(crate) jain_index: f64,
    pub(crate) cpu_ms_per_row: BTreeMap<String, f64>,
    /// Of the cores' time, how much the named processes took.
    pub(crate) cpu_busy: f64,
    pub(crate) worker_peak_rss_mb: f64,
    pub(crate) rows_lost: i64,
    pub(crate) rows_doubled: i64,
    pub(crate) events_doubled: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) flood: Option<Flood>,
}

/// What a flood did to the other tenants.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Flood {
    pub(crate) flooding_tenants: usize,
    pub(crate) flooding_rows: usize,
    pub(crate) others: usize,
    pub(crate) latency_without_s: Quantiles,
    pub(crate) latency_with_s: Quantiles,
    /// What an import of the others would take if every tenant, the flooding ones too, got the same of the rows that
    /// were done a second.
    pub(crate) fair_share_s: f64,
    /// Of the tenant that it hit worst.
    pub(crate) slowdown_over_fair_share: f64,
    pub(crate) median_slowdown_over_fair_share: f64,
}

/// Of a set of times.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Quantiles {
    pub(crate) min: f64,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Quantiles {
    fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        // The nearest rank: a value that occurred.
        let at = |percent: usize| {
            let rank = (values.len() * percent).div_ceil(100).max(1);
            values.get(rank - 1).copied().unwrap_or(0.0)
        };
        Self {
            min: at(0),
            p50: at(50),
            p95: at(95),
            p99: at(99),
            max: at(100),
        }
    }
}

impl Figures {
    pub(crate) fn of(
        options: &Options,
        watched: &Watched,
        cpu_seconds: BTreeMap<String, f64>,
        worker_peak_rss_mb: f64,
    ) -> Self {
        let (rows, seconds) = (watched.rows(), watched.seconds());
        let cores = real(options.cores());
        let tenants = by_tenant(watched);
        let dwell = |imports: &Vec<&Finished>| {
            let first = imports.iter().map(|import| import.published).min();
            let last = imports.iter().map(|import| import.finished).max();
            last.zip(first)
                .map_or(0.0, |(last, first)| (last - first).as_secs_f64())
        };
        let rates = tenants.values().map(|imports| {
            let rows: usize = imports.iter().map(|import| import.rows).sum();
            real(rows) / dwell(imports)
        });
        Self {
            ratio: 0.0,
            rows_per_s: real(rows) / seconds,
            argon2_limit_rows_per_s: 0.0,
            argon2_limit_before_after: [0.0; 2],
            argon2_slower_rows_per_s: 0.0,
            seconds_over_limit: 0.0,
            seconds,
            tenants: tenants.len(),
            imports: watched.imports.len(),
            rows,
            workers: options.workers,
            argon2: options.argon2,
            latency_s: Quantiles::of(watched.imports.iter().map(Finished::latency_s)),
            tenant_dwell_s: Quantiles::of(tenants.values().map(dwell)),
            jain_index: jain(&rates.collect::<Vec<_>>()),
            cpu_busy: cpu_seconds.values().sum::<f64>() / (seconds * cores),
            cpu_ms_per_row: cpu_seconds
                .into_iter()
                .map(|(name, seconds)| (name, seconds * 1e3 / real(rows)))
                .collect(),
            worker_peak_rss_mb,
            rows_lost: 0,
            rows_doubled: 0,
            events_doubled: watched.events_doubled,
            flood: None,
        }
    }

    pub(crate) fn set_limit(&mut self, before_after: [f64; 2], slower: f64) {
        let limit = f64::midpoint(before_after[0], before_after[1]);
        self.argon2_limit_before_after = before_after;
        self.argon2_limit_rows_per_s = limit;
        self.argon2_slower_rows_per_s = slower;
        self.ratio = self.rows_per_s / limit;
        self.seconds_over_limit = self.seconds - real(self.rows) / limit;
    }
}

impl Flood {
    pub(crate) fn of(calm: &Watched, flooded: &Watched, flooding: &[Tenant]) -> Self {
        let (flood, others): (Vec<&Finished>, Vec<&Finished>) = flooded
            .imports
            .iter()
            .partition(|import| flooding.contains(&import.tenant));
        let rows_per_s = real(flooded.rows()) / flooded.seconds();
        let tenants = by_tenant(flooded);
        let rows_of_other = others.first().map_or(0, |import| {
            tenants
                .get(&import.tenant.id.get())
                .map_or(0, |imports| imports.iter().map(|import| import.rows).sum())
        });
        let fair_share_s = real(rows_of_other * tenants.len()) / rows_per_s;
        let with = Quantiles::of(others.iter().map(|import| import.latency_s()));
        Self {
            flooding_tenants: flooding.len(),
            flooding_rows: flood.iter().map(|import| import.rows).sum(),
            others: tenants.len() - flooding.len(),
            latency_without_s: Quantiles::of(calm.imports.iter().map(Finished::latency_s)),
            latency_with_s: with,
            fair_share_s,
            slowdown_over_fair_share: with.max / fair_share_s,
            median_slowdown_over_fair_share: with.p50 / fair_share_s,
        }
    }
}

fn by_tenant(watched: &Watched) -> BTreeMap<i64, Vec<&Finished>> {
    let mut tenants = BTreeMap::<i64, Vec<&Finished>>::new();
    for import in &watched.imports {
        tenants.entry(import.tenant.id.get()).or_default().push(import);
    }
    tenants
}

/// Jain's index. Source: Jain, Chiu and Hawe, "A Quantitative Measure Of Fairness", 1984.
fn jain(rates: &[f64]) -> f64 {
    let sum: f64 = rates.iter().sum();
    let squares: f64 = rates.iter().map(|rate| rate * rate).sum();
    sum * sum / (real(rates.len()) * squares)
}

/// Counts of a run are far below 2^52.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub(crate) const fn real(count: usize) -> f64 {
    count as f64
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [memory, passes, lanes] = self.argon2;
        let [before, after] = self.argon2_limit_before_after;
        writeln!(
            f,
            "{} rows in {} imports of {} tenants, {} workers, Argon2id m={memory} t={passes} p={lanes}",
            self.rows, self.imports, self.tenants, self.workers
        )?;
        writeln!(f, "of the raw limit      {:.1} %", self.ratio * 100.0)?;
        writeln!(f, "rows/s                {:.1}", self.rows_per_s)?;
        writeln!(
            f,
            "raw Argon2 limit      {:.1} rows/s (before {before:.1}, after {after:.1}; slower implementation {:.1})",
            self.argon2_limit_rows_per_s, self.argon2_slower_rows_per_s
        )?;
        writeln!(
            f,
            "time                  {:.2} s, {:.2} s more than the limit's",
            self.seconds, self.seconds_over_limit
        )?;
        writeln!(f, "import latency        {}", self.latency_s)?;
        writeln!(f, "dwell time by tenant  {}", self.tenant_dwell_s)?;
        writeln!(f, "Jain's index          {:.3}", self.jain_index)?;
        for (name, ms) in &self.cpu_ms_per_row {
            writeln!(f, "CPU per row           {ms:.3} ms {name}")?;
        }
        writeln!(f, "cores busy with these {:.1} %", self.cpu_busy * 100.0)?;
        writeln!(f, "worker's peak memory  {:.1} MB", self.worker_peak_rss_mb)?;
        writeln!(
            f,
            "rows lost, doubled    {}, {}; final events doubled {}",
            self.rows_lost, self.rows_doubled, self.events_doubled
        )?;
        if let Some(flood) = &self.flood {
            writeln!(f, "flood of {} rows", flood.flooding_rows)?;
            writeln!(f, "  others without it   {}", flood.latency_without_s)?;
            writeln!(f, "  others with it      {}", flood.latency_with_s)?;
            writeln!(
                f,
                "  slowdown            {:.2} times the fair share ({:.2} s) for the worst, {:.2} for the median",
                flood.slowdown_over_fair_share, flood.fair_share_s, flood.median_slowdown_over_fair_share
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for Quantiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {:.2} s, p95 {:.2} s, p99 {:.2} s, worst {:.2} s",
            self.p50, self.p95, self.p99, self.max
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jains_index_is_one_for_equals_and_one_nth_for_a_monopoly() {
        assert!((jain(&[2.0; 4]) - 1.0).abs() < 1e-9);
        assert!((jain(&[1.0, 0.0, 0.0, 0.0]) - 0.25).abs() < 1e-9);
    }

    #[test]
    fn a_quantile_is_a_value_that_occurred() {
        let quantiles = Quantiles::of((1..=200).map(f64::from));
        assert_eq!(
            [
                quantiles.min,
                quantiles.p50,
                quantiles.p95,
                quantiles.p99,
                quantiles.max
            ],
            [1.0, 100.0, 190.0, 198.0, 200.0]
        );
        assert_eq!(Quantiles::of([3.0]).p99, 3.0);
    }
}
