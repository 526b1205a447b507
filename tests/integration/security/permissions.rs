//! What the users of the local broker may do: what their part needs, and with our names only.

use kit::{in_world, variable};
use lapin::{
    Channel, Connection, ConnectionProperties, ExchangeKind,
    options::{
        BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions,
        ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
        QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{FieldTable, ShortString},
};

/// What a user may try with a name.
#[derive(Debug, Clone, Copy)]
enum Act {
    DeclareQueue,
    DeclareExchange,
    DeleteQueue,
    Bind,
    Publish,
    Get,
    Consume,
    Purge,
}

const ALL: [Act; 8] = [
    Act::DeclareQueue,
    Act::DeclareExchange,
    Act::DeleteQueue,
    Act::Bind,
    Act::Publish,
    Act::Get,
    Act::Consume,
    Act::Purge,
];

/// Tries it on a channel of its own, because a refusal closes the channel.
async fn attempt(connection: &Connection, act: Act, name: &str) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let (name, table) = (ShortString::from(name), FieldTable::default());
    match act {
        Act::DeclareQueue => channel
            .queue_declare(name, QueueDeclareOptions::durable(), table)
            .await
            .map(drop),
        Act::DeclareExchange => {
            let options = ExchangeDeclareOptions {
                durable: true,
                ..ExchangeDeclareOptions::default()
            };
            channel
                .exchange_declare(name, ExchangeKind::Direct, options, table)
                .await
        }
        Act::DeleteQueue => channel
            .queue_delete(name, QueueDeleteOptions::default())
            .await
            .map(drop),
        Act::Bind => {
            channel
                .queue_bind(
                    name.clone(),
                    name,
                    "key".into(),
                    QueueBindOptions::default(),
                    table,
                )
                .await
        }
        Act::Publish => {
            let sent = channel.basic_publish(
                name,
                "key".into(),
                BasicPublishOptions::default(),
                b"",
                Default::default(),
            );
            sent.await?.await.map(drop)
        }
        Act::Get => channel
            .basic_get(name, BasicGetOptions::default())
            .await
            .map(drop),
        Act::Consume => {
            let options = BasicConsumeOptions::default();
            channel
                .basic_consume(name, ShortString::default(), options, table)
                .await
                .map(drop)
        }
        Act::Purge => channel
            .queue_purge(name, QueuePurgeOptions::default())
            .await
            .map(drop),
    }
}

async fn refused(connection: &Connection, act: Act, name: &str) {
    let tried = attempt(connection, act, name).await;
    let error = tried.err().map(|error| error.to_string()).unwrap_or_default();
    assert!(
        error.contains("ACCESS_REFUSED") || error.contains("ACCESS-REFUSED"),
        "{act:?} {name}: {error:?}"
    );
}

async fn connect(name: &str) -> Connection {
    Connection::connect(&variable(name), ConnectionProperties::default())
        .await
        .unwrap()
}

/// Exchange and queue of this name, as somebody else has them who shares the virtual host.
async fn declare_as_owner(channel: &Channel, name: &str) {
    let options = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let exchange =
        channel.exchange_declare(name.into(), ExchangeKind::Fanout, options, FieldTable::default());
    exchange.await.unwrap();
    let queue = channel.queue_declare(name.into(), QueueDeclareOptions::durable(), FieldTable::default());
    queue.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn worker_and_dialer_may_touch_no_name_that_is_not_theirs() {
    in_world(async |world| {
        if variable("AMQP_URL") == variable("AMQP_ADMIN_URL") {
            // A broker that was given with one user for all: its rights are not ours to set.
            return;
        }
        let prefix = world.prefix();
        let (worker, dialer) = (connect("AMQP_URL").await, connect("DIALER_AMQP_URL").await);
        let admin = connect("AMQP_ADMIN_URL").await;
        let channel = admin.create_channel().await.unwrap();
        let names = [
            "foreign",
            "imports-of-others",
            "importsx",
            "x.imports",
            "dialer.import-events.copy",
        ]
        .map(|name| format!("{prefix}{name}"));
        for name in &names {
            declare_as_owner(&channel, name).await;
            for act in ALL {
                refused(&worker, act, name).await;
                refused(&dialer, act, name).await;
            }
        }
        for exchange in ["", "amq.topic", "amq.direct"] {
            refused(&worker, Act::Publish, exchange).await;
            refused(&dialer, Act::Publish, exchange).await;
        }
        // The Dialer may use what is ours only as far as the contract goes.
        for name in ["imports.requested", "imports.dead", "imports.rows.00"] {
            for act in [
                Act::DeclareQueue,
                Act::DeleteQueue,
                Act::Get,
                Act::Consume,
                Act::Purge,
            ] {
                refused(&dialer, act, &format!("{prefix}{name}")).await;
            }
        }
        for exchange in [
            "imports.work",
            "imports.events",
            "imports.delay.1s",
            "imports.suspects",
            "imports.dead",
        ] {
            refused(&dialer, Act::Publish, &format!("{prefix}{exchange}")).await;
        }
        refused(
            &dialer,
            Act::DeleteQueue,
            &format!("{prefix}dialer.import-events"),
        )
        .await;
        attempt(&dialer, Act::Get, &format!("{prefix}dialer.import-events"))
            .await
            .unwrap();
        attempt(&dialer, Act::Publish, &format!("{prefix}imports"))
            .await
            .unwrap();
        for name in &names {
            channel
                .queue_delete(name.as_str().into(), QueueDeleteOptions::default())
                .await
                .unwrap();
            channel
                .exchange_delete(name.as_str().into(), ExchangeDeleteOptions::default())
                .await
                .unwrap();
        }
    })
    .await;
}
