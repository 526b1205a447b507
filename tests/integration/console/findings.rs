//! What `doctor` finds, as the console shows it: on a page, in a tile of the overview, and by the API.

use kit::{Console, Fault, Proxy, eventually, in_world, variable};
use serde_json::{Value, json};

use super::{access::OPERATOR, operators::shown};

/// The verdict of a check, as the page shows it.
fn verdict(text: &str, check: &str) -> Option<String> {
    let (before, _) = text.split_once(&format!("data-label=\"Check\">{check}</td>"))?;
    let (_, state) = before.rsplit_once("</svg>")?;
    Some(state.split('<').next()?.to_lowercase())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_findings_says_what_doctor_says_and_what_it_cannot_see() {
    in_world(async |world| {
        world.half_failed().await;
        world.json_of(&["pause", "--all", "--reason", "night"], 0).await;
        let console = Console::start(world, &[]).await;
        let text = shown(&console, "/operators/doctor").await;
        let by_command = world.json_of(&["doctor"], 0).await;
        let mut seen = 0;
        for check in by_command["checks"].as_array().unwrap() {
            let name = check["check"].as_str().unwrap();
            match verdict(&text, name).as_deref() {
                Some("unchecked") => {}
                found => {
                    assert_eq!(found, check["verdict"].as_str(), "{name}: {text}");
                    seen += 1;
                }
            }
        }
        assert!(seen >= 10, "{text}");
        for (check, expected) in [
            ("imports", "warning"),
            ("pauses", "warning"),
            ("workers", "warning"),
            ("schema", "ok"),
            ("topology", "ok"),
            ("seal keys", "unchecked"),
        ] {
            assert_eq!(
                verdict(&text, check).as_deref(),
                Some(expected),
                "{check}: {text}"
            );
        }
        assert!(
            text.contains("by olga: night") && text.contains("user-import resume"),
            "{text}"
        );
        // What cannot be seen from here is no news: it stands behind what is.
        let (checked, unchecked) = text.split_once("<details").unwrap();
        assert!(!checked.contains("Unchecked</span>"), "{text}");
        assert!(
            unchecked.contains("checks that only <code>user-import doctor</code> can make"),
            "{text}"
        );
        assert!(
            checked.contains("href=\"/operators/imports?state=failed\""),
            "{text}"
        );
        eventually("the tile of the overview", async || {
            let text = shown(&console, "/operators").await;
            // Behind the link of the navigation.
            let tile = text.split("href=\"/operators/doctor\">").nth(2)?;
            tile.split("</a>")
                .next()?
                .contains("warnings</span>")
                .then_some(())
        })
        .await;

        let token = console.token("grace@example.com", OPERATOR);
        let by_api = console
            .as_bearer(&token, "GET", "/api/operators/doctor", &Value::Null)
            .await
            .json();
        let checks = by_api["checks"].as_array().unwrap();
        let of = |name: &str| checks.iter().find(|check| check["check"] == name).unwrap();
        for name in ["imports", "pauses"] {
            assert_eq!(of(name)["verdict"], "warning");
            assert!(of(name)["since"].is_string(), "{by_api}");
        }
        assert_eq!(of("schema").get("since"), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_look_share_the_findings_and_nobody_waits_long_for_them() {
    in_world(async |world| {
        let proxy = Proxy::before(&variable("AMQP_URL")).await;
        let console = Console::start(world, &[("AMQP_URL", &proxy.url(&variable("AMQP_URL")))]).await;
        let text = shown(&console, "/operators/doctor").await;
        assert_eq!(verdict(&text, "broker").as_deref(), Some("ok"), "{text}");
        // What happens to the broker shows at the next examination, whoever asks before it.
        proxy.set(Fault::Silence);
        let token = console.token("grace@example.com", OPERATOR);
        let asked = console.as_bearer(&token, "GET", "/api/operators/doctor", &Value::Null);
        let (by_api, text) = tokio::join!(asked, shown(&console, "/operators/doctor"));
        let broker = by_api.json()["checks"]
            .as_array()
            .unwrap()
            .iter()
            .find(|check| check["check"] == "broker")
            .cloned();
        assert_eq!(broker.unwrap()["verdict"], json!("ok"));
        assert_eq!(verdict(&text, "broker").as_deref(), Some("ok"), "{text}");

        let away = Console::start(world, &[("AMQP_URL", "amqp://127.0.0.1:1")]).await;
        let text = shown(&away, "/operators/doctor").await;
        assert_eq!(verdict(&text, "broker").as_deref(), Some("failed"), "{text}");
        // The worst first.
        let (_, first) = text.split_once("<tbody><tr>").unwrap();
        assert!(first.split("</tr>").next().unwrap().contains("broker"), "{text}");
    })
    .await;
}
