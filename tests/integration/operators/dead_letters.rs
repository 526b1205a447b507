//! Dead letters are listed, shown, replayed and discarded, in any number, and none is lost on the way.

use kit::{OTHER_SEAL_KEY, Tenant, Worker, World, eventually, final_data, good_rows, id, in_world};
use serde_json::{Value, json};

use crate::operators::lists::texts;

/// Three dead letters of two tenants: two that are not jobs, and the job of a failed import.
async fn three_dead(world: &World) -> (Tenant, Value) {
    let tenant = world.tenant().await;
    let other = world.tenant().await;
    let worker = Worker::start(world, &[]);
    for (n, tenant) in [(1, tenant), (2, other)] {
        let import_id = format!("00000000-0000-4000-8000-00000000000{n}");
        let body = json!({ "version": 1, "import_id": import_id, "tenant_id": tenant.id });
        world.publish_to("requested", body.to_string()).await;
        world.until_dead_letters(n).await;
    }
    // Sealed with a key that this worker does not have: a permanent error.
    let job = world.half_failed().await;
    assert!(worker.terminate().await.success());
    let worker = Worker::start(world, &[("SEAL_KEYS", OTHER_SEAL_KEY)]);
    world.json_of(&["replay", id(&job)], 0).await;
    world.event_of_attempt(&job, 2).await;
    // 35 pending rows are two batches; whichever came second found the import failed already.
    eventually("the dead letter of the import", async || {
        (world.dead_letters().await >= 3).then_some(())
    })
    .await;
    assert!(worker.terminate().await.success());
    (tenant, job)
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_listed_in_order_shown_and_chosen_and_the_others_stay() {
    in_world(async |world| {
        let (tenant, job) = three_dead(world).await;
        let listed = world.json_of(&["dead", "list"], 0).await;
        let letters = &listed["dead_letters"];
        let count = i64::try_from(letters.as_array().unwrap().len()).unwrap();
        assert_eq!(
            texts(letters, "reason")[..3],
            ["malformed", "malformed", "permanent_error"]
        );
        assert_eq!(
            (&letters[2]["import_id"], &letters[2]["import_state"]),
            (&job["import_id"], &json!("failed"))
        );
        world.until_dead_letters(count).await;

        let first = letters[0]["dead_letter_id"].to_string();
        let shown = world.json_of(&["dead", "show", &first], 0).await;
        assert!(shown["body"].as_str().unwrap().contains("\"version\":1"));
        world.until_dead_letters(count).await;
        let tenant_id = tenant.id.to_string();
        for arguments in [
            ["dead", "replay", "--all", "--dry-run"].as_slice(),
            &["dead", "discard", "--dead-reason", "malformed", "--dry-run"],
        ] {
            assert_eq!(world.json_of(arguments, 0).await["changed"], false);
            world.until_dead_letters(count).await;
        }
        world
            .json_of(&["dead", "discard", "--tenant", &tenant_id], 5)
            .await;
        world.until_dead_letters(count).await;
        assert_eq!(
            world.json_of(&["dead", "list"], 0).await,
            listed,
            "nothing was lost or reordered"
        );

        let discard = [
            "dead", "discard", "--tenant", &tenant_id, "--yes", "--reason", "junk",
        ];
        world.json_of(&discard, 0).await;
        world.until_dead_letters(count - 1).await;
        let left = world.json_of(&["dead", "list"], 0).await;
        assert_eq!(
            left["dead_letters"].as_array().unwrap(),
            &letters.as_array().unwrap()[1..]
        );
        assert_eq!(
            world.audited().await.last().unwrap(),
            &(
                "dead discard".to_owned(),
                "olga".to_owned(),
                Some("junk".to_owned())
            )
        );
        for arguments in [
            ["dead", "show", "4711"].as_slice(),
            &["dead", "replay", "4711"],
            &["dead", "replay", &first],
        ] {
            assert_eq!(world.user_import(arguments).await.code, Some(1), "{arguments:?}");
        }
        assert_eq!(world.user_import(&["dead", "discard"]).await.code, Some(2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replayed_dead_letters_finish_their_import_or_come_back() {
    in_world(async |world| {
        let (_, job) = three_dead(world).await;
        let _worker = Worker::start(world, &[]);
        let replayed = world
            .json_of(&["dead", "replay", "--dead-reason", "permanent_error"], 0)
            .await;
        let did = &replayed["dead_letters"][0]["did"];
        assert!(did.as_str().unwrap().contains("attempt 3"), "{replayed}");
        let event = world.event_of_attempt(&job, 3).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
        world.until_dead_letters(2).await;
        // What is not a job is not one the second time either.
        world.json_of(&["dead", "replay", "--all"], 0).await;
        world.until_dead_letters(2).await;
        let listed = world.json_of(&["dead", "list"], 0).await;
        assert_eq!(
            texts(&listed["dead_letters"], "reason"),
            ["malformed", "malformed"]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_number_of_dead_letters_is_listed_and_changed_page_by_page() {
    in_world(async |world| {
        let (tenant, other) = (world.tenant().await, world.tenant().await);
        // 1200 dead letters: every third of the other tenant, every fourth for another reason; the first 200 are a day old.
        sqlx::query(
            "INSERT INTO imports.dead_letters (reason, origin, import_id, tenant_id, retry_count, size_bytes, body,
                                               fingerprint, set_aside_at)
             SELECT CASE WHEN n % 4 = 0 THEN 'malformed' ELSE 'retries_exhausted' END, 'requested', gen_random_uuid(),
                    CASE WHEN n % 3 = 0 THEN $2 ELSE $1 END, 0, 2, '{}', int4send(n),
                    now() - make_interval(days => CASE WHEN n <= 200 THEN 1 ELSE 0 END)
               FROM generate_series(1, 1200) n",
        )
        .bind(tenant.id.get())
        .bind(other.id.get())
        .execute(&world.db)
        .await
        .unwrap();

        let (mut after, mut numbers) = (0, Vec::new());
        loop {
            let list = ["dead", "list", "--limit", "500", "--after", &after.to_string()];
            let page = world.json_of(&list, 0).await;
            let letters = page["dead_letters"].as_array().unwrap();
            numbers.extend(letters.iter().map(|letter| letter["dead_letter_id"].as_i64().unwrap()));
            let Some(next) = page["next"].as_i64() else { break };
            after = next;
        }
        assert_eq!(numbers.len(), 1200);
        assert!(numbers.is_sorted_by(|one, other| one < other));

        let count = |found: &Value| found["dead_letters"].as_array().unwrap().len();
        let others = other.id.to_string();
        for (filter, expected) in [
            (["--dead-reason", "malformed"].as_slice(), 300),
            (&["--tenant", &others], 400),
            (&["--tenant", &others, "--dead-reason", "malformed"], 100),
            (&["--older-than", "12h"], 200),
            (&["--newer-than", "12h", "--tenant", &others], 334),
            (&["--over"], 0),
            (&["--state", "discarded"], 0),
        ] {
            let list = [&["dead", "list", "--limit", "10000"], filter].concat();
            assert_eq!(count(&world.json_of(&list, 0).await), expected, "{filter:?}");
        }

        let would = world.user_import(&["dead", "discard", "--tenant", &others]).await;
        assert_eq!(would.code, Some(5), "{would:?}");
        for part in ["this would discard 400 dead letters:", "… and 380 more"] {
            assert!(would.out.contains(part), "{would:?}");
        }
        let dry = world.json_of(&["dead", "discard", "--all", "--dry-run"], 0).await;
        assert_eq!((count(&dry), &dry["changed"]), (1200, &json!(false)));
        assert_eq!(world.dead_letters().await, 1200);

        let discard = ["dead", "discard", "--tenant", &others, "--yes", "--reason", "junk"];
        assert_eq!(count(&world.json_of(&discard, 0).await), 400);
        assert_eq!(world.dead_letters().await, 800);
        world.json_of(&["dead", "replay", "--dead-reason", "malformed"], 0).await;
        assert_eq!(world.dead_letters().await, 600);
        assert_eq!(world.waiting("imports.requested").await, 200);
        let commands = world.audited_commands().await;
        let audited = |command: &str| commands.iter().filter(|entry| *entry == command).count();
        assert_eq!((audited("dead discard"), audited("dead replay")), (400, 200));
        let gone = world.json_of(&["dead", "list", "--state", "discarded", "--limit", "1"], 0).await;
        assert_eq!(gone["dead_letters"][0]["closed_by"], "olga");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_two_operators_replay_at_once_is_replayed_once() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(20)).await;
        let number = world
            .set_aside("retries_exhausted", "requested", &job)
            .await
            .to_string();
        let replay = ["dead", "replay", number.as_str()];
        let (one, other) = tokio::join!(world.user_import(&replay), world.user_import(&replay));
        for ran in [&one, &other] {
            // The slower one may have found it closed already.
            let closed = ran.error.contains("there is no open dead letter");
            assert!(ran.code == Some(0) || closed, "{ran:?}");
        }
        assert!([one.code, other.code].contains(&Some(0)));
        let _worker = Worker::start(world, &[]);
        world.completed_whole(&job, 20).await;
        assert_eq!(world.dead_letters().await, 0);
        assert_eq!(world.audited().await.len(), 1);
    })
    .await;
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_dies_before_it_is_noted_is_made_again_and_does_no_harm() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(20)).await;
        world.set_aside("retries_exhausted", "requested", &job).await;
        let replay = ["dead", "replay", "--all"];
        let dying = [("FAILPOINTS", "dead-letter-published=return")];
        let died = world.user_import_with(&dying, &replay).await;
        assert_ne!(died.code, Some(0), "{died:?}");
        let open_and_published = async || {
            (
                world.dead_letters().await,
                world.waiting("imports.requested").await,
            )
        };
        assert_eq!(open_and_published().await, (1, 1));
        world.json_of(&replay, 0).await;
        assert_eq!(open_and_published().await, (0, 2));
        let _worker = Worker::start(world, &[]);
        world.completed_whole(&job, 20).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_that_no_queue_takes_stays_and_the_others_go() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(2)).await;
        world.set_aside("malformed", "nowhere", &json!({})).await;
        world.set_aside("retries_exhausted", "requested", &job).await;
        let replayed = world.json_of(&["dead", "replay", "--all"], 1).await;
        let did = texts(&replayed["dead_letters"], "did");
        for part in ["left where it is", "found no queue"] {
            assert!(did[0].contains(part), "{replayed}");
        }
        assert_eq!(did[1..], ["sent to requested again"]);
        assert_eq!(world.dead_letters().await, 1);
    })
    .await;
}
