//! What others wrote reaches neither a terminal nor a log as it is, whatever command shows it.

use kit::{Worker, eventually, id, in_world};
use lapin::{
    BasicProperties, Connection, ConnectionProperties,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable},
};
use serde_json::json;

/// A line of its own, a title, the clipboard, C1, direction, zero width, a tag.
const HOSTILE: &str = "x\u{1b}]0;owned\u{7}\nFORGED line\r\u{9b}2J\u{202e}\u{200b}\u{e0041}\u{2028}y";

/// Nothing but text and our own line breaks; and no line that somebody else began.
fn assert_harmless(what: &str, shown: &[u8]) {
    let shown = std::str::from_utf8(shown).unwrap_or_else(|_| panic!("{what}: not UTF-8"));
    for line in shown.lines() {
        assert_eq!(shared::text::printable(line), line, "{what}");
        assert!(!line.starts_with("FORGED"), "{what}: {line}");
    }
    assert!(!shown.contains('\r'), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_command_and_no_log_passes_foreign_text_on_as_it_is() {
    in_world(async |world| {
        let worker = Worker::start(world, &[("RUST_LOG", "trace")]);
        let tenant = world.tenant().await;
        // In cells, column names and the job's own texts.
        let file = format!(
            "username,email,ext,role,\"{HOSTILE}\"\n\"{HOSTILE}\",\"{HOSTILE}\",12,\"{HOSTILE}\",1\n"
        );
        let mut job = world.upload(tenant, file.clone()).await;
        job["requested_by"] = json!(HOSTILE);
        world.publish(&job).await;
        world.final_event(&job).await;
        let mut rejected = world.upload(tenant, "username,email\n").await;
        rejected["source"]["key"] = json!(format!("tenants/{}/{HOSTILE}", tenant.id));
        rejected["fields"] = json!({ "username": { "column": HOSTILE } });
        world.publish(&rejected).await;
        world.final_event(&rejected).await;
        // In names and values of the message, and in its properties.
        for body in [
            json!({ "version": 1, HOSTILE: 1 }).to_string(),
            json!({ "version": 1, "mode": HOSTILE }).to_string(),
            HOSTILE.to_owned(),
        ] {
            world.publish_to("requested", body.as_bytes()).await;
        }
        let admin = Connection::connect(&kit::variable("AMQP_ADMIN_URL"), ConnectionProperties::default())
            .await
            .unwrap();
        let channel = admin.create_channel().await.unwrap();
        let mut headers = FieldTable::default();
        for name in ["import-reason", "import-error", "import-origin"] {
            headers.insert(name.into(), AMQPValue::LongString(HOSTILE.into()));
        }
        let properties = BasicProperties::default()
            .with_message_id(HOSTILE.into())
            .with_headers(headers);
        let dead = format!("{}imports.dead", world.prefix());
        channel
            .basic_publish(
                dead.into(),
                HOSTILE.into(),
                BasicPublishOptions::default(),
                HOSTILE.as_bytes(),
                properties,
            )
            .await
            .unwrap()
            .await
            .unwrap();
        eventually("the dead letters", async || {
            (world.dead_letters().await >= 4).then_some(())
        })
        .await;
        assert!(worker.terminate().await.success());
        assert_harmless("the worker's log", world.logged().as_bytes());

        let upload = world.scratch_file("hostile.csv", file.as_bytes());
        let upload = upload.to_str().unwrap();
        let tenant_id = tenant.id.to_string();
        let hostile: i64 = sqlx::query_scalar(
            "SELECT dead_letter_id FROM imports.dead_letters WHERE message_id IS NOT NULL",
        )
        .fetch_one(&world.db)
        .await
        .unwrap();
        let hostile = hostile.to_string();
        let commands: &[&[&str]] = &[
            &["list"],
            &["status", id(&job), "--rows"],
            &["status", id(&rejected)],
            &["watch", id(&job)],
            &["watch", id(&rejected)],
            &["dead", "list"],
            &["dead", "show", &hostile],
            &["dead", "show", "no such\u{1b}letter"],
            &["dead", "replay", "--all", "--dry-run"],
            &["dead", "discard", "--all"],
            &["columns", upload],
            &["columns", "no\u{1b}file"],
            &[
                "submit",
                upload,
                "--tenant",
                &tenant_id,
                "--map",
                "role=no\u{9b}column",
            ],
            &["submit", upload, "--tenant", &tenant_id, "--set", "\u{1b}=1"],
            &["cancel", id(&rejected)],
            &["replay", id(&job)],
            &["purge", "--rows-days", "0"],
            &["doctor"],
            &["\u{1b}command"],
        ];
        for command in commands {
            for json in [false, true] {
                let arguments = [*command, if json { &["--json"][..] } else { &[] }].concat();
                let ended = world.user_import(&arguments).await;
                assert_harmless(&format!("{arguments:?}"), ended.out.as_bytes());
                assert_harmless(&format!("{arguments:?}"), ended.error.as_bytes());
            }
        }
    })
    .await;
}
