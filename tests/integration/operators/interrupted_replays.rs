//! A replay that is killed in the middle, and replays at one time: one new attempt, one completion.

use kit::{Worker, World, eventually, final_data, in_world};
use serde_json::Value;

use crate::{
    imports::outcomes::assert_passwords_verify,
    operators::cancel_and_replay::{audited, event_of_attempt, half_failed, id, json_of},
};

/// The final events of an attempt, by their IDs and contents: one, however often it was published.
fn final_events(world: &World, job: &Value) -> Vec<(Value, Value)> {
    let mut events: Vec<(Value, Value)> = world
        .events(job)
        .into_iter()
        .filter(|event| event["type"] != "dialer.import.progress")
        .map(|event| (event["id"].clone(), event["data"].clone()))
        .collect();
    events.dedup();
    events
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_killed_midway_is_finished_by_the_next() {
    in_world(async |world| {
        for place in ["replay-committed", "replay-published"] {
            let (tenant, job) = half_failed(world).await;
            let mut command = world.command();
            command
                .args(["replay", id(&job)])
                .env("FAILPOINTS", format!("{place}=return"));
            let killed = tokio::task::spawn_blocking(move || command.output().unwrap())
                .await
                .unwrap();
            assert_eq!(killed.status.code(), None, "{place}: it was killed");
            // The attempt is begun, and nobody works at it.
            let again = json_of(world, &["replay", id(&job)], 0).await;
            assert_eq!(
                (&again["changed"], &again["attempt"]),
                (&false.into(), &2.into()),
                "{place}"
            );
            let worker = Worker::start(world, &[]);
            let event = event_of_attempt(world, &job, 2).await;
            assert_eq!(
                final_data(&event, "completed")["summary"]["created"],
                60,
                "{place}"
            );
            assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
            worker.terminate().await;
            assert_eq!(final_events(world, &job).len(), 1, "{place}");
        }
        assert_eq!(audited(world).await.len(), 2, "one entry for each replay");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_at_one_time_begin_one_attempt() {
    in_world(async |world| {
        let (tenant, job) = half_failed(world).await;
        let arguments = ["replay", id(&job)];
        let replay = || json_of(world, &arguments, 0);
        let _workers = [Worker::start(world, &[]), Worker::start(world, &[])];
        let (one, two, three, four) = tokio::join!(replay(), replay(), replay(), replay());
        let all = [one, two, three, four];
        let begun = all.iter().filter(|replayed| replayed["changed"] == true);
        assert_eq!(begun.count(), 1, "{all:?}");
        assert!(all.iter().all(|replayed| replayed["attempt"] == 2), "{all:?}");
        let event = event_of_attempt(world, &job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
        assert_passwords_verify(world, tenant, &world.reports(&event).await).await;
        eventually("the end of all jobs", async || {
            let waiting = [
                "imports.requested",
                "imports.plans.00",
                "imports.plans.01",
                "imports.rows.00",
                "imports.rows.01",
                "imports.reports",
            ];
            for queue in waiting {
                if world.waiting(queue).await > 0 {
                    return None;
                }
            }
            Some(())
        })
        .await;
        assert_eq!(final_events(world, &job).len(), 1);
        assert_eq!(audited(world).await.len(), 1);
    })
    .await;
}
