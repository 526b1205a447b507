//! The wizard's pages: what they keep, what they offer, and in which words.

use kit::{Console, Reply, Worker, World, eventually, in_world};
use serde_json::Value;

use super::{access::administrator, operators::Fields};

/// Somebody who plays the wizard without a browser.
struct Visit<'a> {
    console: &'a Console,
    token: String,
}

/// The fields of a file with the usual header.
const MAPPED: Fields<'_> = &[
    ("column.username", "Username"),
    ("column.email", "Email"),
    ("column.virtual_extension", "Virtual Extension"),
    ("from.role", "column:Role"),
    ("sip", "webrtc"),
];

impl<'a> Visit<'a> {
    async fn of(world: &World, console: &'a Console) -> Self {
        let token = console.token("ada@example.com", administrator(world.tenant().await));
        Self { console, token }
    }

    async fn get(&self, path: &str) -> Reply {
        self.console
            .as_bearer(&self.token, "GET", path, &Value::Null)
            .await
    }

    async fn shown(&self, path: &str) -> String {
        let reply = self.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        reply.text()
    }

    async fn send(&self, path: &str, fields: Fields<'_>) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let authorization = format!("Bearer {}", self.token);
        let headers = [
            ("authorization", authorization.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        self.console.send("POST", path, &headers, body.as_bytes()).await
    }

    /// The page of an upload.
    async fn upload(&self, content: &str) -> String {
        let upload = self
            .console
            .upload(&self.token, "users.csv", content.as_bytes())
            .await;
        let upload = upload.json();
        format!("/uploads/{}", upload["upload_id"].as_str().unwrap())
    }

    /// The page of the import that an upload becomes, once it is at its end.
    async fn imported(&self, upload: &str) -> String {
        self.send(&format!("{upload}/fields"), MAPPED).await;
        let begun = self.send(&format!("{upload}/import"), &[]).await;
        let import = begun.header("location").unwrap().to_owned();
        eventually("the end of the import", async || {
            let text = self.shown(&import).await;
            text.contains("aria-label=\"Summary\"").then_some(())
        })
        .await;
        import
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_encoding_keeps_all_that_names_no_column() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let visit = Visit::of(world, &console).await;
        let upload = visit
            .upload("Username,Email,Größe,Role\nann,ann@example.com,1001,10\n")
            .await;
        let fields = format!("{upload}/fields");
        let chosen: Vec<(&str, &str)> = MAPPED
            .iter()
            .copied()
            .filter(|(name, _)| *name != "column.virtual_extension")
            .chain([
                ("column.virtual_extension", "Größe"),
                ("two_factor", "google"),
                ("digits_only", "on"),
                ("advanced", "on"),
                ("max_session_minutes", "480"),
            ])
            .collect();
        assert_eq!(visit.send(&fields, &chosen).await.status, 303);
        assert_eq!(
            visit.send(&upload, &[("encoding", "windows-1252")]).await.status,
            303
        );
        let text = visit.shown(&fields).await;
        for kept in [
            "value=\"google\" checked",
            "name=\"digits_only\" value=\"on\" checked",
            "value=\"480\"",
            "value=\"Username\" selected",
        ] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
        assert!(!text.contains("value=\"Größe\""), "{text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_whose_columns_are_in_doubt_can_still_be_mapped() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let visit = Visit::of(world, &console).await;
        for (content, is_in_doubt) in [
            ("ann,ann@example.com,1001,10\nbob,bob@example.com,1002,10\n", true),
            (
                "Email,E-mail,Username,Role\nann@example.com,ann@example.org,ann,10\n",
                true,
            ),
            ("Login name of theirs,Tags\nann,\n", false),
        ] {
            let upload = visit.upload(content).await;
            let text = visit.shown(&upload).await;
            assert!(
                text.contains("Look whether this file") == is_in_doubt && text.contains("Map the fields"),
                "{content}: {text}"
            );
            visit.shown(&format!("{upload}/fields")).await;
        }
        let upload = visit.upload("Username,Email\n").await;
        let text = visit.shown(&upload).await;
        assert!(text.contains("cannot be imported as it is"), "{text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_not_imported_is_thrown_away_and_one_that_was_is_kept() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        let visit = Visit::of(world, &console).await;
        let file = "Username,Email,Virtual Extension,Role\nann,ann@example.com,1001,10\n";
        let upload = visit.upload(file).await;
        let offered = format!("action=\"{upload}/discard\"");
        assert!(visit.shown("/imports").await.contains(&offered));
        let key: String = world.value("SELECT source_key FROM console.uploads").await;
        let gone = visit.send(&format!("{upload}/discard"), &[]).await;
        assert_eq!(gone.header("location"), Some("/imports"), "{}", gone.text());
        assert!(!visit.shown("/imports").await.contains(&offered));
        assert_eq!(visit.get(&upload).await.status, 404);
        assert_eq!(world.object(&key).await, None);

        let upload = visit.upload(file).await;
        visit.imported(&upload).await;
        let refused = visit.send(&format!("{upload}/discard"), &[]).await;
        assert_eq!(refused.status, 409, "{}", refused.text());
        let key: String = world.value("SELECT source_key FROM console.uploads").await;
        assert!(world.object(&key).await.is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn surplus_cells_and_cells_with_line_ends_are_corrected_once() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        let visit = Visit::of(world, &console).await;
        let file = "Username,Email,Virtual Extension,Role,Note\n\
                    ann,ann@example.com,1001,10,\n\
                    bob,bob@example.com,1002,10,,beyond\n\
                    \"c\rd\",cd@example.com,1003,10,\n";
        let upload = visit.upload(file).await;
        let import = visit.imported(&upload).await;
        let text = visit.shown(&import).await;
        for expected in [
            "<strong>1</strong><span>Uploaded</span>",
            "<span>Duplicates</span>",
            "<strong>2</strong><span>With errors</span>",
            "aria-label=\"Surplus 1, row 2\"",
            "value=\"beyond\"",
            "<textarea id=\"cell.3.0\"",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        let corrections = format!("{import}/corrections");
        let corrected = visit
            .send(&corrections, &[("cell.2.5", ""), ("cell.3.0", "cd")])
            .await;
        let check = corrected.header("location").unwrap().to_owned();
        eventually("the end of the check", async || {
            let text = visit.shown(&check).await;
            text.contains("<strong>2</strong><span>Can be created</span>")
                .then_some(())
        })
        .await;
        // The rows are there now, and not offered again.
        let text = visit.shown(&import).await;
        assert!(
            text.contains("being corrected") && !text.contains("data-corrections"),
            "{text}"
        );
        let again = visit.send(&corrections, &[("cell.2.5", "")]).await;
        assert_eq!(again.status, 409, "{}", again.text());
        let upload = check.strip_suffix("/check").unwrap();
        let second = visit.send(&format!("{upload}/import"), &[]).await;
        let second = second.header("location").unwrap();
        let text = visit.shown(&import).await;
        assert!(text.contains(&format!("href=\"{second}\"")), "{text}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_import_says_so_while_it_is_followed() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        let visit = Visit::of(world, &console).await;
        world.json_of(&["pause", "--all", "--reason", "night"], 0).await;
        let upload = visit
            .upload("Username,Email,Virtual Extension,Role\nann,ann@example.com,1001,10\n")
            .await;
        visit.send(&format!("{upload}/fields"), MAPPED).await;
        let begun = visit.send(&format!("{upload}/import"), &[]).await;
        let import = begun.header("location").unwrap().to_owned();
        world
            .until("SELECT count(*) = 1 FROM imports.imports WHERE state = 'received'")
            .await;
        let bearer = format!("Bearer {}", visit.token);
        let path = format!("/api{import}/progress");
        let mut stream = console.follow(&path, ("authorization", &bearer)).await;
        stream.until("\"is_paused\":true").await;
        world.json_of(&["resume", "--all", "--reason", "day"], 0).await;
        let followed = stream.ended().await;
        assert!(followed.contains("\"state\":\"completed\""), "{followed}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_import_is_followed_and_offers_only_what_was_written() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let console = Console::start(world, &[]).await;
        let tenant = job["tenant_id"].as_i64().unwrap().try_into().unwrap();
        let token = console.token("ada@example.com", worker::db::BearerRole::Administrator(tenant));
        let visit = Visit {
            console: &console,
            token,
        };
        let import = format!("/imports/{}", kit::id(&job));
        let text = visit.shown(&import).await;
        assert!(
            text.contains("data-refresh") && text.contains("25 users were created before"),
            "{text}"
        );
        let _worker = Worker::start(world, &[]);
        world.json_of(&["replay", kit::id(&job)], 0).await;
        eventually("the end of the second attempt", async || {
            let text = visit.shown(&import).await;
            let is_ended = text.contains("Download Success Details");
            assert!(!text.contains("of attempt 1"), "it wrote none: {text}");
            is_ended.then_some(())
        })
        .await;
    })
    .await;
}
