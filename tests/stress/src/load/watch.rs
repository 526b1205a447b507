//! Imports under way: when each was published, and what its events said when.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use kit::{Tenant, World};
use serde_json::Value;

/// How long nothing may happen before the run is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Uploads at the same time.
const UPLOADS: usize = 16;

/// An import of the load.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) job: Value,
    pub(crate) tenant: Tenant,
    pub(crate) rows: usize,
}

/// An import of the load that has finished.
#[derive(Debug, Clone)]
pub(crate) struct Finished {
    pub(crate) tenant: Tenant,
    pub(crate) rows: usize,
    pub(crate) published: Instant,
    pub(crate) finished: Instant,
}

impl Finished {
    pub(crate) fn latency_s(&self) -> f64 {
        (self.finished - self.published).as_secs_f64()
    }
}

/// What was seen of a run.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) started: Instant,
    pub(crate) imports: Vec<Finished>,
    /// Rows that got their outcome, by the time of the event that told it.
    pub(crate) settled: Vec<(Instant, f64)>,
    /// Final events beyond one for each import.
    pub(crate) events_doubled: usize,
}

impl Watched {
    pub(crate) fn seconds(&self) -> f64 {
        let last = self.imports.iter().map(|import| import.finished).max();
        last.map_or(0.0, |last| (last - self.started).as_secs_f64())
    }

    pub(crate) fn rows(&self) -> usize {
        self.imports.iter().map(|import| import.rows).sum()
    }
}

/// Uploads the files of this many imports for each tenant. A row has every field, and one of each reference.
pub(crate) async fn upload(world: &World, tenants: &[Tenant], imports: usize, rows: usize) -> Vec<Load> {
    // One import of each tenant after the other, as if they had come at random.
    let wanted = (0..imports).flat_map(|import| tenants.iter().map(move |tenant| (import, *tenant)));
    stream::iter(wanted)
        .map(async |(import, tenant)| Load {
            job: world.upload(tenant, file(import, rows)).await,
            tenant,
            rows,
        })
        .buffered(UPLOADS)
        .collect()
        .await
}

fn file(import: usize, rows: usize) -> String {
    let rows = (1..=rows).map(|row| {
        format!(
            "user-{import}-{row},user.{import}.{row}@example.com,{},10,20,30,40,Ada,Lovelace {row}\r\n",
            1_000_000 + import * 1000 + row
        )
    });
    format!(
        "Username,Email,Virtual Extension,Role,Desks,Skill Groups,Tags,First Name,Last Name\r\n{}",
        rows.collect::<String>()
    )
}

/// Publishes all jobs and waits until the last import has finished.
pub(crate) async fn watch(world: &World, load: &[Load]) -> Watched {
    let mut seen = world.dialer.arrivals(0).len();
    let started = Instant::now();
    // In order, but without waiting for each confirm.
    let published: Vec<Instant> = stream::iter(load)
        .map(async |load| {
            let published = Instant::now();
            world.publish(&load.job).await;
            published
        })
        .buffered(64)
        .collect()
        .await;
    let places: HashMap<&str, usize> = (0..)
        .zip(load)
        .map(|(place, load)| (load.job["import_id"].as_str().expect("an ID"), place))
        .collect();
    let mut finished: Vec<Option<Instant>> = vec![None; load.len()];
    let mut progress = vec![0.0; load.len()];
    let (mut settled, mut events_doubled, mut open) = (Vec::new(), 0, load.len());
    let mut last_sign = Instant::now();
    while open > 0 {
        let arrivals = world.dialer.arrivals(seen);
        seen += arrivals.len();
        for (at, event) in arrivals {
            let Some(place) = event["subject"].as_str().and_then(|id| places.get(id)).copied() else {
                continue;
            };
            last_sign = at;
            let summary = &event["data"]["summary"];
            let count = |name: &str| summary[name].as_f64().unwrap_or(0.0);
            let rows = count("created") + count("duplicates") + count("errors");
            if rows > progress[place] {
                settled.push((at, rows - progress[place]));
                progress[place] = rows;
            }
            if kit::dialer::is_final(&event) {
                assert_eq!(event["type"], "dialer.import.completed", "{event}");
                if finished[place].replace(at).is_some() {
                    events_doubled += 1;
                } else {
                    open -= 1;
                }
            }
        }
        assert!(last_sign.elapsed() < PATIENCE, "{open} imports are not completed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let imports = load
        .iter()
        .zip(published)
        .zip(finished)
        .map(|((load, published), finished)| Finished {
            tenant: load.tenant,
            rows: load.rows,
            published,
            finished: finished.expect("all are finished"),
        });
    Watched {
        started,
        imports: imports.collect(),
        settled,
        events_doubled,
    }
}
