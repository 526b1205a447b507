//! Options: what the job says of all users of a file stands in each of them, and what a worker cannot work with ends it.

use std::time::Duration;

use kit::{Worker, World, final_data, in_world};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_option_of_the_job_arrives_in_its_users() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        sqlx::raw_sql(
            "UPDATE dialer.tenants SET two_factor = 'email';
             UPDATE dialer.roles SET two_factor = 'google' WHERE role_id = 11;",
        )
        .execute(&world.db)
        .await
        .unwrap();
        let (unset, all) = (Value::Null, json!([]));
        let cases = [
            (
                "classic",
                json!({
                    "sip": { "kind": "classic_pbx", "pbx_domain_id": 50 },
                    "two_factor": "disabled",
                    "security": { "max_session_minutes": 480 },
                    "fields": {
                        "virtual_extension": { "column": "Ext" }, "pbx_device": { "column": "Ext" },
                        "desks": { "values": [20, 21, 20] }, "tags": { "values": [] },
                    },
                }),
                json!(["classic_pbx", 50, "0201", unset, "disabled", "disabled", 480, unset, [20, 21], all]),
            ),
            (
                "custom",
                json!({
                    "sip": { "kind": "custom_uri" },
                    "two_factor": "email",
                    "security": { "max_concurrent_sessions": 1 },
                    "fields": { "role": { "value": 11 }, "tags": { "values": [41] } },
                }),
                json!(["custom_uri", unset, unset, "sip:custom@pbx.example.com:5060", "email", "email", unset, 1, all, [41]]),
            ),
            (
                "builtin",
                json!({ "sip": { "kind": "builtin_pbx" }, "two_factor": "default", "fields": { "role": { "value": 11 } } }),
                json!(["builtin_pbx", unset, unset, unset, unset, "google", unset, unset, all, all]),
            ),
            (
                "webrtc",
                json!({ "requested_by": "admin@example.com" }),
                json!(["webrtc", unset, unset, unset, unset, "email", unset, unset, all, all]),
            ),
        ];
        for (n, (name, options, expected)) in cases.into_iter().enumerate() {
            // All files have all columns; those of an option that was not chosen are ignored.
            let file = format!(
                "Username,Email,Ext,Role,Device,SIP URI\n{name},{name}@example.com,020{},10,007,{name}@pbx.example.com:5060\n",
                n + 1
            );
            let mut job = world.upload(tenant, file).await;
            for (option, value) in options.as_object().unwrap() {
                job[option] = value.clone();
            }
            world.publish(&job).await;
            let event = world.final_event(&job).await;
            assert_eq!(final_data(&event, "completed")["summary"]["created"], 1, "{name}: {event}");
            let stored: Value = sqlx::query_scalar(
                "SELECT jsonb_build_array(
                            u.sip_kind, u.pbx_domain_id, u.pbx_device, u.sip_uri, u.two_factor, e.two_factor,
                            u.max_session_minutes, u.max_concurrent_sessions,
                            (SELECT coalesce(jsonb_agg(desk_id ORDER BY 1), '[]') FROM dialer.user_desks WHERE user_id = u.user_id),
                            (SELECT coalesce(jsonb_agg(tag_id ORDER BY 1), '[]') FROM dialer.user_tags WHERE user_id = u.user_id))
                   FROM dialer.users u JOIN dialer.effective_two_factor e USING (tenant_id, user_id)
                  WHERE u.username = $1",
            )
            .bind(name)
            .fetch_one(&world.db)
            .await
            .unwrap();
            assert_eq!(stored, expected, "{name}");
        }
        let requested_by: Option<String> =
            sqlx::query_scalar("SELECT job->>'requested_by' FROM imports.imports ORDER BY received_at DESC LIMIT 1")
                .fetch_one(&world.db)
                .await
                .unwrap();
        assert_eq!(requested_by.as_deref(), Some("admin@example.com"));
    })
    .await;
}

/// Exit code and standard error of a command in a changed environment. A command that waits is not waited for.
async fn ended(world: &World, arguments: &[&str], variable: &str, value: &str) -> (Option<i32>, String) {
    let mut command = tokio::process::Command::from(world.command());
    command.args(arguments).env(variable, value).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(30), command.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{arguments:?} goes on with {variable}={value}"));
    let output = output.unwrap();
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_can_never_work_ends_a_command_at_once_with_exit_code_2() {
    in_world(async |world| {
        let (long, own) = ("p".repeat(236), "amq.mine");
        let status = ["status", "018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11"];
        let cases: &[(&[&str], &str, &str, &str)] = &[
            (
                &["work"],
                "AMQP_URL",
                "rabbit:hunter2@host",
                "AMQP_URL is not of the form amqp://",
            ),
            (
                &["work"],
                "AMQP_URL",
                "amqp://u:hunter2@host:port/v",
                "AMQP_URL is not of the form amqp://",
            ),
            (
                &["work"],
                "DATABASE_URL",
                "u:hunter2@host/db",
                "not of the form postgres://",
            ),
            (
                &["work"],
                "DATABASE_URL",
                "mysql://u:hunter2@host/db",
                "not of the form postgres://",
            ),
            (
                &["work"],
                "DATABASE_URL",
                "postgres://u:hunter2@host:port/db",
                "not of the form postgres://",
            ),
            (
                &["work"],
                "S3_ENDPOINT",
                "127.0.0.1:9000",
                "S3_ENDPOINT is not of the form http://",
            ),
            (
                &["work"],
                "S3_ENDPOINT",
                "http://:9000",
                "S3_ENDPOINT is not of the form http://",
            ),
            (
                &["work"],
                "S3_ENDPOINT",
                "https://key:hunter2@store",
                "S3_ENDPOINT is not of the form http://",
            ),
            (
                &["work"],
                "S3_ENDPOINT",
                "https://store/?key=hunter2",
                "S3_ENDPOINT is not of the form http://",
            ),
            (
                &["work"],
                "S3_ENDPOINT",
                "https://store:90000/x",
                "S3_ENDPOINT is not of the form http://",
            ),
            (&["work"], "MAX_ROWS", "0", "--max-rows"),
            (&["work"], "MAX_FILE_BYTES", "0", "--max-file-bytes"),
            (&["work"], "MAX_COLUMNS", "0", "--max-columns"),
            (&["work"], "MAX_CELL_BYTES", "0", "--max-cell-bytes"),
            (&["work"], "BATCH_ROWS", "0", "--batch-rows"),
            (
                &["work"],
                "AMQP_PREFIX",
                &long,
                "it has 236 bytes, 235 are allowed",
            ),
            (&["work"], "AMQP_PREFIX", own, "belong to the broker"),
            (&["work"], "AMQP_SHARDS", "0", "--amqp-shards"),
            (&["work"], "AMQP_SHARDS", "101", "--amqp-shards"),
            (&["work"], "SEAL_KEYS", "hunter2", "SEAL_KEYS cannot be used"),
            (&["work"], "ARGON2_LANES", "0", "argon2"),
            (&["work"], "ARGON2_ALLOW_WEAK", "false", "too weak"),
            (
                &["topology"],
                "AMQP_URL",
                "rabbit:hunter2@host",
                "AMQP_URL is not of the form amqp://",
            ),
            (
                &["dead", "replay", "--all"],
                "AMQP_URL",
                "rabbit:hunter2@host",
                "AMQP_URL is not of the form amqp://",
            ),
            (
                &status,
                "DATABASE_URL",
                "u:hunter2@host/db",
                "not of the form postgres://",
            ),
            (
                &["migrate"],
                "MIGRATE_DATABASE_URL",
                "u:hunter2@host/db",
                "MIGRATE_DATABASE_URL cannot be used",
            ),
            (
                &["rotate-seals"],
                "SEAL_KEYS",
                "hunter2",
                "SEAL_KEYS cannot be used",
            ),
        ];
        for (arguments, variable, value, expected) in cases {
            let (code, error) = ended(world, arguments, variable, value).await;
            assert_eq!(code, Some(2), "{arguments:?} {variable}={value}: {error}");
            assert!(
                error.contains(expected),
                "{arguments:?} {variable}={value}: {error}"
            );
            assert!(!error.contains("hunter2"), "a secret is shown: {error}");
        }
        // The longest prefix that is allowed is one that the broker takes.
        let name = "p".repeat(235);
        assert!(
            worker::broker::Topology::new(name, 100)
                .names()
                .1
                .iter()
                .all(|queue| queue.as_str().len() <= 255)
        );
    })
    .await;
}
