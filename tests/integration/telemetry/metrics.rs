//! Metrics and probes of a worker, also while its servers are unavailable.

use kit::{Fault, Proxy, Watched, Worker, World, eventually, final_data, good_rows, in_world};
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// A server of the world behind a proxy, and the variable with which a worker goes that way.
async fn behind_a_proxy(world: &World, variable: &'static str) -> (Proxy, (&'static str, String)) {
    let own = world.variables().into_iter().find(|(name, _)| *name == variable);
    let url = own.map_or_else(|| std::env::var(variable).unwrap(), |(_, value)| value);
    let proxy = Proxy::before(&url).await;
    let through = proxy.url(&url);
    (proxy, (variable, through))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_counted_from_its_job_to_its_end() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(
            world,
            &[
                Watched::ANYWHERE,
                ("WORKER_NAME", "worker-a"),
                ("BATCH_ROWS", "10"),
            ],
        );
        let watched = Watched::of(world).await;
        let file = good_rows(20) + "user1,user1@example.com,55555,10\r\n,nobody@example.com,55556,10\r\n";
        let job = world.upload(tenant, file).await;
        world.publish(&job).await;
        final_data(&world.final_event(&job).await, "completed");

        for (series, value) in [
            (
                "user_import_build_info{version=\"0.1.0\",worker=\"worker-a\"}",
                1.0,
            ),
            ("user_import_rows_total{outcome=\"created\"}", 20.0),
            ("user_import_rows_total{outcome=\"duplicate\"}", 1.0),
            ("user_import_rows_total{outcome=\"error\"}", 1.0),
            ("user_import_imports_finished_total{state=\"completed\"}", 1.0),
            ("user_import_step_duration_seconds_count{step=\"receive\"}", 1.0),
            ("user_import_step_duration_seconds_count{step=\"plan\"}", 1.0),
            ("user_import_step_duration_seconds_count{step=\"batch\"}", 2.0),
            ("user_import_step_duration_seconds_count{step=\"report\"}", 1.0),
            // The test's job does not say when it was published.
            ("user_import_queue_time_seconds_count{step=\"receive\"}", 0.0),
            ("user_import_queue_time_seconds_count{step=\"plan\"}", 1.0),
            ("user_import_queue_time_seconds_count{step=\"batch\"}", 2.0),
            ("user_import_deliveries_in_hand{step=\"batch\"}", 0.0),
            ("user_import_connected{server=\"database\"}", 1.0),
            ("user_import_connected{server=\"broker\"}", 1.0),
            ("user_import_broker_blocked", 0.0),
            ("user_import_imports{state=\"running\"}", 0.0),
            ("user_import_pending_rows", 0.0),
        ] {
            watched.becomes(series, value).await;
        }
        assert!(watched.value("user_import_hash_threads").await.unwrap() >= 1.0);
        // Published once more, it still counts as finished once.
        world.publish(&job).await;
        watched
            .becomes("user_import_step_duration_seconds_count{step=\"receive\"}", 2.0)
            .await;
        watched
            .becomes("user_import_step_duration_seconds_count{step=\"plan\"}", 2.0)
            .await;
        let finished = watched
            .value("user_import_imports_finished_total{state=\"completed\"}")
            .await;
        assert_eq!(finished, Some(1.0));
        let text = watched.scrape().await;
        assert!(
            !text.contains(&tenant.id.to_string()),
            "no metric is by tenant:\n{text}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_told_from_the_database_and_what_fails_from_the_worker() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let (storage, (name, url)) = behind_a_proxy(world, "S3_ENDPOINT").await;
        storage.set(Fault::Answer(403));
        let _worker = Worker::start(world, &[Watched::ANYWHERE, (name, url.as_str())]);
        let watched = Watched::of(world).await;
        let job = world.upload(tenant, good_rows(3)).await;
        world.publish(&job).await;

        watched
            .becomes("user_import_imports{state=\"received\"}", 1.0)
            .await;
        eventually("a retry because of the store", async || {
            let retries = watched
                .value("user_import_retries_total{cause=\"storage\",step=\"plan\"}")
                .await;
            (retries? >= 1.0).then_some(())
        })
        .await;
        eventually("the age of the import", async || {
            (watched
                .value("user_import_oldest_unfinished_import_age_seconds")
                .await?
                > 0.0)
                .then_some(())
        })
        .await;
        // It is not only old: retrying is no progress.
        eventually("the time without progress", async || {
            (watched
                .value("user_import_longest_without_progress_seconds")
                .await?
                > 3.0)
                .then_some(())
        })
        .await;
        watched
            .becomes("user_import_oldest_success_csv_age_seconds", 0.0)
            .await;
        storage.set(Fault::None);
        final_data(&world.final_event(&job).await, "completed");
        watched
            .becomes("user_import_oldest_unfinished_import_age_seconds", 0.0)
            .await;
        watched
            .becomes("user_import_longest_without_progress_seconds", 0.0)
            .await;
        eventually("the age of the success CSV", async || {
            (watched
                .value("user_import_oldest_success_csv_age_seconds")
                .await?
                > 0.0)
                .then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_is_a_metric_and_no_reason_to_restart() {
    in_world(async |world| {
        let (database, (name, url)) = behind_a_proxy(world, "DATABASE_URL").await;
        let _worker = Worker::start(world, &[Watched::ANYWHERE, (name, url.as_str())]);
        let watched = Watched::of(world).await;
        eventually("a worker that is ready", async || {
            (watched.probe("/readyz").await? == 200).then_some(())
        })
        .await;
        for fault in [Fault::Cut, Fault::Silence] {
            database.set(fault);
            watched
                .becomes("user_import_connected{server=\"database\"}", 0.0)
                .await;
            assert_eq!(watched.probe("/livez").await, Some(200));
            // Old figures are left out after a while, instead of being reported as if they were new.
            eventually("the end of old figures", async || {
                watched
                    .value("user_import_pending_rows")
                    .await
                    .is_none()
                    .then_some(())
            })
            .await;
            database.set(Fault::None);
            watched
                .becomes("user_import_connected{server=\"database\"}", 1.0)
                .await;
            watched.becomes("user_import_pending_rows", 0.0).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_makes_a_worker_unready_but_not_dead() {
    in_world(async |world| {
        let (broker, (name, url)) = behind_a_proxy(world, "AMQP_URL").await;
        broker.set(Fault::Cut);
        let worker = Worker::start(world, &[Watched::ANYWHERE, (name, url.as_str())]);
        let watched = Watched::of(world).await;
        eventually("a worker that connects", async || {
            let (status, body) = watched.get("/readyz").await?;
            (status == 503 && body == "connecting to the broker\n").then_some(())
        })
        .await;
        for fault in [Fault::Cut, Fault::Silence] {
            broker.set(Fault::None);
            watched
                .becomes("user_import_connected{server=\"broker\"}", 1.0)
                .await;
            eventually("a worker that is ready", async || {
                (watched.probe("/readyz").await? == 200).then_some(())
            })
            .await;
            broker.set(fault);
            watched
                .becomes("user_import_connected{server=\"broker\"}", 0.0)
                .await;
            assert_eq!(watched.probe("/livez").await, Some(200));
            eventually("a worker that is not ready", async || {
                (watched.probe("/readyz").await? == 503).then_some(())
            })
            .await;
        }
        assert!(worker.terminate().await.success());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_keeps_connections_open_keeps_no_probe_out() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[Watched::ANYWHERE]);
        let watched = Watched::of(world).await;
        let mut idle = Vec::new();
        for _ in 0..40 {
            let mut connection = TcpStream::connect(watched.address()).await.unwrap();
            connection.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
            idle.push(connection);
        }
        eventually("an answer", async || {
            (watched.probe("/livez").await? == 200).then_some(())
        })
        .await;
        assert_eq!(watched.probe("/nothing").await, Some(404));
        drop(idle);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_taken_ends_the_worker_and_is_named() {
    in_world(async |world| {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        let ran = world
            .command()
            .arg("work")
            .env("HTTP_ADDRESS", &address)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{said}");
        assert!(
            said.contains(&format!("cannot listen on HTTP_ADDRESS {address}")),
            "{said}"
        );
    })
    .await;
}
