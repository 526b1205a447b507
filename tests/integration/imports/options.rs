//! What the job sets for all users of a file is set in each of them.

use kit::{Worker, final_data, in_world};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_option_of_the_job_arrives_in_its_users() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        world.execute("UPDATE dialer.tenants SET two_factor = 'email';
             UPDATE dialer.roles SET two_factor = 'google' WHERE role_id = 11;").await;
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
            let event = world.run(&job).await;
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
            world.value("SELECT job->>'requested_by' FROM imports.imports ORDER BY received_at DESC LIMIT 1").await;
        assert_eq!(requested_by.as_deref(), Some("admin@example.com"));
    })
    .await;
}
