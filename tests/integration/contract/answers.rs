//! Every job gets an answer: the outcome of its import, or why it was refused.

use kit::{Worker, World, dialer::is_final, eventually, final_data, good_rows, id, in_world};
use serde_json::{Value, json};

fn kind(event: &Value) -> &str {
    event["type"].as_str().unwrap().rsplit('.').next().unwrap()
}

/// Waits for the refusal of a job, by its reason.
async fn refusal(world: &World, job: &Value, reason: &str) -> Value {
    eventually("the refusal", async || {
        let mut events = world.events(job).into_iter();
        events.find(|event| kind(event) == "refused" && event["data"]["reason"] == reason)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_refused_is_answered_and_the_import_of_its_id_goes_on() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        let job = world.upload(tenant, good_rows(3)).await;
        let mut malformed = job.clone();
        malformed["tenant_id"] = json!(tenant.id.to_string());
        world.publish(&malformed).await;
        let first = refusal(world, &job, "malformed").await;
        assert_eq!(
            (&first["data"]["path"], &first["data"]["tenant_id"]),
            (&json!("/tenant_id"), &job["tenant_id"]),
            "what can be read of a job is read"
        );
        assert!(
            first["data"]["message"]
                .as_str()
                .unwrap()
                .contains("without the quotes"),
            "{first}"
        );

        // Whatever else is wrong with it.
        let mut odd = job.clone();
        odd["attempt"] = json!("1");
        world.publish(&odd).await;
        eventually("the answer to the odd one", async || {
            let refused = world
                .events(&job)
                .into_iter()
                .filter(|event| kind(event) == "refused");
            (refused.count() > 1).then_some(())
        })
        .await;

        world.publish(&job).await;
        let last = eventually("the import's end", async || {
            world.events(&job).into_iter().find(is_final)
        })
        .await;
        assert_eq!(final_data(&last, "completed")["summary"]["created"], 3);

        let mut other = job.clone();
        other["mode"] = json!("validate");
        world.publish(&other).await;
        let taken = refusal(world, &job, "import_id_taken").await;
        // The same refusal is the same event; a different one is a different event.
        world.publish(&malformed).await;
        let again = eventually("the same refusal", async || {
            let events = world.events(&job).into_iter();
            let same: Vec<Value> = events.filter(|event| event["id"] == first["id"]).collect();
            (same.len() > 1).then_some(same)
        })
        .await;
        assert!(again.iter().all(|event| *event == first), "{again:?}");
        assert_ne!(taken["id"], first["id"]);
        assert!(
            world
                .events(&job)
                .iter()
                .filter(|event| is_final(event))
                .all(|event| *event == last)
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_in_another_spelling_is_the_same_job() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let job = world.upload(world.tenant().await, good_rows(2)).await;
        world.publish(&job).await;
        let event = world.final_event(&job).await;
        let mut same = job.clone();
        same["requested_by"] = json!("somebody else");
        same["two_factor"] = json!("default");
        same["tenant_id"] = json!(job["tenant_id"].as_f64().unwrap());
        let etag = same["source"]["etag"]
            .as_str()
            .map(|etag| format!("W/\"{}\"", etag.trim_matches('"')));
        if let Some(etag) = etag {
            same["source"]["etag"] = json!(etag);
        }
        world
            .publish_to("requested", format!("\u{FEFF}{same}").as_bytes())
            .await;
        eventually("the event once more", async || {
            let events = world.events(&job).into_iter();
            (events.filter(|again| *again == event).count() > 1).then_some(())
        })
        .await;
        assert_eq!(world.dead_letters().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_told_when_it_is_received_and_planned_and_then_how_far_it_is() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[("BATCH_ROWS", "1")]);
        let content = format!("{}bad,bad,22,10\n", good_rows(12));
        let job = world.upload(world.tenant().await, content).await;
        world.publish(&job).await;
        world.final_event(&job).await;
        let events = world.events(&job);
        let one =
            |wanted: &str| -> Vec<&Value> { events.iter().filter(|event| kind(event) == wanted).collect() };
        assert_eq!(one("received").len(), 1, "{events:?}");
        let [planned] = one("planned")[..] else {
            panic!("{events:?}")
        };
        assert_eq!(
            (&planned["data"]["summary"]["total"], &planned["data"]["pending"]),
            (&json!(13), &json!(12))
        );
        for progress in one("progress") {
            let summary = &progress["data"]["summary"];
            let settled: u64 = ["created", "duplicates", "errors"]
                .iter()
                .map(|count| summary[count].as_u64().unwrap())
                .sum();
            assert_eq!(settled + progress["data"]["pending"].as_u64().unwrap(), 13);
        }
        // Published again, each is the same.
        world.publish(&job).await;
        let known = events.clone();
        eventually("the last event once more", async || {
            (world.events(&job).len() > known.len()).then_some(())
        })
        .await;
        assert!(world.events(&job).iter().all(|event| known.contains(event)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_waits_for_storage_says_so() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(2)).await;
        let away = [("S3_ENDPOINT", "http://127.0.0.1:9")];
        let worker = Worker::start(world, &away);
        world.publish(&job).await;
        let delayed = eventually("the delay", async || {
            world
                .events(&job)
                .into_iter()
                .find(|event| kind(event) == "delayed")
        })
        .await;
        assert_eq!(delayed["data"]["reason"], "storage", "{delayed}");
        let (since, next) = (
            delayed["data"]["since"].as_str().unwrap(),
            delayed["data"]["next_try_at"].as_str().unwrap(),
        );
        assert!(since < next, "{delayed}");
        assert!(worker.terminate().await.success());
        let _worker = Worker::start(world, &[]);
        final_data(&world.final_event(&job).await, "completed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_event_leads_to_all_passwords_of_an_import() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        // Row 2 is an error until the extension is free.
        let content = "username,email,ext,role\nann,ann@example.com,21,10\nbob,bob@example.com,22,12\n";
        let job = world.upload(tenant, content).await;
        world.publish(&job).await;
        let first = world.final_event(&job).await;
        assert_eq!(first["data"]["attempts"][0]["created"], 1, "{first}");
        assert_eq!(first["data"]["problem_counts"], json!({ "unknown_reference": 1 }));
        sqlx::query("UPDATE dialer.roles SET active = true")
            .execute(&world.db)
            .await
            .unwrap();
        world.json_of(&["replay", "--errors", id(&job)], 0).await;

        let second = world.event_of_attempt(&job, 2).await;
        let data = final_data(&second, "completed");
        assert_eq!(data["summary"]["created"], 2, "of the import");
        let attempts = data["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 2, "{data}");
        assert_eq!(attempts[1]["reports"], data["reports"]);
        assert_eq!(attempts[0], first["data"]["attempts"][0]);
        let mut users = Vec::new();
        for attempt in attempts {
            assert_eq!(attempt["created"], 1, "of the attempt");
            let reports = world.reports(&json!({ "data": attempt })).await;
            users.extend(reports.success_rows().into_iter().map(|row| row[1].clone()));
        }
        assert_eq!(users, ["ann", "bob"]);
    })
    .await;
}
