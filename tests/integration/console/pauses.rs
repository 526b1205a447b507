//! Pausing and resuming by the console.

use kit::{Console, Worker, good_rows, in_world};
use serde_json::{Value, json};

use super::{
    access::{OPERATOR, READER},
    operators::{page, send, shown},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_pauses_and_resumes_and_the_audit_trail_says_who_and_why() {
    in_world(async |world| {
        let tenant = world.tenant().await.id.to_string();
        let console = Console::start(world, &[]).await;
        let calm = shown(&console, "/operators").await;
        assert!(!calm.contains("paused</strong>"), "{calm}");

        let fields = [("tenant", tenant.as_str()), ("reason", "PBX is moved")];
        for _ in 0..2 {
            let paused = send(&console, "/operators/pause", &fields).await;
            assert_eq!(
                (paused.status, paused.header("location")),
                (303, Some("/operators"))
            );
        }
        send(
            &console,
            "/operators/pause",
            &[("tenant", "all"), ("reason", "night")],
        )
        .await;
        let text = shown(&console, "/operators").await;
        for expected in [
            &format!("The imports of tenant {tenant} are paused"),
            "by grace@example.com: PBX is moved",
            "The imports of all tenants are paused",
            "1 tenant stays paused",
            "New imports start at once again.",
            "Pause a tenant …",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("Pause everything"), "it is paused: {text}");
        assert_eq!(world.json_of(&["resume", "--all"], 0).await["changed"], true);

        // Whoever may only read sees the pause, and no button.
        let reader = console.token("reader@example.com", READER);
        let read = console
            .as_bearer(&reader, "GET", "/operators", &Value::Null)
            .await
            .text();
        assert!(
            read.contains("PBX is moved") && !read.contains("data-opens"),
            "{read}"
        );

        let resumed = send(
            &console,
            "/operators/resume",
            &[("tenant", &tenant), ("reason", "moved")],
        )
        .await;
        assert_eq!(resumed.status, 303);
        let text = shown(&console, "/operators").await;
        assert!(!text.contains("paused</strong>"), "{text}");
        // Whose imports they were, also if they were everybody's.
        let trail = shown(&console, "/operators/audit").await;
        let of_tenant = format!("<a href=\"/operators/imports?tenant={tenant}\">{tenant}</a>");
        let whose = |whose: &str| {
            trail
                .matches(&format!("data-label=\"Tenant\">{whose}</td>"))
                .count()
        };
        assert_eq!((whose("all"), whose(&of_tenant)), (2, 2), "{trail}");
        let audited: Vec<(String, String, Option<String>)> = world.audited().await;
        let audited: Vec<_> = audited
            .iter()
            .map(|(command, who, why)| (command.as_str(), who.as_str(), why.as_deref()))
            .collect();
        assert_eq!(
            audited,
            [
                ("pause", "grace@example.com", Some("PBX is moved")),
                ("pause", "grace@example.com", Some("night")),
                ("resume", "olga", None),
                ("resume", "grace@example.com", Some("moved")),
            ]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_names_no_tenant_pauses_nobody() {
    in_world(async |world| {
        let tenant = world.tenant().await.id.get();
        let console = Console::start(world, &[]).await;
        for (named, status) in [("", 422), ("0", 422), ("everybody", 422), ("1", 404)] {
            let reply = send(
                &console,
                "/operators/pause",
                &[("tenant", named), ("reason", "x")],
            )
            .await;
            assert_eq!(reply.status, status, "{named:?}: {}", reply.text());
        }
        assert_eq!(
            send(&console, "/operators/pause", &[("reason", "x")])
                .await
                .status,
            422
        );
        let token = console.token("grace@example.com", OPERATOR);
        let post = async |path: &str, body: Value| {
            let path = format!("/api/operators/{path}");
            console.as_bearer(&token, "POST", &path, &body).await
        };
        for nobody in [
            json!({}),
            json!({ "all": false }),
            json!({ "all": true, "tenant_id": tenant }),
        ] {
            let reply = post("pause", nobody.clone()).await;
            assert_eq!(reply.status, 422, "{nobody}: {}", reply.text());
        }
        assert_eq!(
            page(&console, "/api/operators/pauses").await.json()["pauses"],
            json!([])
        );

        let body = json!({ "tenant_id": tenant, "reason": "PBX" });
        assert_eq!(post("pause", body.clone()).await.json()["changed"], true);
        assert_eq!(post("pause", body.clone()).await.json()["changed"], false);
        let lasting = page(&console, "/api/operators/pauses").await.json();
        assert_eq!(
            (&lasting["pauses"][0]["tenant_id"], &lasting["pauses"][0]["by"]),
            (&json!(tenant), &json!("grace@example.com"))
        );
        assert_eq!(post("resume", body.clone()).await.json()["changed"], true);
        assert_eq!(post("resume", body).await.json()["changed"], false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_tenant_with_less_to_do_than_a_hundred_others_is_counted_too() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        world
            .json_of(&["pause", "--tenant", &tenant.id.to_string()], 0)
            .await;
        let worker = Worker::start(world, &[]);
        world.submit(tenant, good_rows(2)).await;
        world.until("SELECT count(*) = 1 FROM imports.imports").await;
        assert!(worker.terminate().await.success());
        // Those of the others are older.
        world
            .execute(
                "INSERT INTO imports.imports
                 SELECT (jsonb_populate_record(i, jsonb_build_object('import_id', gen_random_uuid(), 'tenant_id', 1000000 + n,
                                                                     'received_at', now() - interval '1 hour'))).*
                   FROM imports.imports i, generate_series(1, 100) AS n",
            )
            .await;
        let console = Console::start(world, &[]).await;
        let text = shown(&console, "/operators").await;
        assert!(text.contains("1 import with 0 pending rows will continue"), "{text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_an_import_tells_when_it_was_paused_and_resumed() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        let id_of_tenant = tenant.id.to_string();
        let pause = [("tenant", id_of_tenant.as_str()), ("reason", "PBX is moved")];
        send(&console, "/operators/pause", &pause).await;
        let job = world.submit(tenant, good_rows(3)).await;
        world.until("SELECT count(*) = 1 FROM imports.imports").await;
        let path = format!("/operators/imports/{}", kit::id(&job));
        let text = shown(&console, &path).await;
        assert!(
            text.contains("<span class=\"badge wait\">Paused</span>"),
            "{text}"
        );
        assert!(
            text.contains("<strong>Paused</strong> by grace@example.com") && text.contains("PBX is moved"),
            "{text}"
        );
        let resume = [("tenant", id_of_tenant.as_str()), ("reason", "moved")];
        send(&console, "/operators/resume", &resume).await;
        world.final_event(&job).await;
        let text = shown(&console, &path).await;
        for expected in [
            "Job received",
            "<strong>Resumed</strong>",
            "File read, all rows validated",
            "Finished",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
    })
    .await;
}
