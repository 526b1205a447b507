//! A tenant that floods the workers makes no other tenant wait for more than its share.

use futures::future::join_all;
use kit::{
    Gate, Tenant, Worker, World, eventually, final_data, good_rows, in_world, in_world_of, steps::planned,
};
use serde_json::Value;
use worker::{message::Message, steps::Context};

/// Slow enough that a flood lasts while the tests look.
const SLOW: &[(&str, &str)] = &[("ARGON2_MEMORY_KIB", "19456"), ("HASH_THREADS", "1")];

async fn submit(world: &World, tenant: Tenant, files: usize, rows: u32) -> Vec<Value> {
    let mut jobs = Vec::new();
    for _ in 0..files {
        jobs.push(world.submit(tenant, good_rows(rows)).await);
    }
    jobs
}

/// Where the batches of the tenant's imports are.
async fn shards(world: &World, tenant: Tenant) -> Vec<i16> {
    sqlx::query_scalar("SELECT DISTINCT shard FROM imports.imports WHERE tenant_id = $1")
        .bind(tenant.id.get())
        .fetch_all(&world.db)
        .await
        .unwrap()
}

async fn all_planned(world: &World, imports: usize) {
    eventually("all plans", async || {
        let known: i64 = world
            .value("SELECT count(*) FROM imports.imports WHERE planned_at IS NOT NULL AND shard IS NOT NULL")
            .await;
        (usize::try_from(known) == Ok(imports)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_stays_in_one_shard_and_the_others_keep_out_of_it() {
    in_world(async |world| {
        let flooding = world.tenant().await;
        let _worker = Worker::start(world, SLOW);
        submit(world, flooding, 6, 200).await;
        all_planned(world, 6).await;
        let (mut others, mut jobs) = (Vec::new(), Vec::new());
        for _ in 0..8 {
            others.push(world.tenant().await);
        }
        for other in &others {
            jobs.extend(submit(world, *other, 1, 5).await);
        }
        all_planned(world, 14).await;
        let flooded = shards(world, flooding).await;
        assert_eq!(flooded.len(), 1, "{flooded:?}");
        for other in others {
            let chosen = shards(world, other).await;
            assert!(
                chosen.len() == 1 && chosen != flooded,
                "{chosen:?} beside {flooded:?}"
            );
        }
        for job in &jobs {
            final_data(&world.final_event(job).await, "completed");
        }
        let unfinished: i64 = world
            .value("SELECT count(*) FROM imports.imports WHERE finished_at IS NULL")
            .await;
        assert!(unfinished > 0, "the others did not have to wait for the flood");
    })
    .await;
}

/// Receives and plans an import: the shard of its batches.
async fn plan_into_shard(context: &Context, job: &Value) -> u16 {
    let batches = planned(context, job).await;
    let Some(Message::Batch(_, _, shard)) = batches.first() else {
        panic!("{batches:?}");
    };
    *shard
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_is_assigned_by_the_rows_that_wait_in_it() {
    in_world(async |world| {
        let context = world.context();
        let flooding = world.tenant().await;
        let flooded = plan_into_shard(&context, &world.upload(flooding, good_rows(100)).await).await;
        // More imports than the flood has, but fewer rows.
        for _ in 0..6 {
            let job = world.upload(world.tenant().await, good_rows(5)).await;
            assert_ne!(plan_into_shard(&context, &job).await, flooded);
        }
        let more = world.upload(flooding, good_rows(100)).await;
        assert_eq!(plan_into_shard(&context, &more).await, flooded);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_that_are_planned_at_the_same_moment_spread_over_all_shards() {
    in_world_of(8, async |world| {
        let context = world.context();
        let mut jobs = Vec::new();
        for _ in 0..16 {
            jobs.push(world.upload(world.tenant().await, good_rows(5)).await);
        }
        let mut chosen = join_all(jobs.iter().map(|job| plan_into_shard(&context, job))).await;
        chosen.sort_unstable();
        let two_each: Vec<u16> = (0..8).flat_map(|shard| [shard, shard]).collect();
        assert_eq!(chosen, two_each);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_comes_again_leaves_its_batches_where_they_are() {
    in_world_of(8, async |world| {
        let context = world.context();
        let tenant = world.tenant().await;
        let job = world.upload(tenant, good_rows(5)).await;
        let chosen = plan_into_shard(&context, &job).await;
        // Others flood it, so that it would not be chosen again.
        sqlx::query("INSERT INTO imports.imports (import_id, tenant_id, job, shard, state, total, pending, planned_at)
                     SELECT gen_random_uuid(), 1, '{}', $1, 'running', 500, 500, now()")
            .bind(i32::from(chosen))
            .execute(&world.db)
            .await
            .unwrap();
        assert_eq!(plan_into_shard(&context, &job).await, chosen);
        let other = world.upload(tenant, good_rows(5)).await;
        assert_ne!(plan_into_shard(&context, &other).await, chosen);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_that_holds_the_lock_of_shards_keeps_no_plan_waiting() {
    in_world(async |world| {
        let context = world.context();
        let _stopped = Gate::of_lock(world, "user-import shards").await;
        let job = world.upload(world.tenant().await, good_rows(5)).await;
        plan_into_shard(&context, &job).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_behind_a_flood_of_jobs_is_not_planned_last() {
    in_world(async |world| {
        let (flooding, other) = (world.tenant().await, world.tenant().await);
        submit(world, flooding, 40, 20).await;
        submit(world, other, 1, 20).await;
        let _worker = Worker::start(world, SLOW);
        let planned_later: i64 = eventually("a plan", async || {
            sqlx::query_scalar(
                "SELECT count(*) FROM imports.imports flood, imports.imports other
                  WHERE other.tenant_id = $1 AND other.planned_at IS NOT NULL AND flood.tenant_id <> $1
                    AND (flood.planned_at IS NULL OR flood.planned_at > other.planned_at)
                 HAVING bool_or(other.planned_at IS NOT NULL)",
            )
            .bind(other.id.get())
            .fetch_optional(&world.db)
            .await
            .unwrap()
        })
        .await;
        assert!(planned_later > 0, "the whole flood was planned before");
    })
    .await;
}
