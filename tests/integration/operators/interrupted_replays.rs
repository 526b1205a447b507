//! A replay that is killed in the middle, and simultaneous replays: one new attempt, one completion.

use kit::{Worker, final_data, id, in_world};

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_is_killed_midway_is_finished_by_the_next() {
    in_world(async |world| {
        for place in ["replay-committed", "replay-published"] {
            let job = world.half_failed().await;
            let failpoints = format!("{place}=return");
            let killed = world
                .user_import_with(&[("FAILPOINTS", &failpoints)], &["replay", id(&job)])
                .await;
            assert_eq!(killed.code, None, "{place}: it was killed");
            // The attempt has begun, and nobody works on it.
            let again = world.json_of(&["replay", id(&job)], 0).await;
            assert_eq!(
                (&again["changed"], &again["attempt"]),
                (&false.into(), &2.into()),
                "{place}"
            );
            let worker = Worker::start(world, &[]);
            let event = world.event_of_attempt(&job, 2).await;
            assert_eq!(
                final_data(&event, "completed")["summary"]["created"],
                60,
                "{place}"
            );
            world.verified_reports(&event).await;
            worker.terminate().await;
            assert_eq!(world.final_events(&job).len(), 1, "{place}");
        }
        assert_eq!(world.audited().await.len(), 2, "one entry for each replay");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_at_one_time_begin_one_attempt() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let arguments = ["replay", id(&job)];
        let replay = || world.json_of(&arguments, 0);
        let _workers = [Worker::start(world, &[]), Worker::start(world, &[])];
        let (one, two, three, four) = tokio::join!(replay(), replay(), replay(), replay());
        let all = [one, two, three, four];
        let begun = all.iter().filter(|replayed| replayed["changed"] == true);
        assert_eq!(begun.count(), 1, "{all:?}");
        assert!(all.iter().all(|replayed| replayed["attempt"] == 2), "{all:?}");
        let event = world.event_of_attempt(&job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
        world.verified_reports(&event).await;
        world.until_no_work_waits().await;
        assert_eq!(world.final_events(&job).len(), 1);
        assert_eq!(world.audited().await.len(), 1);
    })
    .await;
}
