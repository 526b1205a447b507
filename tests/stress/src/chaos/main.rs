//! Chaos: many tenants import while workers, servers and the ways between them fail. Afterwards nothing may be lost and
//! nothing duplicated. Run by `deploy/local/chaos`, on servers of its own.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test ends with a panic"
)]

mod checks;
mod faults;
mod imports;
mod scene;
mod upgrade;

use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use kit::{Dialer, storage, variable};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde_json::json;
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::task::JoinSet;

use crate::{
    imports::{Import, Kind},
    scene::{Scene, Tools},
    upgrade::Upgrade,
};

/// Tenants that import at once.
const TENANTS: i64 = 6;

/// Imports that are open at one time: a backlog for two workers, and an end in sight when the faults are over.
const MOST_OPEN: usize = 12;

/// How long imports may take to finish after the last fault: through the delay queues' two minutes and a sweep.
const SETTLE: Duration = Duration::from_secs(300);

/// How often the Dialer publishes again the jobs of imports of which it has heard nothing, see [`publish_unheard`].
const UNHEARD: Duration = Duration::from_secs(10);

/// Let workers, servers and connections fail during imports; exit code 1 if anything was lost or doubled
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Args {
    /// The same seed makes the same faults and files [default: a random one, which is printed]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Length of the time of faults
    #[arg(long, value_name = "M", default_value_t = 2.0)]
    minutes: f64,
    /// Print one line of JSON
    #[arg(long)]
    json: bool,
    /// Workers
    #[arg(long, value_name = "N", default_value_t = 3)]
    workers: usize,
    #[command(flatten)]
    tools: Tools,
    /// Instead of faults: a newer program, whose workers take the place of those of `user-import`
    #[arg(long, env = "CHAOS_UPGRADE_TO", value_name = "PATH", hide = true)]
    upgrade_to: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let seed = args
        .seed
        .unwrap_or_else(|| rand::rng().random_range(1..1_000_000));
    let length = Duration::from_secs_f64(args.minutes * 60.0);
    let schedule = match args.upgrade_to {
        Some(_) => Vec::new(),
        None => faults::schedule(seed, length),
    };
    let mut counts = BTreeMap::<&str, usize>::new();
    for fault in &schedule {
        *counts.entry(fault.kind.name()).or_default() += 1;
    }

    let db = PgPoolOptions::new()
        .acquire_timeout(Duration::from_secs(3))
        .connect_lazy(&variable("MIGRATE_DATABASE_URL"))?;
    // Tenants of earlier runs stay as they are.
    let (first,): (i64,) = sqlx::query_as("SELECT coalesce(max(tenant_id), 0) + 1 FROM dialer.tenants")
        .fetch_one(&db)
        .await?;
    for tenant_id in first..first + TENANTS {
        sqlx::query(imports::TENANT).bind(tenant_id).execute(&db).await?;
    }
    let dialer = Dialer::connect(variable("DIALER_AMQP_URL"), "");
    let scene = Arc::new(Scene::set(args.tools, args.workers).await?);

    let outcome = match args.upgrade_to {
        Some(newer) => {
            let upgrade = Upgrade {
                db: &db,
                scene: &scene,
                dialer: &dialer,
                first_tenant: first,
                random: ChaCha8Rng::seed_from_u64(seed),
                imports: Vec::new(),
            };
            upgrade.run(&newer).await?
        }
        None => chaos(&db, &scene, seed, first, length, &dialer, schedule).await?,
    };
    let Outcome {
        imports,
        troubles,
        settled,
    } = outcome;

    let mut findings = checks::check(&db, &storage(), &imports, &dialer).await?;
    findings.violations.extend(troubles);
    findings.violations.extend(scene.close().await);
    let rows: i64 = imports
        .iter()
        .filter(|import| import.kind != Kind::Malformed)
        .map(|import| import.created + import.duplicates + import.errors)
        .sum();
    let of_kind = |kind| imports.iter().filter(|import| import.kind == kind).count();
    let (validations, malformed) = (of_kind(Kind::Validate), of_kind(Kind::Malformed));
    let report = json!({
        "seed": seed, "minutes": args.minutes, "imports": imports.len(), "validations": validations,
        "malformed": malformed, "rows": rows, "faults": counts,
        "imports_unfinished": findings.unfinished, "rows_lost": findings.lost, "rows_doubled": findings.doubled,
        "violations": findings.violations, "seconds_to_settle": settled.as_secs(),
    });
    let mut out = std::io::stdout();
    if args.json {
        writeln!(out, "{report}")?;
    } else {
        writeln!(
            out,
            "seed {seed}: {} imports ({validations} validations, {malformed} malformed), {rows} rows, faults: {counts:?}",
            imports.len()
        )?;
        for violation in &findings.violations {
            writeln!(out, "violation: {violation}")?;
        }
        writeln!(
            out,
            "{} imports unfinished, {} rows lost, {} doubled, {} violations; settled {} s after the last change",
            findings.unfinished,
            findings.lost,
            findings.doubled,
            findings.violations.len(),
            settled.as_secs()
        )?;
    }
    let clean = findings.violations.is_empty()
        && findings.unfinished == 0
        && findings.lost == 0
        && findings.doubled == 0;
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What was imported, and failures that the imports do not show.
struct Outcome {
    imports: Vec<Import>,
    troubles: Vec<String>,
    /// How long it took to finish after the last change.
    settled: Duration,
}

/// Imports while the faults are done to workers and servers, and until all are finished.
async fn chaos(
    db: &PgPool,
    scene: &Arc<Scene>,
    seed: u64,
    first_tenant: i64,
    length: Duration,
    dialer: &Dialer,
    schedule: Vec<faults::Planned>,
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let mut acts = JoinSet::new();
    for fault in schedule {
        let scene = Arc::clone(scene);
        acts.spawn(async move {
            tokio::time::sleep_until((begun + fault.at).into()).await;
            scene.act(fault).await
        });
    }
    let mut imports = load(db, scene, seed, first_tenant, begun + length, dialer).await?;
    let mut troubles = Vec::new();
    while let Some(acted) = acts.join_next().await {
        if let Err(error) = acted? {
            troubles.push(format!("{error:#}"));
        }
    }
    scene.heal();
    let calm = Instant::now();
    settle(db, scene, &imports, dialer).await;
    let settled = calm.elapsed();
    if let Err(error) = flow_control(scene, dialer, seed, first_tenant, &mut imports).await {
        troubles.push(format!("{error:#}"));
    }
    settle(db, scene, &imports, dialer).await;
    Ok(Outcome {
        imports,
        troubles,
        settled,
    })
}

/// Publishes imports of all tenants until the end.
async fn load(
    db: &PgPool,
    scene: &Scene,
    seed: u64,
    first_tenant: i64,
    end: Instant,
    dialer: &Dialer,
) -> anyhow::Result<Vec<Import>> {
    // Another stream of numbers than that of the faults.
    let mut random = ChaCha8Rng::seed_from_u64(!seed);
    let (storage, mut imports) = (storage(), Vec::new());
    let mut asked = Instant::now();
    while Instant::now() < end {
        if asked.elapsed() > UNHEARD {
            asked = Instant::now();
            publish_unheard(db, scene, &imports, dialer).await;
        }
        let finished = dialer.answers().len();
        if imports.len() - finished.min(imports.len()) < MOST_OPEN {
            let tenant_id = first_tenant + random.random_range(0..TENANTS);
            let rows = random.random_range(imports::ROWS);
            let mut import = imports::upload(&storage, &mut random, imports.len(), rows, tenant_id).await?;
            imports::publish(dialer, &import.job).await;
            import.published = Instant::now();
            imports.push(import);
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(100..800))).await;
    }
    Ok(imports)
}

/// One more import while the broker takes no messages. Not among the faults, because nobody else must disturb it: the worker
/// has to say that it waits, and its connection has to last.
async fn flow_control(
    scene: &Scene,
    dialer: &Dialer,
    seed: u64,
    first_tenant: i64,
    imports: &mut Vec<Import>,
) -> anyhow::Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(seed.rotate_left(32));
    let import = loop {
        let rows = random.random_range(imports::ROWS);
        let import = imports::upload(&storage(), &mut random, imports.len(), rows, first_tenant).await?;
        if import.kind == Kind::Import {
            break import;
        }
    };
    let blocked = scene
        .block_publishers(imports::publish(dialer, &import.job))
        .await;
    imports.push(import);
    blocked
}

/// Publishes again the jobs of which nothing was heard, as the contract tells a Dialer to. It does so only where
/// nothing else can help, so that what the sweep has to find is left to the sweep: for a job that was lost before any
/// worker took it, and for a finished import whose event was lost with the broker's disk.
async fn publish_unheard(db: &PgPool, scene: &Scene, imports: &[Import], dialer: &Dialer) {
    let known: Result<Vec<(uuid::Uuid, bool)>, _> =
        sqlx::query_as("SELECT import_id, finished_at IS NOT NULL FROM imports.imports")
            .fetch_all(db)
            .await;
    // While the database is away, nobody can say.
    let Ok(known) = known else { return };
    let over: HashMap<_, _> = known.into_iter().collect();
    let heard = dialer.answers();
    for import in imports {
        let heard = heard.contains_key(&import.id.to_string());
        let nobody_else_can_help = match over.get(&import.id) {
            None => true,
            Some(over) => *over && scene.wiped_since(import.published),
        };
        if !heard && nobody_else_can_help {
            imports::publish(dialer, &import.job).await;
        }
    }
}

/// Waits until every import has its final event and no message is left, or gives up after [`SETTLE`].
async fn settle(db: &PgPool, scene: &Scene, imports: &[Import], dialer: &Dialer) {
    let begun = Instant::now();
    let mut asked = Instant::now();
    while begun.elapsed() < SETTLE {
        // While the broker is away, nobody can say.
        if matches!(checks::settled(imports, dialer).await, Ok(true)) {
            return;
        }
        if asked.elapsed() > UNHEARD {
            asked = Instant::now();
            publish_unheard(db, scene, imports, dialer).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
