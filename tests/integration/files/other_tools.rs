//! Files of other tools, through real servers: the outcome of each, and that a validation predicts it.

use std::path::Path;

use kit::{Tenant, Worker, World, id, in_world};
use serde_json::{Value, json};

/// The cases of `tests/data`, as its `make.py` describes them.
fn cases() -> Vec<Value> {
    serde_json::from_slice(&content("expected.json")).unwrap()
}

fn content(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../data").join(name)).unwrap()
}

/// A tenant with one user.
async fn tenant(world: &World) -> Tenant {
    let tenant = world.tenant().await;
    world.user(tenant, "taken", "taken@example.com", "1999").await;
    tenant
}

async fn users(world: &World, tenant: Tenant) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM dialer.users WHERE tenant_id = $1")
        .bind(tenant.id.get())
        .fetch_one(&world.db)
        .await
        .unwrap()
}

/// Publishes the job of a case.
async fn publish(world: &World, tenant: Tenant, case: &Value, mode: &str) -> Value {
    let mut job = world
        .upload(tenant, content(case["file"].as_str().unwrap()))
        .await;
    for (option, value) in case["job"].as_object().into_iter().flatten() {
        job[option] = value.clone();
    }
    job["mode"] = json!(mode);
    world.publish(&job).await;
    job
}

/// The codes of each row, as the database has them.
async fn codes(world: &World, job: &Value) -> Value {
    sqlx::query_scalar(
        "SELECT jsonb_agg(
                    (SELECT coalesce(jsonb_agg(format('%s %s', coalesce(p.v->>'field', 'row'), p.v->>'code') ORDER BY p.n), '[]')
                       FROM jsonb_array_elements(r.problems) WITH ORDINALITY AS p (v, n)) ORDER BY row_number)
           FROM imports.rows r WHERE import_id = $1::uuid",
    )
    .bind(id(job))
    .fetch_one(&world.db)
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_and_an_import_of_the_same_file_end_alike() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let cases = cases();
        let mut validations = Vec::new();
        for case in &cases {
            let tenant = tenant(world).await;
            validations.push((case, tenant, publish(world, tenant, case, "validate").await));
        }
        let mut imports = Vec::new();
        for (case, tenant, validation) in validations {
            let validated = world.final_event(&validation).await;
            assert_eq!(
                users(world, tenant).await,
                1,
                "{}: nothing is created",
                case["file"]
            );
            let job = publish(world, tenant, case, "import").await;
            imports.push((case, tenant, validation, validated, job));
        }
        for (case, tenant, validation, validated, job) in imports {
            let file = &case["file"];
            let imported = world.final_event(&job).await;
            assert_eq!(validated["type"], imported["type"], "{file}");
            for part in ["summary", "problems", "file", "code", "message"] {
                assert_eq!(validated["data"][part], imported["data"][part], "{file}: {part}");
            }
            if let Some(code) = case["rejected"].as_str() {
                assert_eq!(imported["data"]["code"], code, "{file}");
                assert_eq!(users(world, tenant).await, 1, "{file}: nothing is created");
                continue;
            }
            for part in ["encoding", "delimiter"] {
                assert_eq!(imported["data"]["file"][part], case["format"][part], "{file}");
            }
            for job in [&validation, &job] {
                assert_eq!(codes(world, job).await, case["rows"], "{file}");
            }
            let (before, after) = (world.reports(&validated).await, world.reports(&imported).await);
            assert_eq!(before.errors, after.errors, "{file}");
            let (before, after) = (before.success_rows(), after.success_rows());
            assert_eq!(before.len(), after.len(), "{file}");
            for (before, after) in before.iter().zip(&after) {
                assert_eq!(
                    (before[0].as_str(), &before[1..4], before[4].as_str()),
                    ("", &after[1..4], ""),
                    "{file}"
                );
                assert!(!after[0].is_empty() && !after[4].is_empty(), "{file}");
            }
            let created = imported["data"]["summary"]["created"].as_i64().unwrap();
            assert_eq!(users(world, tenant).await, 1 + created, "{file}");
        }
    })
    .await;
}
