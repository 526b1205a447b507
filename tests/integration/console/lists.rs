//! Lists that are longer than a page: every import is on one of the pages, whenever it was received.

use std::collections::BTreeSet;

use kit::{Console, Worker, good_rows, id, in_world};
use serde_json::Value;

use super::access::{OPERATOR, administrator};

/// As many imports as that one, received in the same moment, every third of which is a check.
const COPIES: &str = "
    INSERT INTO imports.imports
    SELECT (jsonb_populate_record(original, jsonb_build_object(
               'import_id', copy_id,
               'job', original.job || jsonb_build_object(
                   'import_id', copy_id, 'mode', CASE WHEN number % 3 = 0 THEN 'validate' ELSE 'import' END)))).*
      FROM imports.imports original,
           (SELECT number, gen_random_uuid() AS copy_id FROM generate_series(1, 119) number) copies
     WHERE original.import_id = $1::uuid";

#[tokio::test(flavor = "multi_thread")]
async fn imports_received_in_one_moment_stand_each_on_one_page() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let console = Console::start(world, &[]).await;
        let worker = Worker::start(world, &[]);
        let job = world.upload(tenant, good_rows(1)).await;
        world.run(&job).await;
        drop(worker);
        sqlx::query(COPIES)
            .bind(id(&job))
            .execute(&world.db)
            .await
            .unwrap();

        let ada = console.token("ada@example.com", administrator(tenant));
        let olga = console.token("olga@example.com", OPERATOR);
        for (token, path) in [(&ada, "/api/imports"), (&olga, "/api/operators/imports")] {
            let get = async |path: &str| console.as_bearer(token, "GET", path, &Value::Null).await;
            let (mut found, mut pages, mut address) = (BTreeSet::new(), 0, path.to_owned());
            loop {
                let page = get(&address).await.json();
                for import in page["imports"].as_array().unwrap() {
                    assert!(found.insert(id(import).to_owned()), "{import} is on two pages");
                }
                pages += 1;
                match page["next"].as_str() {
                    Some(next) => address = format!("{path}?before={next}"),
                    None => break,
                }
            }
            assert_eq!((found.len(), pages), (120, 3), "{path}");
            let refused = get(&format!("{path}?before=yesterday")).await;
            assert_eq!(refused.status, 422, "{}", refused.text());
            assert_eq!(refused.json()["code"], "invalid");
        }

        let page = async |path: &str| console.as_bearer(&ada, "GET", path, &Value::Null).await.text();
        let first = page("/imports").await;
        let rows = |page: &str| page.matches("href=\"/imports/").count();
        assert_eq!(rows(&first), 50, "checks are not among them");
        let (_, older) = first
            .split_once("/imports?before=")
            .expect("a link to the older ones");
        let older = older.split('"').next().unwrap();
        assert_eq!(rows(&page(&format!("/imports?before={older}")).await), 31);
    })
    .await;
}
