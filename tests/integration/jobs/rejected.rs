//! A job whose file cannot be imported is rejected as a whole, and the next job still runs.

use kit::{Worker, World, final_data, good_rows, id, in_world};
use serde_json::{Value, json};

async fn rejection(world: &World, job: &Value) -> String {
    let event = world.run(job).await;
    let data = final_data(&event, "rejected");
    assert!(!data["message"].as_str().unwrap().is_empty());
    let (state, code): (String, String) =
        sqlx::query_as("SELECT state, rejection_code FROM imports.imports WHERE import_id = $1::uuid")
            .bind(id(job))
            .fetch_one(&world.db)
            .await
            .unwrap();
    assert_eq!((state.as_str(), json!(code)), ("rejected", data["code"].clone()));
    code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_file_cannot_be_read_is_rejected() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let (tenant, other) = (world.tenant().await, world.tenant().await);
        let of_other = world.upload(other, good_rows(1)).await["source"]["key"].clone();
        let nothing = format!("tenants/{}/uploads/nothing.csv", tenant.id);
        let around = format!("tenants/{}/../{}/uploads/x.csv", tenant.id, other.id);
        let another_etag = "0123456789abcdef0123456789abcdef";
        for (place, value, code) in [
            (
                "/tenant_id",
                json!(4_000_000_000_000_000_000_i64),
                "unknown_tenant",
            ),
            ("/source/key", json!(nothing), "object_missing"),
            ("/source/key", of_other, "foreign_object"),
            ("/source/key", json!(around), "foreign_object"),
            ("/source/key", json!("users.csv"), "foreign_object"),
            ("/source", json!({ "etag": another_etag }), "object_changed"),
            ("/source", json!({ "size_bytes": 1 }), "object_changed"),
        ] {
            let mut job = world.upload(tenant, good_rows(1)).await;
            match (job.pointer_mut(place).unwrap(), value) {
                (Value::Object(source), Value::Object(more)) => source.extend(more),
                (changed, value) => *changed = value,
            }
            assert_eq!(rejection(world, &job).await, code, "{job}");
        }
        let next = world.submit(tenant, good_rows(3)).await;
        world.completed_whole(&next, 3).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_the_rules_is_rejected_whole() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        let cases = [
            (good_rows(501).into_bytes(), "too_many_rows"),
            (b"Username,Email,Virtual Extension,Role\n".to_vec(), "empty_file"),
            (b"a,a@x.org,21,10\nb,b@x.org,22,10\n".to_vec(), "missing_header"),
            (
                b"Username,Email,Virtual Extension\na,a@x.org,21\n".to_vec(),
                "required_field_unmapped",
            ),
            (
                b"Username,Email,E-Mail,Email,Ext,Role\na,a@x.org,,,21,10\n".to_vec(),
                "duplicate_header",
            ),
            (b"PK\x03\x04 and so on".to_vec(), "not_csv"),
            (vec![b'a'; 5 * 1024 * 1024 + 1], "file_too_large"),
        ];
        for (file, code) in cases {
            let job = world.upload(tenant, file).await;
            assert_eq!(rejection(world, &job).await, code);
        }
        for (fields, code) in [
            (json!({ "username": { "column": "Nick" } }), "column_not_found"),
            (json!({ "role": { "value": 99 } }), "unknown_reference"),
        ] {
            let mut job = world.upload(tenant, good_rows(1)).await;
            job["fields"] = fields;
            assert_eq!(rejection(world, &job).await, code);
        }
        let users: i64 = world.value("SELECT count(*) FROM dialer.users").await;
        assert_eq!(users, 0);
        let next = world.submit(tenant, good_rows(3)).await;
        world.completed_whole(&next, 3).await;
    })
    .await;
}
