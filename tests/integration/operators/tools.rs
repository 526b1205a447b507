//! What operators look at, and what they clear up: lists, dead letters, retention, seal keys.

use kit::{Worker, World, eventually, final_data, in_world};
use serde_json::{Value, json};
use worker::{crypto::seal::KeyRing, secret::SealedSeed};

use crate::{
    imports::outcomes::{assert_passwords_verify, good_rows},
    operators::cancel_and_replay::{audited, event_of_attempt, half_failed, id, json_of, run},
};

fn texts<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    let list = list.as_array().unwrap();
    list.iter().map(|item| item[name].as_str().unwrap()).collect()
}

pub(crate) async fn until_dead(world: &World, count: i64) {
    eventually("the dead letters", async || {
        (world.dead_letters().await == count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn list_status_and_watch_tell_what_there_is_and_no_password() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let good = world.upload(tenant, good_rows(2)).await;
        world.publish(&good).await;
        let reports = world.reports(&world.final_event(&good).await).await;
        let bad = world.upload(tenant, "username,email,ext,role\na,a,1,10\n").await;
        world.publish(&bad).await;
        world.final_event(&bad).await;
        let (_, failed) = half_failed(world).await;

        let all = json_of(world, &["list"], 0).await;
        assert_eq!(
            texts(&all["imports"], "import_id"),
            [id(&failed), id(&bad), id(&good)]
        );
        let tenant_id = tenant.id.to_string();
        for (filter, expected) in [
            (["--state", "failed"].as_slice(), vec![id(&failed)]),
            (&["--tenant", &tenant_id], vec![id(&bad), id(&good)]),
            (&["--tenant", &tenant_id, "--limit", "1"], vec![id(&bad)]),
            (&["--older-than", "1h"], vec![]),
            (
                &["--newer-than", "1h", "--state", "completed"],
                vec![id(&bad), id(&good)],
            ),
        ] {
            let arguments: Vec<&str> = ["list"].iter().chain(filter).copied().collect();
            let found = json_of(world, &arguments, 0).await;
            assert_eq!(texts(&found["imports"], "import_id"), expected, "{filter:?}");
        }

        let status = json_of(world, &["status", id(&bad), "--outcome", "error"], 0).await;
        assert_eq!(status["rows"][0]["outcome"], "error");
        assert!(texts(&status["rows"][0]["problems"], "code").contains(&"invalid_format"));
        let rows = json_of(world, &["status", id(&good), "--rows"], 0).await;
        assert_eq!(texts(&rows["rows"], "username"), ["user1", "user2"]);
        let shown = run(world, &["status", id(&good), "--rows"]).await;
        let shown = String::from_utf8(shown.stdout).unwrap() + &rows.to_string() + &all.to_string();
        for row in reports.success_rows() {
            assert!(!shown.contains(&row[4]));
        }

        let watched = run(world, &["watch", id(&good)]).await;
        assert_eq!(watched.status.code(), Some(0));
        assert!(
            String::from_utf8(watched.stdout)
                .unwrap()
                .contains("completed (attempt 1): 2 rows, 2 created")
        );
        assert_eq!(
            json_of(world, &["watch", id(&bad)], 3).await["state"],
            "completed"
        );
        assert_eq!(
            json_of(world, &["watch", id(&failed)], 1).await["state"],
            "failed"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_watched_until_it_is_over() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let job = world.upload(tenant, good_rows(100)).await;
        let slow = [("ARGON2_MEMORY_KIB", "8192"), ("HASH_THREADS", "1")];
        let _worker = Worker::start(world, &slow);
        world.publish(&job).await;
        eventually("the import", async || {
            world.tools().db.find(id(&job).parse().unwrap()).await.unwrap()
        })
        .await;
        let watched = run(world, &["watch", id(&job), "--json"]).await;
        assert_eq!(watched.status.code(), Some(0));
        let lines = String::from_utf8(watched.stdout).unwrap();
        let last: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&last["state"], &last["summary"]["created"]),
            (&json!("completed"), &json!(100))
        );
    })
    .await;
}

/// Three dead letters of two tenants: two that are no jobs, and the job of a failed import.
async fn three_dead(world: &World) -> (kit::Tenant, Value) {
    let tenant = world.tenant().await;
    let other = world.tenant().await;
    let worker = Worker::start(world, &[]);
    for (n, tenant) in [(1, tenant), (2, other)] {
        let import_id = format!("00000000-0000-4000-8000-00000000000{n}");
        let body = json!({ "version": 1, "import_id": import_id, "tenant_id": tenant.id });
        world.publish_to("requested", body.to_string().as_bytes()).await;
        until_dead(world, n).await;
    }
    // Sealed with a key that this worker has not: a permanent error.
    let (_, job) = half_failed(world).await;
    assert!(worker.terminate().await.success());
    let worker = Worker::start(
        world,
        &[("SEAL_KEYS", "other:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")],
    );
    json_of(world, &["replay", id(&job)], 0).await;
    event_of_attempt(world, &job, 2).await;
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
        let listed = json_of(world, &["dead", "list"], 0).await;
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
        until_dead(world, count).await;

        let first = letters[0]["dead_letter_id"].to_string();
        let shown = json_of(world, &["dead", "show", &first], 0).await;
        assert!(shown["body"].as_str().unwrap().contains("\"version\":1"));
        until_dead(world, count).await;
        let tenant_id = tenant.id.to_string();
        for arguments in [
            ["dead", "replay", "--all", "--dry-run"].as_slice(),
            &["dead", "discard", "--dead-reason", "malformed", "--dry-run"],
        ] {
            assert_eq!(json_of(world, arguments, 0).await["changed"], false);
            until_dead(world, count).await;
        }
        json_of(world, &["dead", "discard", "--tenant", &tenant_id], 5).await;
        until_dead(world, count).await;
        assert_eq!(
            json_of(world, &["dead", "list"], 0).await,
            listed,
            "nothing was lost or reordered"
        );

        json_of(
            world,
            &[
                "dead", "discard", "--tenant", &tenant_id, "--yes", "--reason", "junk",
            ],
            0,
        )
        .await;
        until_dead(world, count - 1).await;
        let left = json_of(world, &["dead", "list"], 0).await;
        assert_eq!(
            left["dead_letters"].as_array().unwrap(),
            &letters.as_array().unwrap()[1..]
        );
        assert_eq!(
            audited(world).await.last().unwrap(),
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
            &["dead", "discard"],
        ] {
            assert_eq!(
                run(world, arguments).await.status.code(),
                Some(1),
                "{arguments:?}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replayed_dead_letters_finish_their_import_or_come_back() {
    in_world(async |world| {
        let (_, job) = three_dead(world).await;
        let _worker = Worker::start(world, &[]);
        let replayed = json_of(world, &["dead", "replay", "--dead-reason", "permanent_error"], 0).await;
        assert!(
            replayed["dead_letters"][0]["did"]
                .as_str()
                .unwrap()
                .contains("attempt 3")
        );
        let event = event_of_attempt(world, &job, 3).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
        until_dead(world, 2).await;
        // What is no job is none the second time either.
        json_of(world, &["dead", "replay", "--all"], 0).await;
        until_dead(world, 2).await;
        let listed = json_of(world, &["dead", "list"], 0).await;
        assert_eq!(
            texts(&listed["dead_letters"], "reason"),
            ["malformed", "malformed"]
        );
    })
    .await;
}

async fn age(world: &World, days: i32) {
    sqlx::query("UPDATE imports.imports SET finished_at = now() - make_interval(days => $1)")
        .bind(days)
        .execute(&world.db)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_removes_what_is_old_step_by_step_and_keeps_failed_imports() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[("SEED_DAYS", "1000")]);
        let job = world.upload(tenant, good_rows(3)).await;
        world.publish(&job).await;
        let event = world.final_event(&job).await;
        let key = |name: &str| event["data"]["reports"][name].as_str().unwrap().to_owned();
        let (_, failed) = half_failed(world).await;

        let nothing = json_of(world, &["purge", "--yes"], 0).await;
        assert_eq!(nothing["changed"], false);
        age(world, 31).await;
        assert_eq!(json_of(world, &["purge"], 5).await["changed"], false);
        assert!(world.object(&key("success")).await.is_some());
        assert_eq!(json_of(world, &["purge", "--yes"], 0).await["success_csvs"], 1);
        assert!(world.object(&key("success")).await.is_none());
        assert!(world.object(&key("errors")).await.is_some());
        assert_eq!(
            json_of(world, &["status", id(&job)], 0).await["success_key"],
            Value::Null
        );

        age(world, 91).await;
        let purged = json_of(world, &["purge", "--yes"], 0).await;
        assert_eq!(
            (&purged["rows"], &purged["success_csvs"], &purged["failed_kept"]),
            (&json!(3), &json!(0), &json!(1))
        );
        assert!(world.object(&key("errors")).await.is_none());
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM imports.rows")
            .fetch_one(&world.db)
            .await
            .unwrap();
        assert_eq!(rows, 60, "those of the failed import");
        let output = run(world, &["replay", id(&job), "--errors"]).await;
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("purged"),
            "{output:?}"
        );

        age(world, 366).await;
        assert_eq!(json_of(world, &["purge", "--yes"], 0).await["imports"], 1);
        let left = json_of(world, &["list"], 0).await;
        assert_eq!(texts(&left["imports"], "import_id"), [id(&failed)]);
        let commands: Vec<String> = audited(world).await.into_iter().map(|entry| entry.0).collect();
        assert_eq!(commands, ["purge", "purge", "purge"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_role_cannot_purge_and_is_told_whose_role_can() {
    in_world(async |world| {
        let variables = world.variables();
        let (_, workers) = variables
            .iter()
            .find(|(name, _)| *name == "DATABASE_URL")
            .unwrap();
        let output = run(world, &["purge", "--operator-database-url", workers]).await;
        assert_eq!(output.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("user_import_operator"),
            "{output:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_can_be_added_to_and_not_changed() {
    in_world(async |world| {
        for variable in ["DATABASE_URL", "OPERATOR_DATABASE_URL"] {
            let variables = world.variables();
            let (_, url) = variables.iter().find(|(name, _)| *name == variable).unwrap();
            let pool = sqlx::PgPool::connect(url).await.unwrap();
            sqlx::query("INSERT INTO imports.audit (operator, command) VALUES ('o', 'c')")
                .execute(&pool)
                .await
                .unwrap();
            for statement in [
                "UPDATE imports.audit SET operator = 'x'",
                "DELETE FROM imports.audit",
                "INSERT INTO imports.audit (operator, command, at) VALUES ('o', 'c', now())",
                "INSERT INTO imports.audit (operator, command, database_role) VALUES ('o', 'c', 'x')",
                "INSERT INTO dialer.tenants (tenant_id, name) VALUES (1, 'x')",
                "DELETE FROM dialer.users",
                "SELECT password_hash FROM dialer.users",
            ] {
                let error = sqlx::query(statement).execute(&pool).await.unwrap_err();
                let code = error
                    .as_database_error()
                    .and_then(|error| error.code().map(|code| code.to_string()));
                assert_eq!(code.as_deref(), Some("42501"), "{variable}: {statement}: {error}");
            }
            pool.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_are_rotated_while_an_import_is_open_and_its_passwords_stay_the_same() {
    in_world(async |world| {
        let (tenant, job) = half_failed(world).await;
        let old = std::env::var("SEAL_KEYS").unwrap();
        let new = "new:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
        let both = format!("{new},{old}");
        // Without the old key nothing is lost and the key is named.
        let failed = json_of(world, &["rotate-seals", "--seal-keys", new], 1).await;
        assert_eq!(
            (&failed["rotated"], &failed["failed"][0]["import_id"]),
            (&json!(0), &job["import_id"])
        );
        assert_eq!(
            json_of(world, &["rotate-seals", "--seal-keys", &both], 0).await["rotated"],
            1
        );
        assert_eq!(
            json_of(world, &["rotate-seals", "--seal-keys", &both], 0).await["already"],
            1
        );

        let _worker = Worker::start(world, &[("SEAL_KEYS", new)]);
        json_of(world, &["replay", id(&job)], 0).await;
        let event = event_of_attempt(world, &job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
        assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
        let commands: Vec<String> = audited(world).await.into_iter().map(|entry| entry.0).collect();
        assert_eq!(commands, ["rotate-seals", "replay"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_was_resealed_meanwhile_is_not_replaced_by_an_older_one() {
    in_world(async |world| {
        let (_, job) = half_failed(world).await;
        let db = world.tools().db;
        let import = db.find(id(&job).parse().unwrap()).await.unwrap().unwrap();
        let ring: KeyRing = std::env::var("SEAL_KEYS").unwrap().parse().unwrap();
        let old: SealedSeed = import.sealed_seed.clone().unwrap();
        let seed = ring.open(&old, import.seed_owner()).unwrap();
        let [one, other] = [(); 2].map(|()| ring.seal(&seed, import.seed_owner()).unwrap());
        assert!(db.replace_seed(&import, &old, &one).await.unwrap());
        assert!(!db.replace_seed(&import, &old, &other).await.unwrap());
        let kept = db.find(import.job.import_id).await.unwrap().unwrap();
        assert_eq!(kept.sealed_seed, Some(one));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_whose_key_is_lost_for_good_can_be_given_up() {
    in_world(async |world| {
        let (_, job) = half_failed(world).await;
        let other = "other:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
        let _worker = Worker::start(world, &[("SEAL_KEYS", other)]);
        json_of(world, &["replay", id(&job), "--abandon-passwords"], 5).await;
        json_of(world, &["replay", id(&job), "--abandon-passwords", "--yes"], 0).await;
        let event = event_of_attempt(world, &job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
        assert_eq!(world.reports(&event).await.success_rows().len(), 35);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_explains_itself() {
    in_world(async |world| {
        for (command, teaches) in [
            (["cancel"].as_slice(), "stay"),
            (&["replay"], "new attempt"),
            (&["list"], "--older-than"),
            (&["status"], "--outcome"),
            (&["watch"], "Exit codes"),
            (&["dead", "replay"], "--dry-run"),
            (&["purge"], "--success-days"),
            (&["rotate-seals"], "restart the workers in turn"),
        ] {
            let arguments: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
            let help = run(world, &arguments).await;
            let text = String::from_utf8(help.stdout).unwrap();
            assert!(
                help.status.success() && text.contains(teaches),
                "{command:?}: {text}"
            );
        }
    })
    .await;
}
