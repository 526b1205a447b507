//! An import by the API alone: what the Dialer's own page would do. The client checks every answer against the
//! description.

use kit::{Console, Worker, eventually, final_data, good_rows, in_world};
use serde_json::{Value, json};

use super::access::{administrator, imported};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_uploaded_checked_imported_followed_and_its_reports_downloaded() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let console = Console::start(world, &[]).await;
        let token = console.token("ada@example.com", administrator(tenant));
        let get = async |path: &str| console.as_bearer(&token, "GET", path, &Value::Null).await;

        let lists = get("/api/tenant").await.json();
        assert_eq!(lists["roles"], json!([{ "id": 10, "name": "Agent" }, { "id": 11, "name": "Lead" }]));

        let file = "Login;E-Mail;Ext;Role\nann;ann@example.com;1001;10\nbob;bob@example;1002;11\n";
        let upload = console.upload(&token, "team.csv", file.as_bytes()).await;
        assert_eq!(upload.status, 201, "{}", upload.text());
        let upload = upload.json();
        assert_eq!(upload["columns"]["suggested"]["username"], "Login");
        assert_eq!(upload["columns"]["delimiter"], "semicolon");
        assert_eq!(upload["preview"][1][1], "bob@example");

        let new = |mode: &str| json!({ "upload_id": upload["upload_id"], "mode": mode, "sip": { "kind": "webrtc" } });
        let check = console.as_bearer(&token, "POST", "/api/imports", &new("validate")).await.json();
        let check_id = check["import_id"].as_str().unwrap();
        let _worker = Worker::start(world, &[]);
        let stream = get(&format!("/api/imports/{check_id}/progress")).await;
        let last = stream.text();
        let last = last.lines().rfind(|line| line.starts_with("data:")).unwrap();
        let last: Value = serde_json::from_str(last.trim_start_matches("data:")).unwrap();
        assert_eq!(
            (&last["state"], &last["created"], &last["errors"], &last["is_final"]),
            (&json!("completed"), &json!(1), &json!(1), &json!(true))
        );
        let rows = get(&format!("/api/imports/{check_id}/rows?outcome=error")).await.json();
        assert_eq!(rows["columns"], json!(["Login", "E-Mail", "Ext", "Role"]));
        assert_eq!(rows["rows"][0]["problems"][0]["code"], "invalid_format");
        assert_eq!(rows["rows"][0]["cells"][1], "bob@example");
        assert!(get("/api/users").await.json()["users"].as_array().unwrap().is_empty());

        let import = console.as_bearer(&token, "POST", "/api/imports", &new("import")).await.json();
        let again = console.as_bearer(&token, "POST", "/api/imports", &new("import")).await.json();
        assert_eq!(import, again, "an upload becomes one import");
        let import_id = import["import_id"].as_str().unwrap();
        let event = world.final_event(&import).await;
        let data = final_data(&event, "completed");
        assert_eq!(data["summary"]["created"], 1, "the Dialer hears of it as of its own imports");
        let users = get(&format!("/api/users?import_id={import_id}")).await.json();
        assert_eq!(
            (&users["users"][0]["username"], &users["users"][0]["is_new"]),
            (&json!("ann"), &json!(true))
        );

        let success = get(&format!("/api/imports/{import_id}/success.csv")).await;
        assert!(success.text().contains("Temporary Password") && success.text().contains("ann@example.com"));
        assert!(success.header("content-disposition").unwrap().starts_with("attachment"));
        let errors = get(&format!("/api/imports/{import_id}/errors.csv")).await;
        assert!(errors.text().contains("bob@example"));
        let audited: (String, i64) = sqlx::query_as(
            "SELECT min(operator), count(*) FROM imports.audit WHERE command = 'download-success' AND tenant_id = $1",
        )
        .bind(tenant.id.get())
        .fetch_one(&world.db)
        .await
        .unwrap();
        assert_eq!(audited, ("ada@example.com".to_owned(), 1));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_or_no_file_is_told_apart() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let console = Console::start(world, &[("MAX_FILE_BYTES", "2000")]).await;
        let token = console.token("ada@example.com", administrator(tenant));
        let large = console.upload(&token, "large.csv", &[b'a'; 2001]).await;
        assert_eq!(
            (large.status, &large.json()["code"]),
            (413, &json!("file_too_large"))
        );
        let zip = console
            .upload(&token, "users.csv", b"PK\x03\x04not a table")
            .await;
        assert_eq!(
            (zip.status, &zip.json()["rejection"]["code"]),
            (201, &json!("not_csv"))
        );
        let none = console
            .as_bearer(&token, "POST", "/api/imports", &json!({ "upload_id": 7 }))
            .await;
        assert_eq!((none.status, &none.json()["code"]), (422, &json!("invalid")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_so_many_streams_and_takes_none_of_others() {
    in_world(async |world| {
        let (busy, other) = (world.tenant().await, world.tenant().await);
        let console = Console::start(world, &[("CONSOLE_STREAMS_PER_TENANT", "2")]).await;
        let waiting = format!("/api/imports/{}/progress", uuid::Uuid::new_v4());
        let token = console.token("ada@example.com", administrator(busy));
        let bearer = format!("Bearer {token}");
        let open = || console.follow(&waiting, ("authorization", &bearer));
        let streams = (open().await, open().await);
        let third = console.as_bearer(&token, "GET", &waiting, &Value::Null).await;
        assert_eq!(third.status, 429, "{}", third.text());
        let (_, import_id) = imported(world, &console, other, 2).await;
        let theirs = console.token("bob@example.com", administrator(other));
        let path = format!("/api/imports/{import_id}/progress");
        assert_eq!(
            console
                .as_bearer(&theirs, "GET", &path, &Value::Null)
                .await
                .status,
            200
        );
        drop(streams);
        eventually("a free place", async || {
            let again = tokio::time::timeout(
                std::time::Duration::from_millis(500),
                console.as_bearer(&token, "GET", &waiting, &Value::Null),
            );
            // A stream that is let in does not end.
            again.await.is_err().then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_openapi_3_1_and_complete() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let description = console.description();
        assert_eq!(description["openapi"], "3.1.0");
        let text = description.to_string();
        for reference in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(description["components"]["schemas"][name].is_object(), "{name}");
        }
        let mut ids = std::collections::BTreeSet::new();
        for (method, path) in console.operations() {
            let operation = &description["paths"][&path][method.to_lowercase()];
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(
                operation["responses"]["default"].is_object(),
                "{method} {path} names no failure"
            );
            assert!(
                ids.insert(operation["operationId"].to_string()),
                "{method} {path} has another's ID"
            );
            for parameter in path.split('{').skip(1) {
                let name = parameter.split('}').next().unwrap();
                let parameters = description["paths"][&path]["parameters"].as_array().unwrap();
                assert!(
                    parameters.iter().any(|own| own["name"] == name),
                    "{method} {path}"
                );
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_the_broker_or_the_worker_is_away() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let cut_off = Console::start(world, &[("AMQP_URL", "amqp://127.0.0.1:1")]).await;
        let probed = cut_off.send("GET", "/livez", &[], b"").await;
        assert_eq!((probed.status, probed.text().as_str()), (200, "alive\n"));
        let token = cut_off.token("ada@example.com", administrator(tenant));
        let upload = cut_off
            .upload(&token, "users.csv", good_rows(2).as_bytes())
            .await
            .json();
        let new = json!({ "upload_id": upload["upload_id"] });
        let refused = cut_off.as_bearer(&token, "POST", "/api/imports", &new).await;
        assert_eq!(
            (refused.status, &refused.json()["code"]),
            (503, &json!("broker_unavailable"))
        );

        // The same upload by a console that reaches it, while no worker runs yet.
        let console = Console::start(world, &[]).await;
        let import = console
            .as_bearer(&token, "POST", "/api/imports", &new)
            .await
            .json();
        let _worker = Worker::start(world, &[]);
        let event = world.final_event(&import).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 2);
    })
    .await;
}
