//! Temporary passwords expire, and everyone who has to know is told the same time.

use kit::{Worker, World, final_data, good_rows, id, in_world};
use serde_json::{Value, json};

/// The column `Password Expires` of the success CSV.
const EXPIRES: usize = 6;

async fn job(world: &World, mode: &str) -> Value {
    let mut job = world.upload(world.tenant().await, good_rows(3)).await;
    job["mode"] = json!(mode);
    job
}

/// Each user's ID and expiry as the success CSV writes them, the expiry computed from when the user was created.
async fn expected(world: &World, days: i32) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT user_id::text,
                to_char(date_trunc('second', created_at) AT TIME ZONE 'UTC' + make_interval(days => $1),
                        'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')
           FROM dialer.users
          WHERE password_expires_at = date_trunc('second', created_at) + $1 * interval '24 hours'
          ORDER BY user_id",
    )
    .bind(days)
    .fetch_all(&world.db)
    .await
    .unwrap()
}

async fn shown(world: &World, event: &Value) -> Vec<(String, String)> {
    let rows = world.reports(event).await.success_rows();
    let mut shown: Vec<_> = rows
        .iter()
        .map(|row| (row[0].clone(), row[EXPIRES].clone()))
        .collect();
    // By row in the report; concurrent batches give out user IDs in any order.
    shown.sort_by_key(|(user_id, _)| user_id.parse::<i64>().ok());
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn users_report_and_event_name_the_same_end_of_the_passwords() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[("BATCH_ROWS", "1"), ("PASSWORD_DAYS", "7")]);
        let job = job(world, "import").await;
        let event = world.run(&job).await;
        let users = expected(world, 7).await;
        assert_eq!(users.len(), 3, "each user has the expiry");
        assert_eq!(shown(world, &event).await, users);
        let first = users.iter().map(|(_, expiry)| expiry).min().unwrap();
        assert_eq!(
            final_data(&event, "completed")["passwords_expire_at"],
            json!(first)
        );

        // The event is made from the import: what the Dialer does with its users later does not change it.
        world
            .execute("UPDATE dialer.users SET password_must_change = false, password_expires_at = NULL")
            .await;
        world.publish(&job).await;
        world.event_once_more(&event).await;
        assert_eq!(world.final_events(&job), [event]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_good_for_thirty_days_unless_configured() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let event = world.run(&job(world, "import").await).await;
        assert_eq!(shown(world, &event).await, expected(world, 30).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_names_no_end_of_passwords() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let event = world.run(&job(world, "validate").await).await;
        assert_eq!(
            shown(world, &event).await,
            vec![(String::new(), String::new()); 3]
        );
        assert_eq!(
            final_data(&event, "completed")["passwords_expire_at"],
            Value::Null
        );
    })
    .await;
}

#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn a_success_csv_that_is_written_twice_names_the_same_end() {
    in_world(async |world| {
        let doomed = Worker::start(world, &[("FAILPOINTS", "success-uploaded=return")]);
        let job = job(world, "import").await;
        world.publish(&job).await;
        assert!(!doomed.died().await.success());
        let key = format!(
            "tenants/{}/imports/{}/attempt-1/success.csv",
            job["tenant_id"],
            id(&job)
        );
        let first = world.object(&key).await.unwrap();
        // Another configuration: a password keeps the expiry that it was made with.
        let _next = Worker::start(world, &[("PASSWORD_DAYS", "1")]);
        let event = world.final_event(&job).await;
        assert_eq!(world.reports(&event).await.success, first);
        assert_eq!(shown(world, &event).await, expected(world, 30).await);
    })
    .await;
}
