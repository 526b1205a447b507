//! The overview: which workers there are, and how many messages wait.

use std::time::Duration;

use kit::{Console, Fault, Gate, Proxy, Ways, Worker, eventually, final_data, good_rows, in_world, variable};

use serde_json::json;

use super::operators::{page, shown};

/// The only worker on the overview: from its row to its end.
async fn worker_row(console: &Console) -> Option<String> {
    let text = shown(console, "/operators").await;
    let (_, table) = text.split_once("aria-label=\"Workers\"")?;
    let (table, _) = table.split_once("</table>")?;
    let (_, row) = table.split_once("<tbody><tr>")?;
    Some(row.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_seen_while_it_runs_and_forgotten_when_it_ends() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        assert_eq!(worker_row(&console).await, None);
        let worker = Worker::start(world, &[("WORKER_NAME", "night-shift")]);
        let row = eventually("the worker", async || {
            worker_row(&console).await.filter(|row| row.contains("Connected"))
        })
        .await;
        for expected in [
            "night-shift",
            env!("CARGO_PKG_VERSION"),
            "data-label=\"In hand\"><span class=\"zero\">0</span></td>",
        ] {
            assert!(row.contains(expected), "{expected}: {row}");
        }
        let by_api = page(&console, "/api/operators/workers").await.json();
        let told = &by_api["workers"][0];
        assert_eq!(
            (&told["name"], &told["stage"], &told["is_silent"]),
            (&json!("night-shift"), &json!("consuming"), &json!(false)),
            "{by_api}"
        );
        let behind = page(&console, "/api/operators/workers?after=night-shift")
            .await
            .json();
        assert_eq!(behind, json!({ "workers": [] }));
        // It goes on reporting.
        world
            .execute("UPDATE imports.workers SET beat_at = beat_at - interval '2 minutes'")
            .await;
        let row = worker_row(&console).await.unwrap();
        assert!(row.contains("Not seen") && row.contains("2 min ago"), "{row}");
        world
            .until("SELECT beat_at > clock_timestamp() - interval '1 minute' FROM imports.workers")
            .await;
        assert!(worker.terminate().await.success());
        assert_eq!(worker_row(&console).await, None);

        // One that is killed cannot deregister: it is shown for a day, and then purged.
        let mut killed = Worker::start(world, &[("WORKER_NAME", "killed")]);
        world.until("SELECT count(*) = 1 FROM imports.workers").await;
        killed.kill();
        for (age, is_shown, purged) in [("23 hours", true, 0), ("25 hours", false, 1)] {
            sqlx::query("UPDATE imports.workers SET beat_at = now() - $1::text::interval")
                .bind(age)
                .execute(&world.db)
                .await
                .unwrap();
            let row = worker_row(&console).await;
            assert_eq!(row.is_some_and(|row| row.contains("Not seen")), is_shown, "{age}");
            if purged > 0 {
                assert_eq!(world.json_of(&["purge"], 5).await["changed"], false);
            }
            assert_eq!(
                world.json_of(&["purge", "--yes"], 0).await["workers"],
                purged,
                "{age}"
            );
        }
        let left: i64 = world.value("SELECT count(*) FROM imports.workers").await;
        assert_eq!(left, 0);
        assert_eq!(world.audited_commands().await, ["purge"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_heartbeat_that_cannot_be_recorded_disturbs_no_import() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        // Whatever keeps the table from the worker: somebody's lock, and then a right that is missing.
        let mut lock = world.db.begin().await.unwrap();
        sqlx::query("LOCK TABLE imports.workers IN ACCESS EXCLUSIVE MODE")
            .execute(&mut *lock)
            .await
            .unwrap();
        let worker = Worker::start(world, &[("DATABASE_CONNECTIONS", "2")]);
        let job = world.submit(tenant, good_rows(20)).await;
        final_data(&world.final_event(&job).await, "completed");
        assert!(worker.terminate().await.success(), "it stops all the same");
        lock.rollback().await.unwrap();

        world
            .execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA imports FROM user_import_worker")
            .await;
        let worker = Worker::start(
            world,
            &[("DATABASE_CONNECTIONS", "1"), ("WORKER_NAME", "refused")],
        );
        let job = world
            .submit(
                tenant,
                "Username,Email,Virtual Extension,Role\r\n".to_owned() + "zoe,zoe@example.com,1500,10\r\n",
            )
            .await;
        final_data(&world.final_event(&job).await, "completed");
        let recorded: i64 = world
            .value("SELECT count(*) FROM imports.workers WHERE name = 'refused'")
            .await;
        assert_eq!(recorded, 0);
        assert!(worker.terminate().await.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outages_stand_in_the_timelines_of_imports_that_waited_for_them() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let ways = Ways::before(|name| world.variable(name)).await;
        let console = Console::start(world, &[]).await;
        let slow = [("ARGON2_MEMORY_KIB", "4096"), ("ARGON2_PASSES", "1")];
        let _worker = Worker::start(world, &ways.variables().chain(slow).collect::<Vec<_>>());
        let before = world.submit(tenant, good_rows(1)).await;
        world.final_event(&before).await;
        let gate = Gate::after(world, 26).await;
        let job = world.submit(world.tenant().await, good_rows(300)).await;
        gate.reached(world).await;
        ways.set(Fault::Cut);
        gate.open().await;
        world.until_logged("database unavailable, keeping").await;
        // How long the outages last: of the database, longer than there is between two heartbeats.
        tokio::time::sleep(Duration::from_secs(14)).await;
        ways.database.set(Fault::None);
        world
            .until("SELECT stage = 'connecting to the broker' FROM imports.workers")
            .await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        ways.set(Fault::None);
        world.completed_whole(&job, 300).await;
        let timeline = async |job| shown(&console, &format!("/operators/imports/{}", kit::id(job))).await;
        let text = eventually("the outages", async || {
            let text = timeline(&job).await;
            (text.contains("Database unavailable") && text.contains("Broker unavailable")).then_some(text)
        })
        .await;
        assert_eq!(text.matches("Database unavailable").count(), 1, "{text}");
        // An import that had finished before was not held up.
        let text = timeline(&before).await;
        assert!(!text.contains("unavailable"), "{text}");

        // What several workers saw at the same time is one outage.
        world
            .execute(
                "INSERT INTO imports.outages (worker, server, began_at, ended_at)
                 SELECT 'another', server, began_at + interval '1 second', ended_at FROM imports.outages",
            )
            .await;
        let text = timeline(&job).await;
        assert_eq!(text.matches("Broker unavailable").count(), 1, "{text}");
    })
    .await;
}

/// The number of messages of a kind, as the overview shows it.
fn waiting(text: &str, kind: &str) -> Option<u64> {
    let (_, rest) = text.split_once(&format!("<dt>{kind}</dt><dd>"))?;
    let number = rest.strip_prefix("<span class=\"zero\">").unwrap_or(rest);
    number.split('<').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_counts_the_messages_of_each_kind_and_all_pages_share_a_count() {
    in_world(async |world| {
        let proxy = Proxy::before(&variable("AMQP_URL")).await;
        let console = Console::start(world, &[("AMQP_URL", &proxy.url(&variable("AMQP_URL")))]).await;
        let tenant = world.tenant().await;
        for _ in 0..3 {
            world.publish(&world.upload(tenant, good_rows(1)).await).await;
        }
        let text = shown(&console, "/operators").await;
        assert_eq!(waiting(&text, "Jobs"), Some(3), "{text}");
        for kind in [
            "Plans",
            "Rows",
            "Reports",
            "Waiting to retry",
            "Events",
            "Quarantine",
            "Dead, not stored yet",
        ] {
            assert_eq!(waiting(&text, kind), Some(0), "{kind}: {text}");
        }
        let by_api = page(&console, "/api/operators/queues").await.json();
        assert_eq!(
            (&by_api["jobs"], &by_api["dead"]),
            (&json!(3), &json!(0)),
            "{by_api}"
        );

        // The same count for whoever looks within ten seconds; then another.
        world.publish(&world.upload(tenant, good_rows(1)).await).await;
        assert_eq!(waiting(&shown(&console, "/operators").await, "Jobs"), Some(3));
        eventually("a new count", async || {
            let text = shown(&console, "/operators").await;
            (waiting(&text, "Jobs") == Some(4)).then_some(())
        })
        .await;

        // A broker that says nothing: the page says so, and does not wait for it.
        proxy.set(Fault::Silence);
        eventually("the page to say that the broker is away", async || {
            let asked =
                tokio::time::timeout(std::time::Duration::from_secs(5), shown(&console, "/operators"));
            let text = asked.await.expect("the page does not wait for the broker");
            (text.contains("cannot be counted") && waiting(&text, "Jobs").is_none()).then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_says_why_messages_are_not_counted() {
    in_world(async |world| {
        let away = Console::start(world, &[("AMQP_URL", "amqp://127.0.0.1:1")]).await;
        let text = shown(&away, "/operators").await;
        assert!(
            text.contains("cannot be counted") && text.contains("refused"),
            "{text}"
        );
        let by_api = page(&away, "/api/operators/queues").await;
        assert_eq!(
            (by_api.status, &by_api.json()["code"]),
            (503, &json!("broker_unavailable"))
        );
        // What does not need the broker is shown.
        assert!(text.contains("Tenants with imports in progress"), "{text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rows_of_each_batch_are_recorded_and_a_cancel_is_none() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let job = world.submit(tenant, good_rows(60)).await;
        final_data(&world.final_event(&job).await, "completed");
        let rows = "SELECT rows FROM imports.history WHERE event = 'batch' ORDER BY history_id";
        let done: Vec<i32> = world.values(rows).await;
        assert_eq!(done.iter().sum::<i32>(), 60, "{done:?}");
        let timeline = shown(&console, &format!("/operators/imports/{}", kit::id(&job))).await;
        assert_eq!(
            timeline.matches("Rows processed").count(),
            done.len(),
            "{timeline}"
        );
        let overview = shown(&console, "/operators").await;
        assert!(
            overview.contains("in the last minute</dt><dd>1.0</dd>"),
            "{overview}"
        );

        // Rows without an outcome, as when a worker is in the middle of them.
        world
            .execute(
                "UPDATE imports.imports SET state = 'running', finished_at = NULL, pending = 40, created = 20;
                 UPDATE imports.imports SET pending = 0, cancelled = 40",
            )
            .await;
        assert_eq!(world.values::<i32>(rows).await, done);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_batches_are_one_entry_until_something_else_happens() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let job = world.submit(tenant, good_rows(1)).await;
        let _worker = Worker::start(world, &[]);
        final_data(&world.final_event(&job).await, "completed");
        world
            .execute(
                "UPDATE imports.imports SET state = 'running', finished_at = NULL, total = 301, pending = 300;
                 DO $$ BEGIN FOR n IN 1..300 LOOP
                     UPDATE imports.imports SET pending = pending - 1, created = created + 1;
                     IF n = 150 THEN UPDATE imports.imports SET tries = tries + 1, last_error = 'x'; END IF;
                 END LOOP; END $$",
            )
            .await;
        let entries: Vec<(String, Option<i32>)> = world
            .rows("SELECT event, rows FROM imports.history ORDER BY history_id OFFSET 4")
            .await;
        let expected = [("batch", Some(150)), ("retried", None), ("batch", Some(150))];
        assert_eq!(entries, expected.map(|(event, rows)| (event.to_owned(), rows)));
    })
    .await;
}
