//! Requests that nobody sends from a page of the console: how they end, and with which message they are refused.

use kit::{Console, Reply, World, eventually, in_world};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    access::{OPERATOR, administrator},
    operators::{page, send, shown},
    sessions::exchange,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_beside_another_log_in_still_needs_the_pages_origin() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let begun = exchange(&console, &console.token("grace@example.com", OPERATOR)).await;
        let headers = [
            ("cookie", begun.cookie()),
            ("authorization", "Basic YTpi"),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let reply = console
            .send(
                "POST",
                "/operators/pause",
                &headers,
                b"tenant=all&reason=mischief",
            )
            .await;
        assert_eq!(reply.status, 403, "{}", reply.text());
        assert_eq!(world.audited_commands().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_session_that_opened_it() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let console = Console::start(world, &[]).await;
        let token = console.token("ada@example.com", administrator(tenant));
        let begun = exchange(&console, &token).await;
        let path = format!("/api/imports/{}/progress", uuid::Uuid::new_v4());
        let by_cookie = console.follow(&path, ("cookie", begun.cookie())).await;
        let by_token = console
            .follow(&path, ("authorization", &format!("Bearer {token}")))
            .await;
        let ran = world
            .command()
            .args(["revoke", "--for", "ada@example.com"])
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        for stream in [by_cookie, by_token] {
            stream.ended().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_a_letter_at_a_time_is_not_waited_for_for_ever() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let mut slow = TcpStream::connect(console.address()).await.unwrap();
        let head = "POST /api/session HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\n\
                    content-type: application/json\r\ncontent-length: 100000\r\n\r\n{";
        slow.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        let answered = async {
            loop {
                tokio::select! {
                    read = slow.read(&mut answer) => break read,
                    () = tokio::time::sleep(std::time::Duration::from_secs(1)) => {}
                }
                slow.write_all(b" ").await.unwrap();
            }
        };
        let answered = tokio::time::timeout(std::time::Duration::from_secs(60), answered).await;
        answered.expect("the console does not wait for ever").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 400");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_operator_changes_anything_without_a_reason() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let token = console.token("grace@example.com", OPERATOR);
        let import = uuid::Uuid::new_v4();
        for (page, api, body) in [
            (
                "/operators/pause",
                "/api/operators/pause".to_owned(),
                json!({ "all": true }),
            ),
            (
                "/operators/resume",
                "/api/operators/resume".to_owned(),
                json!({ "all": true }),
            ),
            (
                "/operators/dead/discard",
                "/api/operators/dead/discard".to_owned(),
                json!({ "dead_letter_ids": [1] }),
            ),
            (
                "/operators/dead/replay",
                "/api/operators/dead/replay".to_owned(),
                json!({ "dead_letter_ids": [1] }),
            ),
            (
                &format!("/operators/imports/{import}/cancel"),
                format!("/api/operators/imports/{import}/cancel"),
                json!({}),
            ),
            (
                &format!("/operators/imports/{import}/replay"),
                format!("/api/operators/imports/{import}/replay"),
                json!({}),
            ),
        ] {
            for reason in ["", " \u{0}\n "] {
                let fields = [("tenant", "all"), ("letter", "1"), ("reason", reason)];
                let refused = send(&console, page, &fields).await;
                assert_eq!(refused.status, 422, "{page}: {}", refused.text());
                assert!(refused.text().contains("Give a reason"), "{}", refused.text());
                let mut body = body.clone();
                body["reason"] = json!(reason);
                let refused = console.as_bearer(&token, "POST", &api, &body).await;
                assert_eq!(
                    (refused.status, &refused.json()["code"]),
                    (422, &json!("invalid")),
                    "{api}"
                );
            }
            let refused = console.as_bearer(&token, "POST", &api, &body).await;
            assert_eq!(refused.status, 422, "{api}: {}", refused.text());
        }
        assert_eq!(world.audited_commands().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_control_character_in_a_search_finds_what_the_rest_finds() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let token = console.token("ada@example.com", administrator(world.tenant().await));
        for path in ["/users?search=%00", "/api/users?search=a%00b"] {
            let reply = console.as_bearer(&token, "GET", path, &Value::Null).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        }
        for path in [
            "/operators/imports?error=%00",
            "/operators/audit?command=%00&operator=a%07",
        ] {
            shown(&console, path).await;
        }
    })
    .await;
}

/// The text of a failure.
fn words(path: &str, reply: &Reply) -> String {
    if path.starts_with("/api/") {
        return reply.json()["message"].as_str().unwrap().to_owned();
    }
    let text = reply.text();
    let (_, words) = text
        .split_once("data-failure")
        .unwrap_or_else(|| panic!("{path}: {text}"));
    words.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_refused_is_a_page_or_a_failure_of_the_api() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let operator = console.token("grace@example.com", OPERATOR);
        let ada = console.token("ada@example.com", administrator(world.tenant().await));
        let (json, form, text) = (
            "application/json",
            "application/x-www-form-urlencoded",
            "text/plain",
        );
        let large = format!("{{\"reason\":\"{}\"}}", "x".repeat(3_000_000));
        let some = uuid::Uuid::new_v4();
        let cancel = format!("/api/operators/imports/{some}/cancel");
        for (method, path, token, kind, body, status) in [
            ("GET", "/api/nowhere", &ada, json, "", 404),
            ("GET", "/nowhere", &ada, json, "", 404),
            ("GET", "/assets/nowhere", &ada, json, "", 404),
            ("PUT", "/api/users", &ada, json, "{}", 405),
            ("PUT", "/users", &ada, json, "{}", 405),
            ("GET", "/imports/no-id", &ada, json, "", 404),
            ("GET", "/api/imports/no-id", &ada, json, "", 404),
            ("GET", "/api/imports/no-id/progress", &ada, json, "", 400),
            ("GET", "/operators/imports/no-id", &operator, json, "", 400),
            ("GET", "/api/operators/imports/no-id", &operator, json, "", 400),
            ("GET", "/users?before=soon", &ada, json, "", 400),
            ("GET", "/api/users?before=soon", &ada, json, "", 400),
            ("POST", "/operators/pause", &operator, text, "x", 415),
            ("POST", "/api/operators/pause", &operator, text, "x", 415),
            ("POST", "/api/operators/pause", &operator, json, "{", 400),
            ("POST", "/operators/pause", &operator, form, &large, 413),
            ("POST", &cancel, &operator, json, &large, 413),
        ] {
            let authorization = format!("Bearer {token}");
            let headers = [("authorization", authorization.as_str()), ("content-type", kind)];
            let reply = console.send(method, path, &headers, body.as_bytes()).await;
            assert_eq!(reply.status, status, "{method} {path}: {}", reply.text());
            assert!(!words(path, &reply).is_empty(), "{method} {path}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_no_filter_knows_never_means_everything() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let ada = console.token("ada@example.com", administrator(world.tenant().await));
        for path in [
            "/operators/imports?tenant=0",
            "/operators/imports?tenant=x",
            "/operators/imports?state=lost",
            "/operators/imports?age=old",
            "/operators/imports?before=yesterday",
            "/operators/dead?reason=none",
            "/operators/dead?import=x",
            "/operators/dead?after=x",
            "/operators/audit?before=x",
            "/operators/audit?import=x",
        ] {
            let refused = page(&console, path).await;
            assert_eq!(refused.status, 422, "{path}: {}", refused.text());
            assert!(refused.text().contains(" is not "), "{path}: {}", refused.text());
        }
        let refused = console
            .as_bearer(&ada, "GET", "/imports?before=yesterday", &Value::Null)
            .await;
        assert_eq!(refused.status, 422, "{}", refused.text());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_cannot_make_the_page_of_dead_letters_say_anything() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let text = shown(&console, "/operators/dead?done=Call+555-0100").await;
        assert!(!text.contains("555-0100"), "{text}");
        let text = shown(&console, "/operators/dead?replayed=2&left=1").await;
        assert!(
            text.contains("2 dead letters were replayed, 1 left where they are"),
            "{text}"
        );
    })
    .await;
}

/// A dead letter that names a failed import.
async fn dead_letter_of_failed(world: &World) -> (String, i64) {
    let job = world.half_failed().await;
    world.set_aside("retries_exhausted", "requested", &job).await;
    let import_id = kit::id(&job).to_owned();
    let letters: Vec<i64> = world
        .values("SELECT dead_letter_id FROM imports.dead_letters WHERE state = 'open'")
        .await;
    (import_id, letters[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_replay_of_a_failed_imports_dead_letter_is_one_entry_of_the_audit_trail() {
    in_world(async |world| {
        let (import_id, letter) = dead_letter_of_failed(world).await;
        let console = Console::start(world, &[]).await;
        let before = shown(&console, &format!("/operators/imports/{import_id}")).await;
        assert!(before.contains("Open dead letters"), "{before}");
        let letter = letter.to_string();
        let done = send(
            &console,
            "/operators/dead/replay",
            &[("letter", &letter), ("reason", "mended")],
        )
        .await;
        assert_eq!(done.header("location"), Some("/operators/dead?replayed=1&left=0"));
        assert_eq!(world.audited_commands().await, ["dead replay"]);
        eventually("no open dead letter", async || {
            let after = shown(&console, &format!("/operators/imports/{import_id}")).await;
            (!after.contains("Open dead letters")).then_some(())
        })
        .await;
    })
    .await;
}
