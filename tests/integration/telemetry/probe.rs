//! `user-import probe`, which a container engine runs to check a worker.

use std::process::Output;

use kit::{Watched, Worker, World, in_world};

async fn probe(world: &World, address: &str, options: &[&str]) -> Output {
    let mut command = world.command();
    command.arg("probe").args(options).env("HTTP_ADDRESS", address);
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_waits_for_its_broker_is_alive_and_not_ready() {
    in_world(async |world| {
        // Nothing listens there.
        let nowhere = ("AMQP_URL", "amqp://127.0.0.1:9/");
        let worker = Worker::start(world, &[Watched::ANYWHERE, nowhere]);
        let watched = Watched::of(world).await;

        let alive = probe(world, watched.address(), &[]).await;
        assert_eq!(alive.status.code(), Some(0), "{}", error(&alive));
        let (_, port) = watched.address().rsplit_once(':').unwrap();
        let told = probe(world, &format!("0.0.0.0:{port}"), &[]).await;
        assert_eq!(
            told.status.code(),
            Some(0),
            "the address that the worker was told: {}",
            error(&told)
        );

        let ready = probe(world, watched.address(), &["--ready"]).await;
        assert_eq!(ready.status.code(), Some(1));
        assert!(
            error(&ready).contains("/readyz answers HTTP/1.1 503"),
            "{}",
            error(&ready)
        );

        drop(worker);
        let gone = probe(world, watched.address(), &[]).await;
        assert_eq!(gone.status.code(), Some(1));
        assert!(error(&gone).contains("cannot ask 127.0.0.1"), "{}", error(&gone));
    })
    .await;
}
