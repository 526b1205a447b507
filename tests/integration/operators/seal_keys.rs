//! Seal keys can be rotated and lost: no password changes, and what cannot be opened is named.

use kit::{OTHER_SEAL_KEY, Worker, final_data, id, in_world, variable};
use serde_json::json;
use worker::{crypto::seal::KeyRing, secret::SealedSeed};

#[tokio::test(flavor = "multi_thread")]
async fn seals_are_rotated_while_an_import_is_open_and_its_passwords_stay_the_same() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let new = OTHER_SEAL_KEY;
        let both = format!("{new},{}", variable("SEAL_KEYS"));
        // Without the old key nothing is lost and the key is named.
        let failed = world.json_of(&["rotate-seals", "--seal-keys", new], 1).await;
        assert_eq!(
            (&failed["rotated"], &failed["failed"][0]["import_id"]),
            (&json!(0), &job["import_id"])
        );
        for counted in ["rotated", "already"] {
            assert_eq!(
                world.json_of(&["rotate-seals", "--seal-keys", &both], 0).await[counted],
                1
            );
        }

        let _worker = Worker::start(world, &[("SEAL_KEYS", new)]);
        world.json_of(&["replay", id(&job)], 0).await;
        let event = world.event_of_attempt(&job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
        world.verified_reports(&event).await;
        assert_eq!(world.audited_commands().await, ["rotate-seals", "replay"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seed_that_was_resealed_meanwhile_is_not_replaced_by_an_older_one() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let db = world.context().db;
        let import = db.find(id(&job).parse().unwrap()).await.unwrap().unwrap();
        let ring: KeyRing = variable("SEAL_KEYS").parse().unwrap();
        let old: SealedSeed = import.sealed_seed.clone().unwrap();
        let seed = ring.open(&old, import.seed_owner()).unwrap();
        let [one, other] = [(); 2].map(|()| ring.seal(&seed, import.seed_owner()).unwrap());
        assert!(db.replace_seed(&import, &old, &one).await.unwrap());
        assert!(!db.replace_seed(&import, &old, &other).await.unwrap());
        let kept = db.find(import.job.import_id).await.unwrap().unwrap();
        assert_eq!(kept.sealed_seed, Some(one));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_whose_key_is_lost_can_be_abandoned() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let _worker = Worker::start(world, &[("SEAL_KEYS", OTHER_SEAL_KEY)]);
        let replay = ["replay", id(&job), "--abandon-passwords"];
        world.json_of(&replay, 5).await;
        world.json_of(&[&replay[..], &["--yes"]].concat(), 0).await;
        let event = world.event_of_attempt(&job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 60);
        assert_eq!(world.reports(&event).await.success_rows().len(), 35);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_seal_key_fails_the_import_and_a_replay_with_the_key_finishes_it() {
    in_world(async |world| {
        let job = world.half_failed().await;
        let worker = Worker::start(world, &[("SEAL_KEYS", OTHER_SEAL_KEY)]);
        world.json_of(&["replay", id(&job)], 0).await;
        let event = world.event_of_attempt(&job, 2).await;
        assert_eq!(final_data(&event, "failed")["reason"], "permanent_error");
        let status = world.json_of(&["status", id(&job)], 0).await;
        let error = status["last_error"].as_str().unwrap();
        assert!(error.contains("SEAL_KEYS"), "{error}");
        assert!(worker.terminate().await.success());

        let _worker = Worker::start(world, &[]);
        world.json_of(&["replay", id(&job)], 0).await;
        let event = world.event_of_attempt(&job, 3).await;
        world.verified_reports(&event).await;
    })
    .await;
}
