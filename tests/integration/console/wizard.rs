//! The wizard's pages: what they keep, what they offer, and what they say.

use kit::{Console, Reply, Worker, World, eventually, in_world};
use serde_json::Value;

use super::{access::administrator, operators::Fields};

/// Somebody who goes through the wizard without a browser.
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

    /// The page of the import that an upload becomes, once it has finished.
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
                text.contains("Check that this file") == is_in_doubt && text.contains("Map the fields"),
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
            "aria-label=\"Extra 1, row 2\"",
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

impl Visit<'_> {
    /// The page of the check that was begun, once it has finished.
    async fn checked(&self, upload: &str) -> String {
        eventually("the end of the check", async || {
            let text = self.shown(&format!("{upload}/check")).await;
            text.contains("aria-label=\"Result of the check\"")
                .then_some(text)
        })
        .await
    }
}

/// The value of a hidden field.
fn hidden<'a>(text: &'a str, name: &str) -> &'a str {
    let (_, rest) = text
        .split_once(&format!("type=\"hidden\" name=\"{name}\" value=\""))
        .unwrap();
    rest.split('"').next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_are_corrected_in_the_file_that_was_shown_and_in_no_other() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        let visit = Visit::of(world, &console).await;
        let file = "Username,Email,Virtual Extension,Role\n\
                    ann,ann@example,1001,10\nbob,bob@example.com,1002,10\ncid,cid@example,1003,10\n";
        let upload = visit.upload(file).await;
        visit
            .send(
                &format!("{upload}/fields"),
                &[MAPPED, &[("action", "check")]].concat(),
            )
            .await;
        let text = visit.checked(&upload).await;
        let (shown, check) = (
            hidden(&text, "file").to_owned(),
            hidden(&text, "check").to_owned(),
        );

        // In one tab the first row is left out, and all others move up.
        let corrections = format!("{upload}/corrections");
        let empty = [
            ("cell.1.0", ""),
            ("cell.1.1", ""),
            ("cell.1.2", ""),
            ("cell.1.3", ""),
        ];
        let first = visit
            .send(&corrections, &[&[("file", shown.as_str())], &empty[..]].concat())
            .await;
        assert_eq!(first.status, 303, "{}", first.text());
        let text = visit.checked(&upload).await;
        assert!(
            text.contains("<strong>1</strong><span>With errors</span>"),
            "{text}"
        );
        // Another tab still shows the file as it was.
        let late = [
            ("file", shown.as_str()),
            ("cell.3.1", "cid@example.com"),
            ("cell.1.1", "ann@example.com"),
        ];
        let refused = visit.send(&corrections, &late).await;
        assert_eq!(refused.status, 409, "{}", refused.text());
        assert_eq!(
            hidden(&visit.checked(&upload).await, "file"),
            hidden(&text, "file")
        );

        // Nor does it import what the other tab has not shown.
        let import = format!("{upload}/import");
        let stale = visit.send(&import, &[("check", check.as_str())]).await;
        assert_eq!(stale.header("location"), Some(format!("{upload}/check").as_str()));
        let begun = visit.send(&import, &[("check", hidden(&text, "check"))]).await;
        assert!(
            begun.header("location").unwrap().starts_with("/imports/"),
            "{}",
            begun.text()
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_only_look_filled_take_no_users_with_them_when_cells_are_corrected() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        let visit = Visit::of(world, &console).await;
        // A template with running numbers and few users, the last of whom comes after the 500th row.
        let mut file = "No,Username,Email,Virtual Extension,Role\n".to_owned();
        for number in 1..=600 {
            file.push_str(&match number {
                1 => "1,ann,ann@example,1001,10\n".to_owned(),
                600 => "600,zoe,zoe@example.com,1600,10\n".to_owned(),
                number => format!("{number},,,,\n"),
            });
        }
        let upload = visit.upload(&file).await;
        visit
            .send(
                &format!("{upload}/fields"),
                &[MAPPED, &[("action", "check")]].concat(),
            )
            .await;
        let text = visit.checked(&upload).await;
        assert!(
            text.contains("<strong>1</strong><span>Can be created</span>"),
            "{text}"
        );
        let corrected = [("file", hidden(&text, "file")), ("cell.1.2", "ann@example.com")];
        let corrected = visit.send(&format!("{upload}/corrections"), &corrected).await;
        assert_eq!(corrected.status, 303, "{}", corrected.text());
        let text = visit.checked(&upload).await;
        assert!(
            text.contains("<strong>2</strong><span>Can be created</span>"),
            "{text}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_did_not_get_through_can_be_sent_again() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let visit = Visit::of(world, &console).await;
        let upload = visit
            .upload("Username,Email,Virtual Extension,Role\nann,ann@example.com,1001,10\n")
            .await;
        visit.send(&format!("{upload}/fields"), MAPPED).await;
        // As if the console had died between noting the import and publishing it.
        world
            .execute("UPDATE console.uploads SET import_id = 'c0ffee00-0000-4000-8000-000000000001'")
            .await;
        let import = "/imports/c0ffee00-0000-4000-8000-000000000001";
        let text = visit.shown(import).await;
        assert!(!text.contains("Send it again"), "it may just be waiting: {text}");
        world
            .execute("UPDATE console.uploads SET changed_at = now() - interval '1 minute'")
            .await;
        let text = visit.shown(import).await;
        let again = format!("action=\"{upload}/import\"");
        assert!(text.contains("Send it again") && text.contains(&again), "{text}");
        let sent = visit.send(&format!("{upload}/import"), &[]).await;
        assert_eq!(sent.header("location"), Some(import));
        let _worker = Worker::start(world, &[]);
        eventually("the end of the import", async || {
            visit
                .shown(import)
                .await
                .contains("aria-label=\"Summary\"")
                .then_some(())
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_stand_for_is_remembered_from_file_to_file_and_no_column_is_chosen_anew() {
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let visit = Visit::of(world, &console).await;
        let file = |header: &str, role: &str| format!("{header}\nann,ann@example.com,1001,{role}\n");
        let header = "Username,Email,Virtual Extension,Role";
        let mapped: Vec<(&str, &str)> = MAPPED
            .iter()
            .copied()
            .filter(|(name, _)| *name != "column.virtual_extension")
            .chain([("column.virtual_extension", ""), ("generate", "on")])
            .collect();
        for (role, id) in [("Crew", "10"), ("Boss", "11")] {
            let upload = visit.upload(&file(header, role)).await;
            let name = [("text.role.0", role), ("id.role.0", id)];
            visit
                .send(&format!("{upload}/fields"), &[mapped.as_slice(), &name].concat())
                .await;
            visit.send(&format!("{upload}/import"), &[]).await;
        }
        // The same header in another spelling.
        let upload = visit
            .upload(&file("USERNAME,email,virtual extension,role", "Crew;Boss"))
            .await;
        let text = visit.shown(&format!("{upload}/fields")).await;
        for expected in [
            "value=\"USERNAME\" selected",
            "value=\"column:role\" selected",
            "value=\"10\" selected",
            "value=\"11\" selected",
            "name=\"generate\" value=\"on\" checked",
        ] {
            assert!(text.contains(expected), "{expected}: {text}");
        }
        assert!(!text.contains("value=\"virtual extension\" selected"), "{text}");
    })
    .await;
}
