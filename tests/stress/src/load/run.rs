//! A run: a world of its own, workers in it, the load, and what was left in the database.

use std::{cell::RefCell, time::Duration};

use kit::{Tenant, Worker, World, eventually, in_world_of};
use worker::broker::DEFAULT_SHARDS;

use crate::{
    figures::{Figures, Flood},
    limit,
    options::{Options, all_cores},
    plot, usage,
    watch::{Watched, upload, watch},
};

/// After the last event: until the processes' times, which the kernel counts in ticks of 10 ms, are complete.
const SETTLING: Duration = Duration::from_millis(50);

/// Makes the load and prints the results.
pub(crate) async fn run(options: &Options) {
    // Read from the test's closure, which returns nothing.
    let figures = RefCell::new(None);
    let (before, slower) = limit::measure(options.argon2, options.cores());
    in_world_of(DEFAULT_SHARDS, async |world| {
        *figures.borrow_mut() = Some(in_this_world(world, options).await);
    })
    .await;
    let (after, _) = limit::measure(options.argon2, options.cores());
    let Some((mut figures, watched)) = figures.into_inner() else {
        panic!("the run ended without figures");
    };
    figures.set_limit([before, after], slower);
    if let Some(file) = &options.plot {
        plot::draw(file, &figures, &watched).expect("the plot is drawn");
    }
    if options.json {
        println!("{}", serde_json::to_string(&figures).expect("figures are JSON"));
    } else {
        print!("{figures}");
    }
}

async fn in_this_world(world: &World, options: &Options) -> (Figures, Watched) {
    let tenants = new_tenants(world, options.tenants()).await;
    let load = upload(world, &tenants, options.imports, options.rows()).await;
    // The load generator too: on a core that the workers do not have, it would help one of them and not two.
    let _bound = options.pin.then(|| {
        let mut processes = servers(options);
        processes.push(("load".to_owned(), std::process::id()));
        usage::bind(&processes, options.cores())
    });
    let workers = start_workers(world, options).await;
    let mut expected: usize = load.iter().map(|load| load.rows).sum();

    // A flood is compared with the same load without it.
    let mut calm = None;
    let mut flooding = Vec::new();
    let mut load = load;
    if options.flood {
        calm = Some(watch(world, &load).await);
        let floods = new_tenants(world, options.flood_tenants).await;
        let others = new_tenants(world, options.tenants()).await;
        load = upload(world, &floods, options.flood_imports, 500).await;
        load.extend(upload(world, &others, options.imports, options.rows()).await);
        expected += load.iter().map(|load| load.rows).sum::<usize>();
        flooding = floods;
    }

    let mut processes = servers(options);
    processes.extend(workers.iter().map(|worker| ("worker".to_owned(), worker.id())));
    let before = usage::cpu_seconds(&processes);
    let watched = watch(world, &load).await;
    tokio::time::sleep(SETTLING).await;
    let after = usage::cpu_seconds(&processes);
    let cpu_seconds = after
        .into_iter()
        .map(|(name, seconds)| {
            let earlier = before.get(&name).copied().unwrap_or(0.0);
            (name, seconds - earlier)
        })
        .collect();
    let peak = workers
        .iter()
        .filter_map(|worker| usage::peak_rss_mb(worker.id()))
        .fold(0.0, f64::max);

    let mut figures = Figures::of(options, &watched, cpu_seconds, peak);
    figures.flood = calm.map(|calm| Flood::of(&calm, &watched, &flooding));
    (figures.rows_lost, figures.rows_doubled) = lost_and_doubled(world, expected).await;
    (figures, watched)
}

async fn new_tenants(world: &World, count: usize) -> Vec<Tenant> {
    let mut tenants = Vec::with_capacity(count);
    for _ in 0..count {
        tenants.push(world.tenant().await);
    }
    tenants
}

/// Workers that have connected and wait for work.
async fn start_workers(world: &World, options: &Options) -> Vec<Worker> {
    let [memory_kib, passes, lanes] = options.argon2.map(|number| number.to_string());
    let variables = [
        ("ARGON2_MEMORY_KIB", memory_kib.as_str()),
        ("ARGON2_PASSES", &passes),
        ("ARGON2_LANES", &lanes),
    ];
    let workers = (0..options.workers)
        .map(|index| {
            if options.pin {
                Worker::start_on_core(world, index % all_cores(), &variables)
            } else {
                Worker::start(world, &variables)
            }
        })
        .collect();
    eventually("the workers", async || {
        (world.logged().matches("connected, consuming").count() >= options.workers).then_some(())
    })
    .await;
    workers
}

fn servers(options: &Options) -> Vec<(String, u32)> {
    let parse = |process: &String| {
        let (name, id) = process.split_once('=')?;
        Some((name.to_owned(), id.parse().ok()?))
    };
    options.processes.iter().filter_map(parse).collect()
}

/// Rows of the files whose user is missing, and users of a row that already has another one.
async fn lost_and_doubled(world: &World, expected: usize) -> (i64, i64) {
    let (users, names, rows): (i64, i64, i64) = sqlx::query_as(
        "SELECT count(*), count(DISTINCT (u.tenant_id, u.username_key)), count(DISTINCT r.idempotency_key)
           FROM dialer.users u
           LEFT JOIN imports.rows r
             ON r.idempotency_key = u.idempotency_key AND r.outcome = 'created' AND r.user_id = u.user_id",
    )
    .fetch_one(&world.db)
    .await
    .expect("the users are counted");
    let expected = i64::try_from(expected).expect("few rows");
    (expected - names.min(rows), users - names.min(rows))
}
