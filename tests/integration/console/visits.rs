//! Who else comes to the console, in a real browser (`tests/node/visits.mjs`).

use kit::{Console, Worker, id, in_world};
use worker::db::BearerRole;

use super::{
    access::{OPERATOR, administrator},
    browser::{packages, play_of, token},
};

const SCRIPT: (&str, &str) = ("visits.mjs", include_str!("../../node/visits.mjs"));

#[tokio::test(flavor = "multi_thread")]
async fn two_tenants_at_once_see_their_own() {
    let Some(packages) = packages() else { return };
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        let (ours, theirs) = (token(world, &console).await, token(world, &console).await);
        let arguments = ["twoTenants", console.address(), &ours, &theirs, "-"];
        play_of(world, &packages, SCRIPT, &arguments, async |deed| {
            panic!("{deed}")
        })
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_replays_a_failed_import_and_its_tenant_sees_it_go_on() {
    let Some(packages) = packages() else { return };
    in_world(async |world| {
        let job = world.half_failed().await;
        let tenant = job["tenant_id"].as_i64().unwrap().try_into().unwrap();
        let console = Console::start(world, &[]).await;
        let ada = console.token("ada@example.com", BearerRole::Administrator(tenant));
        let grace = console.token("grace@example.com", OPERATOR);
        let arguments = ["operatorsReplay", console.address(), &ada, &grace, id(&job)];
        let mut worker = None;
        play_of(world, &packages, SCRIPT, &arguments, async |deed| {
            assert_eq!(deed, "start the worker");
            worker = Some(Worker::start(world, &[]));
        })
        .await;
        assert_eq!(world.audited_commands().await, ["replay"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_dropped_cells_are_asked_about_and_one_comes_back_to_where_one_was() {
    let Some(packages) = packages() else { return };
    in_world(async |world| {
        let console = Console::start(world, &[]).await;
        let _worker = Worker::start(world, &[]);
        for scene in ["droppedFile", "cellsNotSent", "comingBack"] {
            let token = console.token("ada@example.com", administrator(world.tenant().await));
            let arguments = [scene, console.address(), &token, "-", "-"];
            play_of(world, &packages, SCRIPT, &arguments, async |deed| {
                assert_eq!(deed, "end the session");
                world
                    .execute("UPDATE console.sessions SET expires_at = now() WHERE expires_at > now()")
                    .await;
            })
            .await;
            std::fs::remove_file(world.scratch().join("node_modules")).unwrap();
        }
    })
    .await;
}
