//! Releases without the exchange of work published work to that of jobs, and their delay queues lead back there. Both ways
//! work until an operator closes the old one, and closing it loses nothing.

use std::time::Duration;

use kit::{Worker, World, eventually, final_data, good_rows, in_world, variable};
use lapin::{
    Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{
        BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};

const DELAYS: [(&str, u32); 5] = [
    ("1s", 1_000),
    ("5s", 5_000),
    ("30s", 30_000),
    ("2m", 120_000),
    ("10m", 600_000),
];

/// What a worker of an old release declares, where it differs.
async fn declare_as_old_worker(world: &World, channel: &Channel) {
    let jobs = world.topology().jobs_exchange();
    let bind = async |queue: String, exchange: ShortString, key: &str| {
        let options = QueueBindOptions::default();
        channel
            .queue_bind(queue.into(), exchange, key.into(), options, FieldTable::default())
            .await
            .unwrap();
    };
    for key in ["reports", "plans.00", "plans.01", "rows.00", "rows.01"] {
        bind(format!("{}imports.{key}", world.prefix()), jobs.clone(), key).await;
    }
    for (delay, milliseconds) in DELAYS {
        let name = format!("{}imports.retry.{delay}", world.prefix());
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        channel
            .exchange_declare(
                name.as_str().into(),
                ExchangeKind::Fanout,
                durable,
                FieldTable::default(),
            )
            .await
            .unwrap();
        let mut arguments = FieldTable::default();
        for (argument, value) in [
            ("x-queue-type", "quorum"),
            ("x-dead-letter-exchange", jobs.as_str()),
            ("x-dead-letter-strategy", "at-least-once"),
            ("x-overflow", "reject-publish"),
        ] {
            arguments.insert(argument.into(), AMQPValue::LongString(value.into()));
        }
        arguments.insert("x-message-ttl".into(), AMQPValue::LongUInt(milliseconds));
        channel
            .queue_declare(name.as_str().into(), QueueDeclareOptions::durable(), arguments)
            .await
            .unwrap();
        bind(name.clone(), name.as_str().into(), "").await;
    }
}

/// Publishes as an old worker does; whether the message found a queue.
async fn publish(connection: &Connection, exchange: String, key: &str, body: &[u8]) -> lapin::Result<bool> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let options = BasicPublishOptions {
        mandatory: true,
        ..BasicPublishOptions::default()
    };
    let sent = channel.basic_publish(exchange.into(), key.into(), options, body, Default::default());
    Ok(sent.await?.await?.take_message().is_none())
}

async fn topology_of_doctor(world: &World) -> String {
    let checks = world.user_import(&["doctor", "--json"]).await.json();
    let checks = checks["checks"].as_array().unwrap();
    let topology = checks.iter().find(|check| check["check"] == "topology").unwrap();
    topology.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_way_stays_open_until_it_is_closed_and_closing_it_loses_nothing() {
    in_world(async |world| {
        let admin = Connection::connect(&variable("AMQP_ADMIN_URL"), ConnectionProperties::default())
            .await
            .unwrap();
        declare_as_old_worker(world, &admin.create_channel().await.unwrap()).await;
        let tenant = world.tenant().await;
        let jobs_exchange = world.topology().jobs_exchange().to_string();
        let old_delay = |delay: &str| format!("{}imports.retry.{delay}", world.prefix());
        assert!(topology_of_doctor(world).await.contains("--retire-old"));

        // An old worker has postponed two jobs; there is no worker that could take them.
        let mut jobs = Vec::new();
        for delay in ["1s", "5s"] {
            let job = world.upload(tenant, good_rows(2)).await;
            let sent = publish(&admin, old_delay(delay), "requested", job.to_string().as_bytes()).await;
            assert!(sent.unwrap());
            jobs.push(job);
        }
        // Declaring changes nothing of the old way.
        assert!(world.user_import(&["topology"]).await.code == Some(0));
        assert!(
            publish(&admin, jobs_exchange.clone(), "reports", b"{}")
                .await
                .unwrap()
        );

        for said in ["the old route is closed", "was already closed"] {
            let ran = world.user_import(&["topology", "--retire-old"]).await;
            assert!(ran.code == Some(0) && ran.error.contains(said), "{ran:?}");
        }
        assert!(!topology_of_doctor(world).await.contains("--retire-old"));
        for key in ["reports", "plans.00", "plans.01", "rows.00", "rows.01"] {
            let routed = publish(&admin, jobs_exchange.clone(), key, b"{}").await.unwrap();
            assert!(!routed, "{key}");
        }
        for (delay, _) in DELAYS {
            publish(&admin, old_delay(delay), "requested", b"{}")
                .await
                .unwrap_err();
        }

        let _worker = Worker::start(world, &[]);
        for job in &jobs {
            final_data(&world.final_event(job).await, "completed");
        }
        // What had been published by the old way arrived too.
        eventually("the dead letter of the malformed report", async || {
            let letters = world.json_of(&["dead", "list"], 0).await;
            (letters["dead_letters"].as_array()?.len() == 1).then_some(())
        })
        .await;
    })
    .await;
}

/// As in a rolling upgrade: old workers connect again while new ones run.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_worker_that_comes_back_opens_the_old_way_again() {
    in_world(async |world| {
        let admin = Connection::connect(&variable("AMQP_ADMIN_URL"), ConnectionProperties::default())
            .await
            .unwrap();
        let channel = admin.create_channel().await.unwrap();
        declare_as_old_worker(world, &channel).await;
        assert!(world.user_import(&["topology", "--retire-old"]).await.code == Some(0));
        declare_as_old_worker(world, &channel).await;
        assert!(topology_of_doctor(world).await.contains("--retire-old"));
        let job = world.upload(world.tenant().await, good_rows(2)).await;
        let delay = format!("{}imports.retry.1s", world.prefix());
        assert!(
            publish(&admin, delay, "requested", job.to_string().as_bytes())
                .await
                .unwrap()
        );
        let _worker = Worker::start(world, &[]);
        let done = tokio::time::timeout(Duration::from_secs(90), world.final_event(&job)).await;
        final_data(&done.unwrap(), "completed");
        assert!(world.user_import(&["topology", "--retire-old"]).await.code == Some(0));
    })
    .await;
}
