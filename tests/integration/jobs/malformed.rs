//! A message that no worker understands becomes a dead letter, its Dialer is told where it can be, and the next job still
//! runs.

use kit::{Worker, World, final_data, good_rows, id, in_world};
use serde_json::{Value, json};

async fn assert_still_works(world: &World) {
    let next = world.submit(world.tenant().await, good_rows(3)).await;
    world.completed_whole(&next, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_a_job_becomes_a_dead_letter() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        for body in ["", "no JSON", "[]", "{}", r#"{"version": 1}"#] {
            world.publish_to("requested", &body).await;
            assert_eq!(
                world.dead_letter().await,
                ("malformed".to_owned(), body.as_bytes().to_vec())
            );
        }
        for key in ["plans.00", "rows.00", "reports"] {
            world.publish_to(key, "no JSON").await;
            assert_eq!(world.dead_letter().await.0, "malformed");
        }
        assert_still_works(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_beginning_of_a_message_that_is_too_large_is_kept() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let mut job = world.upload(world.tenant().await, good_rows(1)).await;
        // The Dialer is told of a job that is a little too large.
        job["requested_by"] = json!("x".repeat(256 * 1024));
        world.publish(&job).await;
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "refused")["reason"], "malformed");
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
            world.publish_to(key, &body).await;
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

        // A dead letter whose body was not kept cannot be replayed. One whose import was recognised is found by it.
        world.publish_to("requested", &body).await;
        world.until_dead_letters(1).await;
        job["requested_by"] = json!("x".repeat(256 * 1024));
        world
            .publish_to("plans.00", format!("{}{job}", " ".repeat(5000)))
            .await;
        world.until_dead_letters(2).await;
        let listed = world.json_of(&["dead", "list"], 0).await;
        assert_eq!(listed["dead_letters"][0]["size_bytes"], body.len(), "{listed}");
        let (import_id, tenant_id) = (id(&job), job["tenant_id"].to_string());
        for filter in [["--import", import_id], ["--tenant", &tenant_id]] {
            let found = world.json_of(&["dead", "list", filter[0], filter[1]], 0).await;
            assert_eq!(found["dead_letters"].as_array().unwrap().len(), 1, "{found}");
            assert_eq!(found["dead_letters"][0]["import_id"], job["import_id"], "{found}");
        }
        let would = world.user_import(&["dead", "replay", "--all", "--dry-run"]).await;
        let would = would.out;
        assert!(
            would.starts_with("this would replay 0 dead letters") && would.contains("left where it is"),
            "{would}"
        );
        let replayed = world.json_of(&["dead", "replay", "--all"], 0).await;
        for letter in replayed["dead_letters"].as_array().unwrap() {
            let did = letter["did"].as_str().unwrap();
            assert!(did.starts_with("left where it is"), "{replayed}");
        }
        assert_eq!(replayed["changed"], false, "{replayed}");
        world.json_of(&["dead", "discard", "--all", "--yes"], 0).await;
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
            world.publish_to(key, &body).await;
            assert_eq!(
                world.dead_letter().await,
                ("malformed".to_owned(), body.as_bytes().to_vec()),
                "{key}"
            );
        }
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "refused")["reason"], "malformed");
        assert_still_works(world).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_job_is_reported_to_the_dialer() {
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
            let event = world.run(&job).await;
            let data = final_data(&event, "refused");
            assert_eq!(
                (&data["reason"], &data["tenant_id"]),
                (&json!("malformed"), &job["tenant_id"])
            );
            assert_eq!(world.dead_letter().await.0, "malformed");
        }
        assert_still_works(world).await;
    })
    .await;
}
