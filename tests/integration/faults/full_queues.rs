//! A queue that refuses messages, or does not answer: it affects those messages, and nobody and nothing else.

use std::{path::Path, process::Command};

use kit::{
    Gate, Heard, Tenant, Watched, Worker, World, eventually, final_data, good_rows, in_world, in_world_of,
    variable,
};
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::{BasicGetOptions, BasicPublishOptions},
};
use serde_json::{Value, json};

fn rabbitmqctl(arguments: &[&str]) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/local/lib/rabbitmqctl");
    let ran = Command::new(program).args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// Sets or removes a policy of the broker.
fn policy(world: &World, command: &[&str]) {
    let [command, rest @ ..] = command else { return };
    rabbitmqctl(
        &[
            &[
                *command,
                "-p",
                "user-import",
                world.prefix().trim_end_matches('.'),
            ],
            rest,
        ]
        .concat(),
    );
}

async fn completed(world: &World, count: i64) {
    eventually("the imports' end", async || {
        let completed: i64 =
            sqlx::query_scalar("SELECT count(*) FROM imports.imports WHERE state = 'completed'")
                .fetch_one(&world.db)
                .await
                .unwrap();
        (completed >= count).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_event_waits_until_there_is_room_and_holds_nothing_up() {
    in_world(async |world| {
        world.stop_listening().await;
        let queue = format!("{}dialer.import-events", world.prefix());
        let pattern = format!("^{}$", queue.replace('.', "\\."));
        let full = r#"{"max-length": 1, "overflow": "reject-publish"}"#;
        // It is undefined which of several policies with the same priority applies, and another one matches the queue
        // too.
        let options = ["--apply-to", "queues", "--priority", "1"];
        policy(world, &[&["set_policy", &pattern, full], &options[..]].concat());
        let _worker = Worker::start(world, &[Watched::ANYWHERE]);
        let mut jobs = Vec::new();
        for imports in 1..=4 {
            let tenant = world.tenant().await;
            let job = world.submit(tenant, good_rows(60)).await;
            completed(world, imports).await;
            jobs.push(job);
        }
        eventually("a refusal", async || {
            let refused = format!("queue {queue:?} refuses messages");
            world.logged().contains(&refused).then_some(())
        })
        .await;
        eventually("doctor's finding", async || {
            let doctor = world.command().arg("doctor").output().unwrap();
            let found = String::from_utf8_lossy(&doctor.stdout).into_owned();
            (found.contains("warning   delays") && found.contains(&queue)).then_some(())
        })
        .await;
        let log = world.logged();
        assert!(!log.contains("reconnecting") && !log.contains("ERROR"), "{log}");
        let watched = Watched::of(world).await;
        assert!(watched.value("user_import_postponed_total").await.unwrap() >= 1.0);

        policy(world, &["clear_policy"]);
        let dialer = Connection::connect(&variable("DIALER_AMQP_URL"), ConnectionProperties::default())
            .await
            .unwrap();
        let channel = dialer.create_channel().await.unwrap();
        let mut told = Vec::new();
        eventually("all events", async || {
            let options = BasicGetOptions { no_ack: true };
            while let Some(event) = channel.basic_get(queue.as_str().into(), options).await.unwrap() {
                let event: Value = serde_json::from_slice(&event.delivery.data).unwrap();
                if event["type"] == "dialer.import.completed" {
                    told.push(event["subject"].clone());
                }
            }
            jobs.iter()
                .all(|job| told.contains(&job["import_id"]))
                .then_some(())
        })
        .await;
        assert_eq!(world.dead_letters().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_room_is_the_same_message_and_cancels_nothing_anew() {
    in_world(async |world| {
        world.stop_listening().await;
        let pattern = format!("^{}dialer.import-events$", world.prefix()).replace('.', "\\.");
        let full = r#"{"max-length": 1, "overflow": "reject-publish"}"#;
        let options = ["--apply-to", "queues", "--priority", "1"];
        policy(world, &[&["set_policy", &pattern, full], &options[..]].concat());
        let tap = world.tap(&["imports.delay.30s"]).await;
        let _worker = Worker::start(world, &[]);
        let heard = async |what: &dyn Fn(&Heard) -> bool| {
            eventually("a message that waits", async || {
                tap.heard().iter().any(what).then_some(())
            })
            .await;
        };
        for imports in 1..=2 {
            world.submit(world.tenant().await, good_rows(1)).await;
            completed(world, imports).await;
        }

        // A job that is refused: its repetition has the same ID, so that it is the same dead letter.
        let refused = json!({ "version": 1, "import_id": uuid::Uuid::new_v4(), "tenant_id": 1 }).to_string();
        let properties = BasicProperties::default().with_message_id("the-dialers-own".into());
        let exchange = world.topology().jobs_exchange();
        let options = BasicPublishOptions::default();
        let key = "requested".into();
        world
            .queues
            .channel
            .basic_publish(exchange, key, options, refused.as_bytes(), properties)
            .await
            .unwrap();
        let id = |heard: &Heard| heard.properties.message_id().as_ref().map(ToString::to_string);
        heard(&|heard| id(heard).as_deref() == Some("the-dialers-own")).await;

        // The end of an import waits in the message that names its attempt, not in the one that asked for it.
        let job = world.submit(world.tenant().await, good_rows(1)).await;
        completed(world, 3).await;
        let asked = json!({ "version": 1, "import_id": job["import_id"], "tenant_id": job["tenant_id"] });
        world.publish_to("cancel", asked.to_string()).await;
        eventually("what its report and the cancellation lead to", async || {
            let of_job =
                |heard: &&Heard| heard.routing_key == "reports" && subject_of(heard) == job["import_id"];
            (tap.heard().iter().filter(of_job).count() == 2).then_some(())
        })
        .await;
        world
            .until("SELECT count(*) = 0 FROM imports.cancellations")
            .await;
        assert!(tap.heard().iter().all(|heard| heard.routing_key != "cancel"));
        policy(world, &["clear_policy"]);
    })
    .await;
}

fn subject_of(heard: &Heard) -> Value {
    let body: Value = serde_json::from_slice(&heard.body).unwrap();
    body["import_id"].clone()
}

/// A queue that does not answer, as one without a leader, until dropped.
struct Silent(String);

impl Silent {
    fn new(queue: &str) -> Self {
        let silent = Self(queue.to_owned());
        silent.order("suspend");
        silent
    }

    fn order(&self, order: &str) {
        let process = format!(
            "{{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"user-import\">>, queue, <<\"{}\">>)), \
             {{Name, _}} = amqqueue:get_pid(Q), sys:{order}(Name).",
            self.0
        );
        rabbitmqctl(&["eval", &process]);
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.order("resume");
    }
}

/// A new tenant of this shard: a tenant's shard is known once it has an import.
async fn tenant_of_shard(world: &World, shard: i32) -> Tenant {
    loop {
        let tenant = world.tenant().await;
        world.import(tenant, good_rows(1)).await;
        let found = sqlx::query_scalar("SELECT shard::integer FROM imports.imports WHERE tenant_id = $1");
        let found: i32 = found.bind(tenant.id.get()).fetch_one(&world.db).await.unwrap();
        if found == shard {
            return tenant;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_does_not_answer_is_done_without() {
    in_world_of(2, async |world| {
        let worker = Worker::start(world, &[]);
        let (of_its_shard, other) = (tenant_of_shard(world, 0).await, tenant_of_shard(world, 1).await);
        drop(worker);
        let queue = world.topology().batch_queues().next().unwrap();
        let silent = Silent::new(queue.as_str());
        let _worker = Worker::start(world, &[]);
        let file = "Username,Email,Virtual Extension,Role\nann,ann@example.com,0201,10\n";
        let of_its_shard = world.submit(of_its_shard, file).await;
        let other = world.submit(other, good_rows(3)).await;
        world.final_event(&other).await;
        world.until_logged("a queue does not answer").await;
        let event = world.final_event(&of_its_shard).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 1);
        drop(silent);
    })
    .await;
}

/// No queue is consumed besides that of the reports.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_alone_of_its_kind_and_does_not_answer_ends_no_connection() {
    in_world(async |world| {
        let silent = Silent::new(world.topology().reports_queue().as_str());
        let _worker = Worker::start(world, &[]);
        world.until_logged("connected, consuming").await;
        let (one, other) = (world.tenant().await, world.tenant().await);
        let jobs = [
            world.submit(one, good_rows(3)).await,
            world.submit(other, good_rows(3)).await,
        ];
        world
            .until("SELECT count(*) = 2 FROM imports.imports WHERE planned_at IS NOT NULL AND pending = 0")
            .await;
        let connections = world.logged().matches("connected, consuming").count();
        assert_eq!(connections, 1, "{}", world.logged());
        drop(silent);
        for job in &jobs {
            final_data(&world.final_event(job).await, "completed");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_a_queue_keeps_to_itself_are_rescued_from_it() {
    in_world_of(2, async |world| {
        let worker = Worker::start(world, &[]);
        let tenant = tenant_of_shard(world, 0).await;
        drop(worker);
        let gate = Gate::after(world, 25).await;
        let mut worker = Worker::start(world, &[("BATCH_ROWS", "25")]);
        let rows: String = (0..200)
            .map(|n| format!("ann{n},ann{n}@example.com,{:05},10\n", 30_000 + n))
            .collect();
        let job = world
            .submit(tenant, format!("Username,Email,Virtual Extension,Role\n{rows}"))
            .await;
        gate.reached(world).await;
        worker.kill();
        gate.open().await;
        let queue = world.topology().batch_queues().next().unwrap();
        let silent = Silent::new(queue.as_str());
        let _worker = Worker::start(world, &[("RESCUE_SECONDS", "2")]);
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 200);
        drop(silent);
    })
    .await;
}
