//! The console in a real browser (`tests/node/console.mjs`, `tests/node/troubles.mjs`): the wizard from the file to the
//! new users, the operators' pages, and what goes wrong in the meantime.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use kit::{Console, Fault, Proxy, Worker, World, good_rows, in_world, skipped};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    process::Command,
};

use super::access::{OPERATOR, administrator};

const CHROMIUM: &str = "/usr/bin/chromium";

/// The folder of Node.js's packages, if there is also a browser.
pub(super) fn packages() -> Option<PathBuf> {
    let missing = match std::env::var("TEST_NODE") {
        Err(_) => "there is no Node.js (deploy/local/node says why)".to_owned(),
        Ok(_) if !Path::new(CHROMIUM).exists() => {
            format!("there is no {CHROMIUM} (Debian's package chromium)")
        }
        Ok(packages) => return Some(packages.into()),
    };
    skipped(&format!(
        "the console was not tested in a real browser: {missing}"
    ));
    None
}

/// A script of `tests/node`, with the packages that it uses: they are looked for beside it.
pub(super) fn script(world: &World, packages: &Path, name: &str, content: &str) -> Command {
    world.scratch_file("browser.mjs", include_bytes!("../../node/browser.mjs"));
    let script = world.scratch_file(name, content);
    let link = world.scratch().join("node_modules");
    std::os::unix::fs::symlink(packages.join("node_modules"), link).unwrap();
    let mut command = Command::new("node");
    command.arg(script).env("CHROMIUM", CHROMIUM).kill_on_drop(true);
    command
}

/// Three rows that can be imported, and one with an invalid address.
pub(super) fn file(world: &World) -> PathBuf {
    let file = good_rows(3) + "dora,no address,0109,10\n";
    world.scratch_file("users.csv", file.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_and_operators_play_their_steps_in_a_browser() {
    let Some(packages) = packages() else { return };
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        // What operators have to look at.
        world.half_failed().await;
        world
            .execute(
                "INSERT INTO imports.dead_letters (reason, error, origin, retry_count, size_bytes, body, fingerprint)
                 SELECT 'malformed', 'expected value at line 1 column ' || n % 2, 'requested', 0, 1, '{', sha256(n::text::bytea)
                   FROM generate_series(1, 12) AS n",
            )
            .await;
        let mut command = script(
            world,
            &packages,
            "console.mjs",
            include_str!("../../node/console.mjs"),
        );
        let ran = command
            .arg(console.address())
            .arg(console.token("ada@example.com", administrator(tenant)))
            .arg(console.token("grace@example.com", OPERATOR))
            .arg(file(world))
            // A folder for pictures of all pages, if somebody wants to look at them.
            .args(std::env::var_os("TEST_PICTURES"))
            .output()
            .await
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let seen: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let lines = |name: &str| seen[name].as_str().unwrap().lines().count();
        assert_eq!((lines("report"), lines("errors")), (4, 2), "{seen}");
        assert_eq!(seen["users"], 3);
    })
    .await;
}

/// The token of an administrator of a new tenant.
pub(super) async fn token(world: &World, console: &Console) -> String {
    console.token("ada@example.com", administrator(world.tenant().await))
}

/// Plays a scene of `troubles.mjs`, and does with the servers what it asks for.
pub(super) async fn play(
    world: &World,
    packages: &Path,
    scene: &str,
    (address, token): (&str, &str),
    act: impl AsyncFnMut(&str),
) {
    let content = include_str!("../../node/troubles.mjs");
    play_of(
        world,
        packages,
        ("troubles.mjs", content),
        &[scene, address, token],
        act,
    )
    .await;
}

/// Plays what a script does with these arguments and a file.
pub(super) async fn play_of(
    world: &World,
    packages: &Path,
    (name, content): (&str, &str),
    arguments: &[&str],
    mut act: impl AsyncFnMut(&str),
) {
    let mut command = script(world, packages, name, content);
    command
        .args(arguments)
        .arg(file(world))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let errors = std::fs::File::create(world.scratch().join("troubles.log")).unwrap();
    let mut child = command.stderr(errors).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut asked = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(deed) = asked.next_line().await.unwrap() {
        act(&deed).await;
        input.write_all(b"done\n").await.unwrap();
    }
    let status = child.wait().await.unwrap();
    let errors = std::fs::read_to_string(world.scratch().join("troubles.log")).unwrap();
    assert!(status.success(), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_console_that_goes_away_is_missed_by_the_page_and_found_again() {
    let Some(packages) = packages() else { return };
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let token = token(world, &console).await;
        let address = console.address().to_owned();
        let mut console = Some(console);
        let mut worker = Some(Worker::start(world, &[]));
        let visitor = (address.as_str(), token.as_str());
        play(
            world,
            &packages,
            "lostConnection",
            visitor,
            async |deed| match deed {
                "stop the worker" => worker = None,
                "start the worker" => worker = Some(Worker::start(world, &[])),
                "stop the console" => console = None,
                "start the console" => {
                    console = Some(Console::start(world, &[("CONSOLE_ADDRESS", &address)]).await);
                }
                other => panic!("{other}"),
            },
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_in_the_wizard_loses_nothing() {
    let Some(packages) = packages() else { return };
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        let token = token(world, &console).await;
        let visitor = (console.address(), token.as_str());
        play(world, &packages, "endedSession", visitor, async |deed| {
            assert_eq!(deed, "end the session");
            let ended = world
                .execute("UPDATE console.sessions SET expires_at = now() WHERE expires_at > now()")
                .await;
            assert_eq!(ended, 1);
        })
        .await;
        let users: i64 = world.value("SELECT count(*) FROM dialer.users").await;
        assert_eq!(users, 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_when_import_is_pressed_loses_nothing() {
    let Some(packages) = packages() else { return };
    in_world(async |world| {
        let (amqp, s3) = (world.variable("AMQP_URL"), world.variable("S3_ENDPOINT"));
        let (broker, storage) = tokio::join!(Proxy::before(&amqp), Proxy::before(&s3));
        let variables = [("AMQP_URL", broker.url(&amqp)), ("S3_ENDPOINT", storage.url(&s3))];
        let variables = variables.each_ref().map(|(name, url)| (*name, url.as_str()));
        let console = Console::start(world, &variables).await;
        let _worker = Worker::start(world, &[]);
        let token = token(world, &console).await;
        let visitor = (console.address(), token.as_str());
        play(
            world,
            &packages,
            "serversAway",
            visitor,
            async |deed| match deed {
                "take the broker away" => broker.set(Fault::Cut),
                "give the broker back" => broker.set(Fault::None),
                "take the storage away" => storage.set(Fault::Cut),
                "give the storage back" => storage.set(Fault::None),
                other => panic!("{other}"),
            },
        )
        .await;
        let imports: i64 = world
            .value("SELECT count(*) FROM imports.imports WHERE job->>'mode' = 'import'")
            .await;
        assert_eq!(imports, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wizard_is_played_by_the_keyboard_alone() {
    let Some(packages) = packages() else { return };
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        let token = token(world, &console).await;
        let visitor = (console.address(), token.as_str());
        play(world, &packages, "keyboardAlone", visitor, async |deed| {
            panic!("{deed}");
        })
        .await;
    })
    .await;
}
