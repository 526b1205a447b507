//! The operators' lists of what was changed and what was set aside, page by page.

use kit::{Console, Reply, World, in_world};
use serde_json::{Value, json};

use super::access::OPERATOR;

/// The names and values of a form.
pub(super) type Fields<'a> = &'a [(&'a str, &'a str)];

/// The answer to an operator who may act.
pub(super) async fn page(console: &Console, path: &str) -> Reply {
    let token = console.token("grace@example.com", OPERATOR);
    console.as_bearer(&token, "GET", path, &Value::Null).await
}

/// What a page says.
pub(super) async fn shown(console: &Console, path: &str) -> String {
    let reply = page(console, path).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    reply.text()
}

/// Sends a form, as the page's button does.
pub(super) async fn send(console: &Console, path: &str, fields: Fields<'_>) -> Reply {
    let token = console.token("grace@example.com", OPERATOR);
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let headers = [
        ("authorization", format!("Bearer {token}")),
        ("content-type", "application/x-www-form-urlencoded".to_owned()),
    ];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    console.send("POST", path, &headers, body.as_bytes()).await
}

/// How often a text occurs in another.
fn times(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

async fn audit(world: &World, entries: i32) {
    sqlx::query(
        "INSERT INTO imports.audit (operator, command, reason, import_id, details)
         SELECT CASE n % 2 WHEN 0 THEN 'olga' ELSE 'Oleg <b>' END,
                CASE n % 3 WHEN 0 THEN 'dead replay' WHEN 1 THEN 'dead discard' ELSE 'cancel' END, 'reason-' || n || '.',
                CASE n WHEN 7 THEN 'c0ffee00-0000-4000-8000-000000000007'::uuid END, jsonb_build_object('created', n)
           FROM generate_series(1, $1) AS n ORDER BY n",
    )
    .bind(entries)
    .execute(&world.db)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_is_read_page_by_page_and_by_what_is_looked_for() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let empty = shown(&console, "/operators/audit").await;
        assert!(empty.contains("No changes yet"), "{empty}");
        audit(world, 120).await;

        // Every entry once, the newest first, whatever is added meanwhile.
        let (mut path, mut seen) = ("/operators/audit".to_owned(), Vec::new());
        loop {
            let text = shown(&console, &path).await;
            let reasons = text.split("reason-").skip(1);
            seen.extend(reasons.map(|rest| rest.split('.').next().unwrap().parse::<i32>().unwrap()));
            let Some((before, _)) = text.split_once("\">Older</a>") else {
                break;
            };
            path = before.rsplit_once("href=\"").unwrap().1.replace("&amp;", "&");
            sqlx::query("INSERT INTO imports.audit (operator, command) VALUES ('late', 'cancel')")
                .execute(&world.db)
                .await
                .unwrap();
        }
        assert_eq!(seen, (1..=120).rev().collect::<Vec<_>>());

        for (query, found) in [
            ("import=c0ffee00-0000-4000-8000-000000000007", 1),
            ("operator=OLGA&command=dead", 40),
            ("operator=oleg&command=dead+replay", 20),
            ("command=purge", 0),
        ] {
            let text = shown(&console, &format!("/operators/audit?{query}")).await;
            assert_eq!(times(&text, "reason-"), found, "{query}: {text}");
        }
        let text = shown(&console, "/operators/audit?operator=oleg").await;
        assert!(
            text.contains("Oleg &lt;b&gt;") && text.contains("created 119"),
            "{text}"
        );
        let wrong = page(&console, "/operators/audit?import=nonsense").await;
        assert_eq!(wrong.status, 422, "{}", wrong.text());

        let first = page(&console, "/api/operators/audit?operator=olga").await.json();
        assert_eq!(first["entries"].as_array().unwrap().len(), 50);
        let next = format!("/api/operators/audit?operator=olga&before={}", first["next"]);
        let last = page(&console, &next).await.json();
        assert_eq!(last["entries"].as_array().unwrap().len(), 10);
        assert_eq!(last["next"], Value::Null);
        assert_eq!(last["entries"][9]["details"], json!({ "created": 2 }));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_read_page_by_page_and_counted_together() {
    in_world(async |world| {
        sqlx::query(
            "INSERT INTO imports.dead_letters (reason, error, origin, retry_count, size_bytes, body, fingerprint)
             SELECT CASE WHEN n <= 230 THEN 'malformed' ELSE 'permanent_error' END,
                    CASE WHEN n <= 230 THEN 'no JSON' ELSE 'error ' || n END, 'requested', 0, 1, '{', sha256(n::text::bytea)
               FROM generate_series(1, 340) AS n ORDER BY n",
        )
        .execute(&world.db)
        .await
        .unwrap();
        let console = Console::start(world, &[]).await;
        let (mut path, mut pages, mut seen) = ("/operators/dead".to_owned(), 0, 0);
        loop {
            let text = shown(&console, &path).await;
            pages += 1;
            seen += times(&text, "name=\"letter\"");
            assert!(text.contains("340 open"), "{path}: {text}");
            // Of 111 errors the 100 most frequent, and how many have the others.
            assert!(text.contains("data-label=\"Open\">230</td>"), "{path}: {text}");
            assert!(text.contains("Rarer errors</td><td class=\"number\" data-label=\"Open\">11</td>"), "{path}: {text}");
            let Some((before, _)) = text.split_once("\">Newer</a>") else {
                break;
            };
            path = before.rsplit_once("href=\"").unwrap().1.replace("&amp;", "&");
        }
        assert_eq!((pages, seen), (4, 340));

        // A group is a link to its dead letters, whose page says what it is limited to.
        let text = shown(&console, "/operators/dead").await;
        assert!(text.contains("href=\"/operators/dead?reason=malformed&amp;error=no+JSON\">no JSON</a>"), "{text}");
        let text = shown(&console, "/operators/dead?reason=malformed&error=no+JSON").await;
        assert!(text.contains("<p class=\"filtered\">malformed · no JSON · ") && text.contains("Show all"), "{text}");
        assert!(text.contains("230 open"), "{text}");

        // The filter also applies to the next page.
        let text = shown(&console, "/operators/dead?reason=malformed&after=100").await;
        assert!(text.contains("href=\"/operators/dead?reason=malformed&amp;after=200\">Newer"), "{text}");
        assert!(text.contains("href=\"/operators/dead?reason=malformed\">Oldest"), "{text}");
        let last = shown(&console, "/operators/dead?reason=malformed&after=200").await;
        assert_eq!(times(&last, "name=\"letter\""), 30);
        assert!(!last.contains("Newer"), "{last}");

        // A dead letter on a later page is discarded by its number.
        let done = send(&console, "/operators/dead/discard", &[("letter", "225"), ("reason", "noise")]).await;
        assert_eq!(done.status, 303);
        let closed: Vec<i64> = world
            .values("SELECT dead_letter_id FROM imports.dead_letters WHERE state = 'discarded'")
            .await;
        assert_eq!(closed, [225]);

        // The same by the API.
        let first = page(&console, "/api/operators/dead").await.json();
        assert_eq!(first["dead_letters"].as_array().unwrap().len(), 100);
        assert_eq!((&first["next"], &first["dead_letters"][0]["state"]), (&json!(100), &json!("open")));
        let last = page(&console, "/api/operators/dead?reason=malformed&after=200").await.json();
        assert_eq!(last["dead_letters"].as_array().unwrap().len(), 29);
        assert_eq!(last["next"], Value::Null);
        let closed = page(&console, "/api/operators/dead?state=discarded").await.json();
        assert_eq!(closed["dead_letters"][0]["closed_by"], "grace@example.com");
        let token = console.token("grace@example.com", OPERATOR);
        let post = async |path: &str, letters: Value| {
            let body = json!({ "dead_letter_ids": letters, "reason": "noise" });
            console.as_bearer(&token, "POST", &format!("/api/operators/dead/{path}"), &body).await
        };
        assert_eq!(post("discard", json!([224, 225])).await.json(), json!({ "done": 1, "left": 1 }));
        assert_eq!(post("replay", json!([223, 224])).await.json(), json!({ "done": 1, "left": 1 }));
        assert_eq!(post("replay", json!([])).await.status, 422);
        let audited: Vec<(String, String, Option<String>)> = world.audited().await;
        let commands: Vec<&str> = audited.iter().map(|(command, ..)| command.as_str()).collect();
        assert_eq!(commands, ["dead discard", "dead discard", "dead replay"]);
    })
    .await;
}
