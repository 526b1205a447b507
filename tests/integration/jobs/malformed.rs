//! Jobs that cannot be done get the right event or dead letter, and the next job still runs.

use kit::{Worker, World, eventually, final_data, in_world};
use serde_json::{Value, json};

use crate::{
    imports::outcomes::{assert_passwords_verify, good_rows},
    operators::cancel_and_replay::{json_of, run},
    operators::tools::until_dead,
};

async fn rejection(world: &World, job: &Value) -> String {
    world.publish(job).await;
    let event = world.final_event(job).await;
    let data = final_data(&event, "rejected");
    assert!(!data["message"].as_str().unwrap().is_empty());
    let state: (String, String) =
        sqlx::query_as("SELECT state, rejection_code FROM imports.imports WHERE import_id = $1::uuid")
            .bind(job["import_id"].as_str().unwrap())
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!(
        state,
        ("rejected".to_owned(), data["code"].as_str().unwrap().to_owned())
    );
    state.1
}

async fn assert_still_works(world: &World) {
    let tenant = world.tenant().await;
    let job = world.upload(tenant, good_rows(3)).await;
    world.publish(&job).await;
    let reports = world.reports(&world.final_event(&job).await).await;
    assert_passwords_verify(world, tenant, &reports).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_file_cannot_be_had_is_rejected() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let (tenant, other) = (world.tenant().await, world.tenant().await);

        let mut unknown_tenant = world.upload(tenant, good_rows(1)).await;
        unknown_tenant["tenant_id"] = json!(4_000_000_000_000_000_000_i64);
        assert_eq!(rejection(world, &unknown_tenant).await, "unknown_tenant");

        let mut missing = world.upload(tenant, good_rows(1)).await;
        missing["source"]["key"] = json!(format!("tenants/{}/uploads/nothing.csv", tenant.id));
        assert_eq!(rejection(world, &missing).await, "object_missing");

        let of_other = world.upload(other, good_rows(1)).await["source"]["key"].clone();
        let around = format!("tenants/{}/../{}/uploads/x.csv", tenant.id, other.id);
        for key in [of_other, json!(around), json!("users.csv")] {
            let mut foreign = world.upload(tenant, good_rows(1)).await;
            foreign["source"]["key"] = key;
            assert_eq!(rejection(world, &foreign).await, "foreign_object");
        }

        let mut changed = world.upload(tenant, good_rows(1)).await;
        changed["source"]["etag"] = json!("0123456789abcdef0123456789abcdef");
        assert_eq!(rejection(world, &changed).await, "object_changed");
        let mut resized = world.upload(tenant, good_rows(1)).await;
        resized["source"]["size_bytes"] = json!(1);
        assert_eq!(rejection(world, &resized).await, "object_changed");

        assert_still_works(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_the_rules_is_rejected_whole() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        let cases = [
            (good_rows(501).into_bytes(), "too_many_rows"),
            (b"Username,Email,Virtual Extension,Role\n".to_vec(), "empty_file"),
            (b"a,a@x.org,21,10\nb,b@x.org,22,10\n".to_vec(), "missing_header"),
            (
                b"Username,Email,Virtual Extension\na,a@x.org,21\n".to_vec(),
                "required_field_unmapped",
            ),
            (
                b"Username,Email,E-Mail,Email,Ext,Role\na,a@x.org,,,21,10\n".to_vec(),
                "duplicate_header",
            ),
            (b"PK\x03\x04 and so on".to_vec(), "not_csv"),
            (vec![b'a'; 5 * 1024 * 1024 + 1], "file_too_large"),
        ];
        for (file, code) in cases {
            let job = world.upload(tenant, file).await;
            assert_eq!(rejection(world, &job).await, code);
        }
        let mut unmapped = world.upload(tenant, good_rows(1)).await;
        unmapped["fields"] = json!({ "username": { "column": "Nick" } });
        assert_eq!(rejection(world, &unmapped).await, "column_not_found");
        let mut no_such_role = world.upload(tenant, good_rows(1)).await;
        no_such_role["fields"] = json!({ "role": { "value": 99 } });
        assert_eq!(rejection(world, &no_such_role).await, "unknown_reference");

        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM dialer.users")
            .fetch_one(&world.db)
            .await
            .unwrap();
        assert_eq!(users, 0);
        assert_still_works(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_job_becomes_a_dead_letter() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        for body in ["", "no JSON", "[]", "{}", r#"{"version": 1}"#] {
            world.publish_to("requested", body.as_bytes()).await;
            assert_eq!(
                world.dead_letter().await,
                ("malformed".to_owned(), body.as_bytes().to_vec())
            );
        }
        for key in ["plans.00", "rows.00", "reports"] {
            world.publish_to(key, b"no JSON").await;
            assert_eq!(world.dead_letter().await.0, "malformed");
        }
        assert_still_works(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_message_that_is_too_large_only_the_beginning_is_kept() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let mut job = world.upload(world.tenant().await, good_rows(1)).await;
        // The Dialer is told of a job that is a little too large.
        job["requested_by"] = json!("x".repeat(256 * 1024));
        world.publish(&job).await;
        assert_eq!(
            final_data(&world.final_event(&job).await, "failed")["reason"],
            "malformed"
        );
        assert_eq!(
            world.dead_letter().await,
            (
                "malformed".to_owned(),
                job.to_string().as_bytes()[..4096].to_vec()
            )
        );
        job["requested_by"] = json!("x".repeat(60 * 1024 * 1024));
        let body = job.to_string();
        for key in ["requested", "plans.01", "rows.00", "reports"] {
            world.publish_to(key, body.as_bytes()).await;
            assert_eq!(
                world.dead_letter().await,
                ("malformed".to_owned(), body.as_bytes()[..4096].to_vec()),
                "{key}"
            );
        }
        assert!(
            world
                .logged()
                .contains(&format!("{} bytes are more than the 262144", body.len()))
        );

        // What is not there any more cannot be sent again. That of the one whose import could be told is found by it.
        world.publish_to("requested", body.as_bytes()).await;
        until_dead(world, 1).await;
        job["requested_by"] = json!("x".repeat(256 * 1024));
        world
            .publish_to("plans.00", format!("{}{job}", " ".repeat(5000)).as_bytes())
            .await;
        until_dead(world, 2).await;
        let listed = json_of(world, &["dead", "list"], 0).await;
        assert_eq!(listed["dead_letters"][0]["size_bytes"], body.len(), "{listed}");
        let (import_id, tenant_id) = (job["import_id"].as_str().unwrap(), job["tenant_id"].to_string());
        for filter in [["--import", import_id], ["--tenant", &tenant_id]] {
            let found = json_of(world, &["dead", "list", filter[0], filter[1]], 0).await;
            assert_eq!(found["dead_letters"].as_array().unwrap().len(), 1, "{found}");
            assert_eq!(found["dead_letters"][0]["import_id"], job["import_id"], "{found}");
        }
        let would = run(world, &["dead", "replay", "--all", "--dry-run"]).await;
        let would = String::from_utf8(would.stdout).unwrap();
        assert!(
            would.starts_with("this would replay 0 dead letters") && would.contains("left where it is"),
            "{would}"
        );
        let replayed = json_of(world, &["dead", "replay", "--all"], 0).await;
        for letter in replayed["dead_letters"].as_array().unwrap() {
            let did = letter["did"].as_str().unwrap();
            assert!(did.starts_with("left where it is"), "{replayed}");
        }
        assert_eq!(replayed["changed"], false, "{replayed}");
        json_of(world, &["dead", "discard", "--all", "--yes"], 0).await;
        assert_eq!(world.dead_letters().await, 0);
        assert_still_works(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deeply_nested_message_becomes_a_dead_letter() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let job = world.upload(world.tenant().await, good_rows(1)).await;
        let (open, close) = ("[".repeat(120_000), "]".repeat(120_000));
        let nested = job.to_string().replace(
            r#""version":1"#,
            &format!(r#""version":1,"fields":{open}{close}"#),
        );
        for (key, body) in [
            ("requested", &open),
            ("requested", &nested),
            ("plans.00", &nested),
            ("rows.00", &nested),
            ("reports", &nested),
        ] {
            world.publish_to(key, body.as_bytes()).await;
            assert_eq!(
                world.dead_letter().await,
                ("malformed".to_owned(), body.as_bytes().to_vec()),
                "{key}"
            );
        }
        assert_eq!(
            final_data(&world.final_event(&job).await, "failed")["reason"],
            "malformed"
        );
        assert_still_works(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dialer_is_told_of_a_job_that_is_not_valid() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        let wrong: [fn(&mut Value); 5] = [
            |job| job["usrname"] = json!({}),
            |job| job["version"] = json!(2),
            |job| job["sip"] = json!({ "kind": "classic_pbx" }),
            |job| job["sip"] = json!({ "kind": "webrtc", "pbx_domain_id": 50 }),
            |job| job["security"] = json!({ "max_session_minutes": 0 }),
        ];
        for spoil in wrong {
            let mut job = world.upload(tenant, good_rows(1)).await;
            spoil(&mut job);
            world.publish(&job).await;
            let event = world.final_event(&job).await;
            let data = final_data(&event, "failed");
            assert_eq!(
                (&data["reason"], &data["created"]),
                (&json!("malformed"), &json!(0))
            );
            assert_eq!(world.dead_letter().await.0, "malformed");
        }
        assert_still_works(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_id_belongs_to_its_first_job() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let (tenant, other) = (world.tenant().await, world.tenant().await);
        let job = world.upload(tenant, good_rows(3)).await;
        world.publish(&job).await;
        let event = world.final_event(&job).await;

        let mut of_other = world.upload(other, good_rows(5)).await;
        of_other["import_id"] = job["import_id"].clone();
        world.publish(&of_other).await;
        assert_eq!(world.dead_letter().await.0, "import_id_taken");
        let mut malformed = job.clone();
        malformed["usrname"] = json!(1);
        world.publish(&malformed).await;
        assert_eq!(world.dead_letter().await.0, "malformed");

        assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
        let finals = world
            .events(&job)
            .into_iter()
            .filter(|event| event["type"] != "dialer.import.progress");
        assert!(
            finals.into_iter().all(|again| again == event),
            "no other event speaks of the import"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_job_published_again_is_one_import() {
    in_world(async |world| {
        let _workers = [Worker::start(world, &[]), Worker::start(world, &[])];
        let tenant = world.tenant().await;
        let job = world.upload(tenant, good_rows(200)).await;
        world.publish(&job).await;
        world.publish(&job).await;
        let event = world.final_event(&job).await;
        let reports = world.reports(&event).await;
        assert_passwords_verify(world, tenant, &reports).await;

        world.publish(&job).await;
        eventually("the event once more", async || {
            let again = world
                .events(&job)
                .into_iter()
                .filter(|again| again["id"] == event["id"])
                .collect::<Vec<_>>();
            (again.len() > 1).then_some(again)
        })
        .await
        .into_iter()
        .for_each(|again| assert_eq!(again, event));
        assert_eq!(world.reports(&event).await, reports);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_job_three_times_at_once_is_one_import() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let jobs = [world.upload(tenant, good_rows(100)).await];
        for job in &jobs {
            tokio::join!(world.publish(job), world.publish(job), world.publish(job));
        }
        let _workers = [
            Worker::start(world, &[]),
            Worker::start(world, &[]),
            Worker::start(world, &[]),
        ];
        let event = world.final_event(&jobs[0]).await;
        assert_eq!(event["data"]["summary"]["created"], 100);
        assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
        let ids: std::collections::BTreeSet<String> = world
            .events(&jobs[0])
            .iter()
            .filter(|event| event["type"] != "dialer.import.progress")
            .map(|event| event["id"].to_string())
            .collect();
        assert_eq!(ids.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_imports_of_the_same_names_create_each_name_once() {
    in_world(async |world| {
        let _workers = [Worker::start(world, &[]), Worker::start(world, &[])];
        let tenant = world.tenant().await;
        let mut jobs = Vec::new();
        for _ in 0..4 {
            jobs.push(world.upload(tenant, good_rows(120)).await);
        }
        for job in &jobs {
            world.publish(job).await;
        }
        let mut created = 0;
        for job in &jobs {
            let summary = world.final_event(job).await["data"]["summary"].clone();
            let count = |name: &str| summary[name].as_u64().unwrap();
            assert_eq!(count("created") + count("duplicates"), 120, "{summary}");
            assert_eq!(
                count("errors"),
                0,
                "an extension whose holder is the duplicated user is no error"
            );
            created += count("created");
        }
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM dialer.users WHERE tenant_id = $1")
            .bind(tenant.id.get())
            .fetch_one(&world.db)
            .await
            .unwrap();
        assert_eq!((users, created), (120, 120));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_names_in_two_tenants_are_different_users() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let (one, two) = (world.tenant().await, world.tenant().await);
        let (first, second) = (
            world.upload(one, good_rows(40)).await,
            world.upload(two, good_rows(40)).await,
        );
        world.publish(&first).await;
        world.publish(&second).await;
        for (tenant, job) in [(one, &first), (two, &second)] {
            let event = world.final_event(job).await;
            assert_eq!(event["data"]["tenant_id"], json!(tenant.id));
            assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
        }
    })
    .await;
}
