//! What operators do to an import while workers run: cancel it, replay it. Nothing is lost, nothing is created twice,
//! and the counts always add up.

use kit::{Worker, final_data, good_rows, id, in_world, steps::receive, summary};
use serde_json::json;

/// Slow enough that an import lasts for a while.
const SLOW: &[(&str, &str)] = &[
    ("ARGON2_MEMORY_KIB", "19456"),
    ("ARGON2_PASSES", "2"),
    ("HASH_THREADS", "1"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_import_keeps_its_users_and_reports_the_rest_and_a_replay_finishes_it() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let workers = [Worker::start(world, SLOW), Worker::start(world, SLOW)];
        let job = world.submit(tenant, good_rows(500)).await;
        world.until_users(50).await;

        let refused = world.json_of(&["cancel", id(&job)], 5).await;
        assert_eq!(refused["changed"], false);
        let arguments = ["cancel", id(&job), "--yes", "--reason", "wrong file"];
        // Two operators at once, while both workers commit batches.
        let (one, other) = tokio::join!(world.json_of(&arguments, 0), world.json_of(&arguments, 0));
        assert_ne!(one["changed"], other["changed"], "one of them was first");

        let event = world.event_of_attempt(&job, 1).await;
        let counts = &final_data(&event, "cancelled")["summary"];
        let created = counts["created"].as_u64().unwrap();
        assert!((50..500).contains(&created), "{counts}");
        assert_eq!(
            *counts,
            json!({"total": 500, "created": created, "duplicates": 0, "errors": 0, "cancelled": 500 - created})
        );
        let first = world.verified_reports(&event).await;
        let refused = first.error_rows();
        assert_eq!(refused.len() as u64, 500 - created);
        assert!(
            refused.iter().all(|row| row[6] == "cancelled"),
            "{:?}",
            refused[0]
        );

        drop(workers);
        let _workers = [Worker::start(world, &[]), Worker::start(world, &[])];
        let replayed = world.json_of(&["replay", id(&job), "--cancelled", "--yes"], 0).await;
        assert_eq!(
            (&replayed["attempt"], &replayed["changed"]),
            (&json!(2), &json!(true))
        );
        let event = world.event_of_attempt(&job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"], summary(500, 0, 0));
        let second = world.reports(&event).await;
        assert_eq!(second.success_rows().len() as u64, 500 - created);
        world.assert_passwords_verify(tenant, &second.and(&first)).await;
        let audit = world.audited().await;
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
        let job = world.upload(tenant, good_rows(3)).await;
        receive(&world.context(), &job).await;
        assert_eq!(
            world.json_of(&["cancel", id(&job), "--yes"], 0).await["state"],
            "cancelled"
        );
        let event = world.event_of_attempt(&job, 1).await;
        assert_eq!(final_data(&event, "cancelled")["summary"]["total"], 0);
        // The job's message comes late, and finds nothing to do.
        let _worker = Worker::start(world, &[]);
        world.publish(&job).await;
        let asked = world.json_of(&["replay", id(&job), "--cancelled"], 5).await;
        assert!(
            asked["would"].as_str().unwrap().contains("reads the file"),
            "{asked}"
        );
        world
            .json_of(&["replay", id(&job), "--cancelled", "--yes"], 0)
            .await;
        let event = world.event_of_attempt(&job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 3);
        world.verified_reports(&event).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_a_failed_import_delivers_the_passwords_of_the_users_that_it_had_made() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let _worker = Worker::start(world, &[]);
        world.json_of(&["replay", id(&job)], 0).await;
        let event = world.event_of_attempt(&job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
        assert_eq!(world.verified_reports(&event).await.success_rows().len(), 60);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_import_that_is_cancelled_delivers_the_passwords_of_its_users() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let _worker = Worker::start(world, &[]);
        world.json_of(&["cancel", id(&job), "--yes"], 0).await;
        let event = world.event_of_attempt(&job, 2).await;
        let summary = &final_data(&event, "cancelled")["summary"];
        assert_eq!(
            (&summary["created"], &summary["cancelled"]),
            (&json!(25), &json!(35))
        );
        world.verified_reports(&event).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_failed_before_its_file_was_read_is_read_by_a_replay() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let job = world.upload(tenant, good_rows(3)).await;
        receive(&world.context(), &job).await;
        world.fail(&job).await;
        let _worker = Worker::start(world, &[]);
        world.json_of(&["replay", id(&job)], 0).await;
        let event = world.event_of_attempt(&job, 2).await;
        let key = event["data"]["reports"]["success"].as_str().unwrap();
        assert!(key.contains("/attempt-2/"), "{key}");
        assert_eq!(world.verified_reports(&event).await.success_rows().len(), 3);
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
        let first = world.run(&job).await;
        assert_eq!(
            final_data(&first, "completed")["summary"],
            summary(1, 1, 3)
        );
        let before = world.reports(&first).await;
        let output = world.user_import(&["replay", id(&job)]).await;
        assert_eq!(output.code, Some(1));
        assert!(output.error.contains("--errors"));

        sqlx::query("INSERT INTO dialer.roles (tenant_id, role_id, name) VALUES ($1, 17, 'New')")
            .bind(tenant.id.get())
            .execute(&world.db)
            .await
            .unwrap();
        let replayed = world.json_of(&["replay", id(&job), "--errors"], 0).await;
        assert_eq!((&replayed["revalidated"], &replayed["pending"]), (&json!(3), &json!(1)));
        let event = world.event_of_attempt(&job, 2).await;
        assert_eq!(
            final_data(&event, "completed")["summary"],
            summary(2, 1, 2)
        );
        let after = world.reports(&event).await;
        let row = &after.success_rows()[0];
        assert_eq!((after.success_rows().len(), row[1].as_str(), row[3].as_str()), (1, "b", "1001"));
        let refused: Vec<String> = after.error_rows().into_iter().map(|row| row[0].clone()).collect();
        assert_eq!(refused, ["B", "c", "d"]);
        assert_eq!(world.reports(&first).await, before, "the first reports stay as they were");
        world.assert_passwords_verify(tenant, &before.and(&after)).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_id_and_a_final_import_get_different_errors() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let job = world.submit(tenant, good_rows(1)).await;
        world.final_event(&job).await;
        let unknown = "00000000-0000-4000-8000-000000000000";
        for (arguments, says) in [
            (["cancel", unknown, "--yes"].as_slice(), "there is no import"),
            (&["replay", unknown], "there is no import"),
            (&["status", unknown], "there is no import"),
            (&["cancel", id(&job), "--yes"], "completed"),
            (&["replay", id(&job), "--errors"], "every row was created"),
        ] {
            let output = world.user_import(arguments).await;
            let error = output.error;
            assert_eq!(output.code, Some(1), "{arguments:?}: {error}");
            assert!(error.contains(says), "{arguments:?}: {error}");
        }
        assert_eq!(world.audited().await, []);
    })
    .await;
}
