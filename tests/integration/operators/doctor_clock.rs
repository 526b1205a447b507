//! `doctor` says which clock is wrong: the one that differs from the others.

use kit::{AlteredStore, World, in_world, variable};
use sqlx::AssertSqlSafe;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc2822};

use super::doctor::{examined, told, verdict};

/// A store whose clock is ahead by this much.
async fn store_ahead(by: Duration) -> AlteredStore {
    AlteredStore::before(&variable("S3_ENDPOINT"), move |_, answer| {
        let time = (OffsetDateTime::now_utc() + by).format(&Rfc2822).unwrap();
        let mut answer = answer.without("date");
        answer.head.push(format!("date: {time}"));
        answer
    })
    .await
}

/// Makes the world's database report a time that is an hour ahead.
async fn set_database_ahead(world: &World) {
    let database = world.prefix().trim_end_matches('.').to_owned();
    for statement in [
        "CREATE SCHEMA ahead".to_owned(),
        "GRANT USAGE ON SCHEMA ahead TO PUBLIC".to_owned(),
        "CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
             RETURN pg_catalog.clock_timestamp() + interval '1 hour'"
            .to_owned(),
        format!("ALTER DATABASE {database} SET search_path = ahead, pg_catalog, public"),
    ] {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&world.db)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn doctor_names_the_clock_that_differs_from_the_others() {
    in_world(async |world| {
        let right = examined(world, &[], 0).await;
        assert_eq!(verdict(&right, "clock"), "ok", "{right}");

        let store = store_ahead(Duration::minutes(10)).await;
        let endpoint = store.endpoint();
        let found = examined(world, &[("S3_ENDPOINT", &endpoint)], 0).await;
        assert_eq!(verdict(&found, "clock"), "warning", "{found}");
        let text = told(&found, "clock");
        assert!(text.starts_with("the clock of the object storage is "), "{text}");
        assert!(text.contains(" s fast → synchronise"), "{text}");
        assert!(!text.contains("database"), "{text}");

        set_database_ahead(world).await;
        let found = examined(world, &[], 1).await;
        assert_eq!(verdict(&found, "clock"), "failed", "{found}");
        let text = told(&found, "clock");
        assert!(text.starts_with("the clock of the database is 36"), "{text}");
        assert!(text.contains(" s fast → synchronise"), "{text}");
    })
    .await;
}
