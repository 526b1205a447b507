//! Signing in, staying signed in, and being signed out.

use kit::{Console, Reply, in_world};
use serde_json::{Value, json};

use super::access::{OPERATOR, administrator};

pub(super) async fn exchange(console: &Console, token: &str) -> Reply {
    let origin = format!("http://{}", console.address());
    let body = json!({ "token": token }).to_string();
    let headers = [("origin", origin.as_str()), ("content-type", "application/json")];
    console
        .send("POST", "/api/session", &headers, body.as_bytes())
        .await
}

async fn with_cookie(console: &Console, cookie: &str, method: &str, path: &str) -> Reply {
    let origin = format!("http://{}", console.address());
    console
        .send(method, path, &[("cookie", cookie), ("origin", &origin)], b"")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_becomes_a_cookie_until_its_owner_logs_out() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let console = Console::start(world, &[]).await;
        let token = console.token("ada@example.com", administrator(tenant));
        let begun = exchange(&console, &token).await;
        assert_eq!(begun.status, 200, "{}", begun.text());
        let cookie = begun.header("set-cookie").unwrap();
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
            "{cookie}"
        );
        let cookie = begun.cookie().to_owned();
        let shown = with_cookie(&console, &cookie, "GET", "/api/session").await;
        assert_eq!(shown.json()["subject"], "ada@example.com");

        let ended = with_cookie(&console, &cookie, "DELETE", "/api/session").await;
        assert_eq!(ended.status, 204);
        // The session has ended, and so has the token, whatever it is used for.
        assert_eq!(
            with_cookie(&console, &cookie, "GET", "/api/session").await.status,
            401
        );
        assert_eq!(exchange(&console, &token).await.status, 401);
        assert_eq!(
            console
                .as_bearer(&token, "GET", "/api/users", &Value::Null)
                .await
                .status,
            401
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_cookie_comes_from_the_page_itself() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let begun = exchange(&console, &console.token("grace@example.com", OPERATOR)).await;
        let cookie = begun.cookie().to_owned();
        for origin in [None, Some("https://attacker.example"), Some("null")] {
            let mut headers = vec![("cookie", cookie.as_str())];
            headers.extend(origin.map(|origin| ("origin", origin)));
            for (method, path) in [
                ("DELETE", "/api/session"),
                ("POST", "/sign-out"),
                ("POST", "/api/session"),
            ] {
                let reply = console.send(method, path, &headers, b"").await;
                assert_eq!(reply.status, 403, "{method} {path} from {origin:?}");
            }
        }
        assert_eq!(
            with_cookie(&console, &cookie, "GET", "/api/session").await.status,
            200
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_or_a_key_is_revoked_at_once() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let revoke = |what: [&str; 2]| {
            let ran = world.command().arg("revoke").args(what).output().unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        };
        let (ada, bob) = (
            console.token("ada@example.com", OPERATOR),
            console.token("bob@example.com", OPERATOR),
        );
        let session = exchange(&console, &ada).await.cookie().to_owned();
        revoke(["--for", "ada@example.com"]);
        assert_eq!(
            with_cookie(&console, &session, "GET", "/api/session")
                .await
                .status,
            401
        );
        assert_eq!(exchange(&console, &ada).await.status, 401);
        let bobs = exchange(&console, &bob).await;
        assert_eq!(bobs.status, 200, "others stay: {}", bobs.text());
        revoke(["--key", "test"]);
        assert_eq!(
            with_cookie(&console, bobs.cookie(), "GET", "/api/session")
                .await
                .status,
            401
        );
        assert_eq!(exchange(&console, &bob).await.status, 401);
        let audited: i64 = sqlx::query_scalar("SELECT count(*) FROM imports.audit WHERE command = 'revoke'")
            .fetch_one(&world.db)
            .await
            .unwrap();
        assert_eq!(audited, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_forbids_frames_scripts_of_others_and_being_kept() {
    in_world(async |world| {
        let framed = [("CONSOLE_FRAME_ANCESTORS", "https://dialer.example.com")];
        for (variables, ancestors) in [(&[][..], "'none'"), (&framed[..], "https://dialer.example.com")] {
            let console = Console::start(world, variables).await;
            for path in [
                "/sign-in",
                "/users",
                "/api/session",
                "/api/openapi.json",
                "/nowhere",
            ] {
                let reply = console.send("GET", path, &[], b"").await;
                let policy = reply.header("content-security-policy").unwrap();
                assert!(
                    policy.starts_with("default-src 'none'; script-src 'self'"),
                    "{path}: {policy}"
                );
                assert!(
                    policy.ends_with(&format!("frame-ancestors {ancestors}")),
                    "{path}: {policy}"
                );
                assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
                assert!(!reply.text().contains("<script>"), "{path}");
            }
            let token = console.token("grace@example.com", OPERATOR);
            let cookie = exchange(&console, &token).await;
            let cookie = cookie.header("set-cookie").unwrap();
            assert_eq!(
                cookie.contains("SameSite=None; Secure; Partitioned"),
                !variables.is_empty(),
                "{cookie}"
            );
        }
    })
    .await;
}
