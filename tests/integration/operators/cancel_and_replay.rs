//! What operators do to an import while workers run: cancel it, take it up again. Nothing is lost, nothing is made
//! twice, and the counts always add up.

use std::process::Output;

use kit::{Worker, World, eventually, final_data, in_world};
use serde_json::{Value, json};

use crate::{
    faults::redelivery::{planned, receive, rows},
    imports::outcomes::{assert_passwords_verify, good_rows},
};

/// Slow enough that an import lasts for a while.
const SLOW: &[(&str, &str)] = &[
    ("ARGON2_MEMORY_KIB", "19456"),
    ("ARGON2_PASSES", "2"),
    ("HASH_THREADS", "1"),
];

/// Runs `user-import` with these arguments.
pub(crate) async fn run(world: &World, arguments: &[&str]) -> Output {
    let mut command = world.command();
    command.args(arguments).env("USER", "olga").env("NO_COLOR", "1");
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

/// The same with `--json`; it must end with this exit code.
pub(crate) async fn json_of(world: &World, arguments: &[&str], code: i32) -> Value {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    let output = run(world, &arguments).await;
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{arguments:?}: {output:?}"))
}

pub(crate) fn id(job: &Value) -> &str {
    job["import_id"].as_str().unwrap()
}

/// Waits for the final event of an attempt.
pub(crate) async fn event_of_attempt(world: &World, job: &Value, attempt: u32) -> Value {
    eventually("the attempt's final event", async || {
        let last = format!("{}/{attempt}", id(job));
        world.events(job).into_iter().find(|event| event["id"] == last)
    })
    .await
}

pub(crate) async fn audited(world: &World) -> Vec<(String, String, Option<String>)> {
    sqlx::query_as("SELECT command, operator, reason FROM imports.audit ORDER BY audit_id")
        .fetch_all(&world.db)
        .await
        .unwrap()
}

fn sum(summary: &Value) -> u64 {
    let counts = ["created", "duplicates", "errors", "cancelled"];
    counts.iter().map(|name| summary[name].as_u64().unwrap()).sum()
}

async fn until_created(world: &World, at_least: i64) {
    eventually("the first users", async || {
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM dialer.users")
            .fetch_one(&world.db)
            .await
            .unwrap();
        (users >= at_least).then_some(())
    })
    .await;
}

/// A failed import of 60 rows: the first batch has its users, and nobody has their passwords.
pub(crate) async fn half_failed(world: &World) -> (kit::Tenant, Value) {
    let tenant = world.tenant().await;
    let tools = world.tools();
    let job = world.upload(tenant, good_rows(60)).await;
    planned(&tools, &job).await;
    let mut due =
        json!({ "version": 1, "import_id": job["import_id"], "tenant_id": tenant.id, "attempt": 1 });
    due["first_row"] = json!(1);
    due["last_row"] = json!(25);
    rows(&tools, due.to_string().as_bytes()).await.unwrap();
    fail(world, &job).await;
    (tenant, job)
}

/// Gives an import up, as a dead letter does.
async fn fail(world: &World, job: &Value) {
    sqlx::query(
        "UPDATE imports.imports
            SET state = 'failed', failure_reason = 'retries_exhausted', last_error = 'the storage was away',
                finished_at = now()
          WHERE import_id = $1",
    )
    .bind(uuid::Uuid::parse_str(id(job)).unwrap())
    .execute(&world.db)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_import_keeps_its_users_and_reports_the_rest_and_a_replay_finishes_it() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let workers = [Worker::start(world, SLOW), Worker::start(world, SLOW)];
        let job = world.upload(tenant, good_rows(500)).await;
        world.publish(&job).await;
        until_created(world, 50).await;

        let refused = json_of(world, &["cancel", id(&job)], 5).await;
        assert_eq!(refused["changed"], false);
        let arguments = ["cancel", id(&job), "--yes", "--reason", "wrong file"];
        // Two operators at once, while both workers settle batches.
        let (one, other) = tokio::join!(json_of(world, &arguments, 0), json_of(world, &arguments, 0));
        assert_ne!(one["changed"], other["changed"], "one of them was first");

        let event = event_of_attempt(world, &job, 1).await;
        let summary = &final_data(&event, "cancelled")["summary"];
        let created = summary["created"].as_u64().unwrap();
        assert_eq!((summary["total"].as_u64(), sum(summary)), (Some(500), 500));
        assert!((50..500).contains(&created) && summary["cancelled"].as_u64() == Some(500 - created));
        let first = world.reports(&event).await;
        assert_passwords_verify(world, tenant, &first).await;
        let refused = first.error_rows();
        assert_eq!(refused.len() as u64, 500 - created);
        assert!(
            refused.iter().all(|row| row[6] == "cancelled"),
            "{:?}",
            refused[0]
        );

        drop(workers);
        let _workers = [Worker::start(world, &[]), Worker::start(world, &[])];
        let replayed = json_of(world, &["replay", id(&job)], 0).await;
        assert_eq!(
            (&replayed["attempt"], &replayed["changed"]),
            (&json!(2), &json!(true))
        );
        let event = event_of_attempt(world, &job, 2).await;
        assert_eq!(
            final_data(&event, "completed")["summary"],
            json!({"total": 500, "created": 500, "duplicates": 0, "errors": 0, "cancelled": 0})
        );
        let second = world.reports(&event).await;
        assert_eq!(second.success_rows().len() as u64, 500 - created);
        let mut both = second.clone();
        both.success
            .extend(first.success.splitn(2, |byte| *byte == b'\n').nth(1).unwrap());
        assert_passwords_verify(world, tenant, &both).await;
        let audit = audited(world).await;
        let (olga, why) = ("olga".to_owned(), Some("wrong file".to_owned()));
        assert_eq!(
            audit,
            [
                ("cancel".to_owned(), olga.clone(), why),
                ("replay".to_owned(), olga, None)
            ]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_not_read_yet_is_cancelled_at_once_and_read_by_a_replay() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let tools = world.tools();
        let job = world.upload(tenant, good_rows(3)).await;
        receive(&tools, job.to_string().as_bytes()).await.unwrap();
        assert_eq!(
            json_of(world, &["cancel", id(&job), "--yes"], 0).await["state"],
            "cancelled"
        );
        let event = event_of_attempt(world, &job, 1).await;
        assert_eq!(final_data(&event, "cancelled")["summary"]["total"], 0);
        // The job's message comes late, and finds nothing to do.
        let _worker = Worker::start(world, &[]);
        world.publish(&job).await;
        json_of(world, &["replay", id(&job)], 0).await;
        let event = event_of_attempt(world, &job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 3);
        assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_a_failed_import_delivers_the_passwords_of_the_users_that_it_had_made() {
    in_world(async |world| {
        let (tenant, job) = half_failed(world).await;
        let _worker = Worker::start(world, &[]);
        json_of(world, &["replay", id(&job)], 0).await;
        let event = event_of_attempt(world, &job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
        let reports = world.reports(&event).await;
        assert_eq!(reports.success_rows().len(), 60);
        assert_passwords_verify(world, tenant, &reports).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_import_that_is_cancelled_delivers_the_passwords_of_its_users() {
    in_world(async |world| {
        let (tenant, job) = half_failed(world).await;
        let _worker = Worker::start(world, &[]);
        json_of(world, &["cancel", id(&job), "--yes"], 0).await;
        let event = event_of_attempt(world, &job, 2).await;
        let summary = &final_data(&event, "cancelled")["summary"];
        assert_eq!(
            (&summary["created"], &summary["cancelled"]),
            (&json!(25), &json!(35))
        );
        assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_failed_before_its_file_was_read_is_read_by_a_replay() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let tools = world.tools();
        let job = world.upload(tenant, good_rows(3)).await;
        receive(&tools, job.to_string().as_bytes()).await.unwrap();
        fail(world, &job).await;
        let _worker = Worker::start(world, &[]);
        json_of(world, &["replay", id(&job)], 0).await;
        let event = event_of_attempt(world, &job, 2).await;
        let reports = world.reports(&event).await;
        assert_eq!(reports.success_rows().len(), 3);
        assert!(
            event["data"]["reports"]["success"]
                .as_str()
                .unwrap()
                .contains("/attempt-2/")
        );
        assert_passwords_verify(world, tenant, &reports).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_with_errors_validates_refused_rows_again_and_delivers_only_the_new_users() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let mut job = world
            .upload(
                tenant,
                "username,email,ext,role\na,a@x.org,,10\nb,b@x.org,,17\nB,b2@x.org,,10\nc,c@x.org,,10,surplus\nd,d,,10\n",
            )
            .await;
        job["fields"] = json!({ "virtual_extension": { "column": "ext", "generate": true } });
        world.publish(&job).await;
        let first = world.final_event(&job).await;
        assert_eq!(
            final_data(&first, "completed")["summary"],
            json!({"total": 5, "created": 1, "duplicates": 1, "errors": 3, "cancelled": 0})
        );
        let before = world.reports(&first).await;
        let output = run(world, &["replay", id(&job)]).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stderr).contains("--errors"));

        sqlx::query("INSERT INTO dialer.roles (tenant_id, role_id, name) VALUES ($1, 17, 'New')")
            .bind(tenant.id.get())
            .execute(&world.db)
            .await
            .unwrap();
        let replayed = json_of(world, &["replay", id(&job), "--errors"], 0).await;
        assert_eq!((&replayed["revalidated"], &replayed["pending"]), (&json!(3), &json!(1)));
        let event = event_of_attempt(world, &job, 2).await;
        assert_eq!(
            final_data(&event, "completed")["summary"],
            json!({"total": 5, "created": 2, "duplicates": 1, "errors": 2, "cancelled": 0})
        );
        let after = world.reports(&event).await;
        let row = &after.success_rows()[0];
        assert_eq!((after.success_rows().len(), row[1].as_str(), row[3].as_str()), (1, "b", "1001"));
        let refused: Vec<String> = after.error_rows().into_iter().map(|row| row[0].clone()).collect();
        assert_eq!(refused, ["B", "c", "d"]);
        assert_eq!(world.reports(&first).await, before, "the first reports stay as they were");
        let mut both = before.clone();
        both.success.extend(after.success.splitn(2, |byte| *byte == b'\n').nth(1).unwrap());
        assert_passwords_verify(world, tenant, &both).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_seal_key_fails_the_import_with_its_name_and_a_replay_with_the_key_finishes_it() {
    in_world(async |world| {
        let (tenant, job) = half_failed(world).await;
        let other = "other:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
        let worker = Worker::start(world, &[("SEAL_KEYS", other)]);
        json_of(world, &["replay", id(&job)], 0).await;
        let event = event_of_attempt(world, &job, 2).await;
        assert_eq!(final_data(&event, "failed")["reason"], "permanent_error");
        let status = json_of(world, &["status", id(&job)], 0).await;
        let error = status["last_error"].as_str().unwrap();
        assert!(error.contains("SEAL_KEYS"), "{error}");
        assert!(worker.terminate().await.success());

        let _worker = Worker::start(world, &[]);
        json_of(world, &["replay", id(&job)], 0).await;
        let event = event_of_attempt(world, &job, 3).await;
        assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_id_and_an_import_that_is_over_are_told_apart() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let job = world.upload(tenant, good_rows(1)).await;
        world.publish(&job).await;
        world.final_event(&job).await;
        let unknown = "00000000-0000-4000-8000-000000000000";
        for (arguments, says) in [
            (["cancel", unknown, "--yes"].as_slice(), "there is no import"),
            (&["replay", unknown], "there is no import"),
            (&["status", unknown], "there is no import"),
            (&["cancel", id(&job), "--yes"], "completed"),
            (&["replay", id(&job), "--errors"], "every row was created"),
        ] {
            let output = run(world, arguments).await;
            let error = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {error}");
            assert!(error.contains(says), "{arguments:?}: {error}");
        }
        assert_eq!(audited(world).await, []);
    })
    .await;
}
