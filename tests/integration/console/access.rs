//! Who may do what in the console: every route, tried by everybody who may not use it.

use kit::{Console, Tenant, Worker, World, eventually, good_rows, in_world};
use serde_json::{Value, json};
use worker::db::BearerRole;

/// Pages, in the form in which the API describes its own routes: method, path, and whom they are for.
const PAGES: [(&str, &str); 27] = [
    ("GET", "/users"),
    ("GET", "/users/create"),
    ("GET", "/users/sample.csv"),
    ("GET", "/uploads/{upload_id}"),
    ("POST", "/uploads/{upload_id}"),
    ("GET", "/uploads/{upload_id}/fields"),
    ("POST", "/uploads/{upload_id}/fields"),
    ("GET", "/uploads/{upload_id}/check"),
    ("POST", "/uploads/{upload_id}/check"),
    ("POST", "/uploads/{upload_id}/corrections"),
    ("POST", "/uploads/{upload_id}/discard"),
    ("POST", "/uploads/{upload_id}/import"),
    ("GET", "/imports"),
    ("GET", "/imports/{import_id}"),
    ("POST", "/imports/{import_id}/corrections"),
    ("GET", "/operators"),
    ("GET", "/operators/imports"),
    ("GET", "/operators/imports/{import_id}"),
    ("POST", "/operators/imports/{import_id}/cancel"),
    ("POST", "/operators/imports/{import_id}/replay"),
    ("GET", "/operators/dead"),
    ("POST", "/operators/dead/discard"),
    ("POST", "/operators/dead/replay"),
    ("GET", "/operators/audit"),
    ("GET", "/operators/doctor"),
    ("POST", "/operators/pause"),
    ("POST", "/operators/resume"),
];

pub(super) const OPERATOR: BearerRole = BearerRole::Operator { may_act: true };
pub(super) const READER: BearerRole = BearerRole::Operator { may_act: false };

pub(super) const fn administrator(tenant: Tenant) -> BearerRole {
    BearerRole::Administrator(tenant.id)
}

/// A tenant's completed import, and the upload that it was made from.
pub(super) async fn imported(
    world: &World,
    console: &Console,
    tenant: Tenant,
    rows: u32,
) -> (String, String) {
    let token = console.token("ada@example.com", administrator(tenant));
    let upload = console
        .upload(&token, "users.csv", good_rows(rows).as_bytes())
        .await
        .json();
    let upload_id = upload["upload_id"].as_str().unwrap().to_owned();
    let new = json!({ "upload_id": upload_id });
    let import = console.as_bearer(&token, "POST", "/api/imports", &new).await;
    assert_eq!(import.status, 202, "{}", import.text());
    let import_id = import.json()["import_id"].as_str().unwrap().to_owned();
    let _worker = Worker::start(world, &[]);
    eventually("the import's end", async || {
        let path = format!("/api/imports/{import_id}");
        let reply = console.as_bearer(&token, "GET", &path, &Value::Null).await;
        (reply.status == 200 && reply.json()["state"] == "completed").then_some(())
    })
    .await;
    (upload_id, import_id)
}

/// Whom a route is for.
fn is_for(path: &str, role: BearerRole) -> bool {
    let is_operators = path.contains("/operators");
    match role {
        BearerRole::Administrator(_) => !is_operators,
        BearerRole::Operator { .. } => is_operators || path == "/api/session",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_lets_anybody_in_whom_it_is_not_for() {
    in_world(async |world| {
        let (ours, theirs) = (world.tenant().await, world.tenant().await);
        let console = Console::start(world, &[]).await;
        let (upload_id, import_id) = imported(world, &console, ours, 3).await;
        let routes: Vec<(String, String)> = console
            .operations()
            .into_iter()
            .filter(|(method, path)| !(method == "POST" && path == "/api/session"))
            .chain(PAGES.map(|(method, path)| (method.to_owned(), path.to_owned())))
            .collect();
        assert!(routes.len() > 15, "{routes:?}");
        for (method, template) in &routes {
            let path = template
                .replace("{upload_id}", &upload_id)
                .replace("{import_id}", &import_id);
            let is_page = !path.starts_with("/api/");
            let nobody = console
                .send(
                    method,
                    &path,
                    &[("origin", &format!("http://{}", console.address()))],
                    b"",
                )
                .await;
            if is_page {
                let to = nobody.header("location").unwrap_or_default();
                let to = to.split('?').next();
                assert_eq!(
                    (nobody.status, to),
                    (303, Some("/sign-in")),
                    "{method} {path} by nobody"
                );
            } else {
                assert_eq!(nobody.status, 401, "{method} {path} by nobody");
            }
            let refused = [
                console.expired_token(administrator(ours)),
                console.forged_token(administrator(ours)),
                console.expired_token(OPERATOR),
                console.forged_token(OPERATOR),
                "nonsense".to_owned(),
            ];
            for token in refused {
                let reply = console.as_bearer(&token, method, &path, &Value::Null).await;
                assert_eq!(
                    reply.status,
                    401,
                    "{method} {path} with {token}: {}",
                    reply.text()
                );
            }
            for (subject, role) in [
                ("eve@example.com", administrator(theirs)),
                ("grace@example.com", OPERATOR),
            ] {
                let token = console.token(subject, role);
                let reply = console.as_bearer(&token, method, &path, &Value::Null).await;
                if !is_for(&path, role) {
                    assert_eq!(
                        reply.status,
                        403,
                        "{method} {path} by {subject}: {}",
                        reply.text()
                    );
                } else if template.contains('{') && role == administrator(theirs) {
                    assert_eq!(
                        reply.status,
                        404,
                        "{method} {path} of another tenant: {}",
                        reply.text()
                    );
                }
                if role == administrator(theirs) {
                    let text = reply.text();
                    assert!(!text.contains("user1"), "{method} {path}: {text}");
                    assert!(
                        !text.contains(&import_id) && !text.contains(&upload_id),
                        "{method} {path}: {text}"
                    );
                }
            }
            if method == "POST" && path.contains("/operators") {
                let reader = console.token("reader@example.com", READER);
                let reply = console.as_bearer(&reader, method, &path, &json!({})).await;
                assert_eq!(reply.status, 403, "{method} {path} by a reader: {}", reply.text());
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_another_tenant_cannot_be_imported() {
    in_world(async |world| {
        let (ours, theirs) = (world.tenant().await, world.tenant().await);
        let console = Console::start(world, &[]).await;
        let token = console.token("ada@example.com", administrator(ours));
        let upload = console
            .upload(&token, "users.csv", good_rows(1).as_bytes())
            .await
            .json();
        let other = console.token("eve@example.com", administrator(theirs));
        let new = json!({ "upload_id": upload["upload_id"] });
        let reply = console.as_bearer(&other, "POST", "/api/imports", &new).await;
        assert_eq!(reply.status, 404, "{}", reply.text());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_no_cell_of_a_file() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let console = Console::start(world, &[]).await;
        let (_, import_id) = imported(world, &console, tenant, 3).await;
        let token = console.token("grace@example.com", OPERATOR);
        for path in [
            "/operators/imports".to_owned(),
            "/api/operators/imports".to_owned(),
            format!("/api/operators/imports/{import_id}"),
        ] {
            let reply = console.as_bearer(&token, "GET", &path, &Value::Null).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.text());
            assert!(reply.text().contains(&import_id), "{path}");
            assert!(!reply.text().contains("user1"), "{path}: {}", reply.text());
        }
    })
    .await;
}
