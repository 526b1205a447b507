//! Imports of the same names, also many at once: every name exists once in a tenant, and every import's sums are those
//! of the tables.

use std::collections::{BTreeMap, BTreeSet};

use kit::{Tenant, Worker, World, final_data, good_rows, id, in_world, summary};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng, seq::IndexedRandom};
use serde_json::{Value, json};
use shared::user::{Email, Username};

const IMPORTS_PER_TENANT: usize = 8;
const MOST_ROWS: usize = 40;

/// Few enough that most names are in several files, in several spellings.
const NAMES: usize = 90;

/// A row of a file: username, e-mail address, and a virtual extension or nothing.
type Row = [String; 3];

fn row(random: &mut ChaCha8Rng) -> Row {
    let spelled = |name: String, random: &mut ChaCha8Rng| match random.random_range(0..4) {
        0 => name.to_uppercase(),
        1 => name.replace('ß', "ss"),
        _ => name,
    };
    let username = spelled(format!("groß{}", random.random_range(0..NAMES)), random);
    let email = spelled(format!("m{}@example.com", random.random_range(0..NAMES)), random);
    let extension = match random.random_range(0..4) {
        // In the range of generated numbers, where others generate at the same time.
        0 => format!("{:04}", 1000 + random.random_range(0..NAMES)),
        1 => format!("00{}", 100 + random.random_range(0..NAMES)),
        _ => String::new(),
    };
    [username, email, extension]
}

fn key(field: usize, value: &str) -> String {
    match field {
        0 => Username::parse(value).unwrap().key().to_owned(),
        1 => Email::parse(value).unwrap().key().to_owned(),
        _ => value.to_owned(),
    }
}

struct Import {
    tenant: Tenant,
    job: Value,
    rows: Vec<Row>,
}

async fn publish(world: &World, tenant: Tenant, rows: Vec<Row>) -> Import {
    let lines: String = rows.iter().map(|row| format!("{}\n", row.join(","))).collect();
    let mut job = world.upload(tenant, format!("username,email,ext\n{lines}")).await;
    job["fields"] =
        json!({ "virtual_extension": { "column": "ext", "generate": true }, "role": { "value": 10 } });
    world.publish(&job).await;
    Import { tenant, job, rows }
}

/// The users of a tenant: username, e-mail address and virtual extension by their ID.
async fn users(world: &World, tenant: Tenant) -> BTreeMap<String, Row> {
    let users: Vec<(i64, String, String, String)> = sqlx::query_as(
        "SELECT user_id, username, email, virtual_extension FROM dialer.users WHERE tenant_id = $1",
    )
    .bind(tenant.id.get())
    .fetch_all(&world.db)
    .await
    .unwrap();
    users
        .into_iter()
        .map(|user| (user.0.to_string(), [user.1, user.2, user.3]))
        .collect()
}

/// Checks one import against the users of its tenant; returns how many of them it created.
async fn assert_adds_up(world: &World, import: &Import, users: &BTreeMap<String, Row>) -> usize {
    let event = world.final_event(&import.job).await;
    let summary = &final_data(&event, "completed")["summary"];
    let count = |name: &str| usize::try_from(summary[name].as_u64().unwrap()).unwrap();
    assert_eq!(count("total"), import.rows.len());
    assert_eq!(
        count("created") + count("duplicates") + count("errors"),
        count("total")
    );
    let stored: Vec<(String, i64)> = sqlx::query_as(
        "SELECT outcome, count(*) FROM imports.rows WHERE import_id = $1::uuid GROUP BY outcome",
    )
    .bind(id(&import.job))
    .fetch_all(&world.db)
    .await
    .unwrap();
    for (outcome, rows) in stored {
        let name = match outcome.as_str() {
            "created" => "created",
            "duplicate" => "duplicates",
            "error" => "errors",
            other => panic!("a row is {other}"),
        };
        assert_eq!(summary[name], rows, "{outcome}");
    }

    let reports = world.reports(&event).await;
    let created = reports.success_rows();
    assert_eq!(created.len(), count("created"));
    for row in &created {
        assert_eq!(
            users[&row[0]][..],
            row[1..4],
            "the report says what the table says"
        );
    }
    let refused = reports.error_rows();
    assert_eq!(refused.len(), count("duplicates") + count("errors"));
    for row in &refused {
        let number: usize = row[3].parse().unwrap();
        assert_eq!(
            row[..3],
            import.rows[number - 1],
            "the row is given back as it was"
        );
        // Whatever the row was refused for belongs to somebody, or is in an earlier row.
        let clashes = |field: usize| {
            let same = |other: &Row| {
                !other[field].is_empty() && key(field, &other[field]) == key(field, &row[field])
            };
            users.values().any(same) || import.rows[..number - 1].iter().any(same)
        };
        assert!(
            (0..2).any(clashes) || (!row[2].is_empty() && clashes(2)),
            "{row:?} was refused for nothing"
        );
    }
    // A number that was given is kept as it was, zeros and all.
    let kept: BTreeSet<&str> = import
        .rows
        .iter()
        .map(|row| row[2].as_str())
        .filter(|number| !number.is_empty())
        .collect();
    for row in &created {
        let generated = row[3].len() == 4 && ("1000".."2000").contains(&row[3].as_str());
        assert!(kept.contains(row[3].as_str()) || generated, "{row:?}");
    }
    created.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn many_imports_of_the_same_names_make_each_of_them_once() {
    in_world(async |world| {
        let seed = std::env::var("SEED")
            .ok()
            .and_then(|seed| seed.parse().ok())
            .unwrap_or_else(rand::random::<u64>);
        eprintln!("to repeat these files: SEED={seed}");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let tenants = [world.tenant().await, world.tenant().await, world.tenant().await];
        let _workers = [
            Worker::start(world, &[("BATCH_ROWS", "4")]),
            Worker::start(world, &[("BATCH_ROWS", "7")]),
        ];
        let mut imports = Vec::new();
        for _ in 0..IMPORTS_PER_TENANT * tenants.len() {
            let tenant = *tenants.choose(&mut random).unwrap();
            let rows = (0..random.random_range(1..=MOST_ROWS))
                .map(|_| row(&mut random))
                .collect();
            imports.push(publish(world, tenant, rows).await);
        }
        for import in &imports {
            world.final_event(&import.job).await;
        }
        for tenant in tenants {
            let users = users(world, tenant).await;
            let mut made = 0;
            for import in imports.iter().filter(|import| import.tenant == tenant) {
                made += assert_adds_up(world, import, &users).await;
            }
            assert_eq!(made, users.len(), "every user is in one success CSV");
            for field in 0..3 {
                let keys: BTreeSet<String> = users.values().map(|user| key(field, &user[field])).collect();
                assert_eq!(keys.len(), users.len(), "every name exists once");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_imports_of_the_same_names_create_each_name_once() {
    in_world(async |world| {
        let _workers = [(); 2].map(|()| Worker::start(world, &[]));
        let tenant = world.tenant().await;
        let mut jobs = Vec::new();
        for _ in 0..4 {
            jobs.push(world.submit(tenant, good_rows(120)).await);
        }
        let mut created = 0;
        for job in &jobs {
            let found = world.final_event(job).await["data"]["summary"].clone();
            let new = u32::try_from(found["created"].as_u64().unwrap()).unwrap();
            // An extension whose holder is the duplicated user is not an error.
            assert_eq!(found, summary(new, 120 - new, 0));
            created += new;
        }
        let users: i64 = world.value("SELECT count(*) FROM dialer.users").await;
        assert_eq!((users, created), (120, 120));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_names_in_two_tenants_are_different_users() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let first = world.submit(world.tenant().await, good_rows(40)).await;
        let second = world.submit(world.tenant().await, good_rows(40)).await;
        for job in [first, second] {
            world.completed_whole(&job, 40).await;
        }
    })
    .await;
}
