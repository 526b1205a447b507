//! Errors that the database answers while it cannot do what it is asked: they pass, and no import fails because of
//! them.

use kit::{Worker, good_rows, id, in_world};
use sqlx::AssertSqlSafe;

use super::outages::finished_whole;

/// Whether the error concerns the server, and so is waited out without counting a try, or one statement, which is
/// retried.
const ERRORS: [(&str, bool); 7] = [
    ("53100", true),  // Disk full.
    ("57P01", true),  // Shut down by an administrator.
    ("57P03", true),  // Starting up.
    ("25006", true),  // Read-only.
    ("40001", false), // Serialisation failure.
    ("40P01", false), // Deadlock.
    ("57014", false), // The statement took too long.
];

#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_passes_is_waited_for_and_fails_no_import() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        for (code, is_outage) in ERRORS {
            sqlx::raw_sql(AssertSqlSafe(format!(
                "CREATE OR REPLACE FUNCTION dialer.raise() RETURNS trigger LANGUAGE plpgsql AS $$
                 BEGIN RAISE 'as with {code}' USING ERRCODE = '{code}'; END $$;
                 CREATE TRIGGER raising BEFORE INSERT ON dialer.users EXECUTE FUNCTION dialer.raise();"
            )))
            .execute(&world.db)
            .await
            .unwrap();
            let tenant = world.tenant().await;
            let job = world.submit(tenant, good_rows(20)).await;
            world.until_logged(&format!("SQLSTATE {code}")).await;
            world.execute("DROP TRIGGER raising ON dialer.users").await;
            finished_whole(world, &job, 20).await;
            let tries: i32 =
                sqlx::query_scalar("SELECT tries FROM imports.imports WHERE import_id = $1::uuid")
                    .bind(id(&job))
                    .fetch_one(&world.db)
                    .await
                    .unwrap();
            assert_eq!(tries == 0, is_outage, "{code}: {tries} tries");
        }
    })
    .await;
}
