//! Which cells of a file the database keeps: those of rows that are no users yet, and never a password.

use kit::{Tenant, Worker, World, final_data, id, in_world, summary};
use serde_json::{Value, json};

const HEADER: &str = "Username,Email,Virtual Extension,Role,Temp Passwort*";

/// The kept cells of each row of the import, in order.
async fn cells(world: &World, job: &Value) -> Vec<Value> {
    sqlx::query_scalar(
        "SELECT convert_from(source_cells, 'UTF8')::jsonb FROM imports.rows WHERE import_id = $1::uuid ORDER BY row_number",
    )
    .bind(id(job))
    .fetch_all(&world.db)
    .await
    .unwrap()
}

async fn run(world: &World, tenant: Tenant, mode: &str, file: &str) -> (Value, Value) {
    let mut job = world.upload(tenant, file).await;
    job["mode"] = json!(mode);
    let event = world.run(&job).await;
    (job, event)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cells_of_a_row_go_when_it_is_a_user_and_passwords_never_come() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        let file = format!("{HEADER}\nann,ann@example.com,0301,10,Secret-1\nben,ben@,0302,10,Secret-2\n");
        for mode in ["validate", "import"] {
            let (job, event) = run(world, tenant, mode, &file).await;
            assert_eq!(final_data(&event, "completed")["summary"], summary(1, 0, 1));
            assert_eq!(
                cells(world, &job).await,
                [json!([]), json!(["ben", "ben@", "0302", "10"])],
                "{mode}"
            );
            let reports = world.reports(&event).await;
            assert_eq!(
                reports.error_rows()[0][..5],
                ["ben", "ben@", "0302", "10", ""],
                "{mode}"
            );
        }
        // A column of passwords is nobody's field, whatever the job says.
        let mut job = world.upload(tenant, file.as_str()).await;
        job["fields"] = json!({ "first_name": { "column": "Temp Passwort*" } });
        let event = world.run(&job).await;
        assert_eq!(final_data(&event, "rejected")["code"], "mapping_conflict");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_success_csv_is_never_imported_by_file_or_by_key() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        let (_, event) = run(
            world,
            tenant,
            "import",
            "Username,Email,Ext,Role\nann,ann@example.com,0301,10\n",
        )
        .await;
        let success = world.reports(&event).await.success;
        let password = world.reports(&event).await.success_rows()[0][4].clone();
        world.execute("DELETE FROM dialer.users").await;

        let by_file = world.upload(tenant, success).await;
        let mut by_key = world.upload(tenant, "").await;
        by_key["source"]["key"] = event["data"]["reports"]["success"].clone();
        for mut job in [by_file, by_key] {
            job["fields"] = json!({ "role": { "value": 10 } });
            let event = world.run(&job).await;
            assert_eq!(final_data(&event, "rejected")["code"], "report_uploaded");
            assert!(!event.to_string().contains(&password));
            assert!(cells(world, &job).await.is_empty());
        }
        assert_eq!(world.value::<i64>("SELECT count(*) FROM dialer.users").await, 0);
        let kept: String = world
            .value("SELECT coalesce(string_agg(to_jsonb(i)::text, ''), '') FROM imports.imports i")
            .await;
        assert!(!kept.contains(&password));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_csv_uploaded_unchanged_creates_no_row_that_was_refused_for_its_quotes() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        let mut file = "Username,Email,Ext,Role,First Name,Note\n".to_owned();
        let names = [
            "\"Ann\" B.",
            "\"Ann \"Annie\" B.\"",
            " \"Ann\"",
            "\"O\\\"Neil\"",
            "O\\\"Neil",
            "\"\"\"Ann\"\"\"",
            "x,\"a \"b\" c\"",
        ];
        for (number, name) in names.iter().enumerate() {
            let note = if name.contains(',') { "" } else { ",x" };
            file += &format!(
                "u{number},u{number}@example.com,{},10,{name}{note}\n",
                3000 + number
            );
        }
        let refused = u32::try_from(names.len()).unwrap();
        for round in 0..3 {
            let (_, event) = run(world, tenant, "import", &file).await;
            assert_eq!(
                final_data(&event, "completed")["summary"],
                summary(0, 0, refused),
                "round {round}"
            );
            let reports = world.reports(&event).await;
            for row in reports.error_rows() {
                assert!(row[9].contains("malformed_quotes"), "round {round}: {row:?}");
            }
            file = String::from_utf8(reports.errors).unwrap();
        }
        // Nor does a replay.
        let (job, _) = run(world, tenant, "import", &file).await;
        let replayed = world.user_import(&["replay", id(&job), "--errors"]).await;
        assert_eq!(replayed.code, Some(0), "{replayed:?}");
        let event = world.event_of_attempt(&job, 2).await;
        assert_eq!(final_data(&event, "completed")["summary"], summary(0, 0, refused));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migration_cleans_the_rows_of_the_past() {
    in_world(async |world| {
        // The database of the release before, with what its workers left.
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let apply = async |file: &std::path::Path| {
            let statements = std::fs::read_to_string(file).unwrap();
            let mut transaction = world.db.begin().await.unwrap();
            let applied = sqlx::raw_sql(sqlx::AssertSqlSafe(statements)).execute(&mut *transaction).await;
            applied.unwrap();
            transaction.commit().await.unwrap();
        };
        world.execute("DROP SCHEMA dialer CASCADE; DROP SCHEMA imports CASCADE").await;
        let is_before = |file: &&std::path::PathBuf| file.file_name().unwrap() < "0090";
        for file in files.iter().filter(is_before) {
            apply(file).await;
        }
        world
            .execute(
                "INSERT INTO imports.imports (import_id, tenant_id, job, state, source_header)
                 VALUES ('018f6c2e-0000-7000-8000-000000000001', 1, '{}', 'running',
                         convert_to('[\"Login\",\"Initial Pass-Word\",\"PWD (old)\",\"Note\"]', 'UTF8')),
                        ('018f6c2e-0000-7000-8000-000000000002', 1, '{}', 'running', convert_to('[\"Login\",\"Note\"]', 'UTF8'));
                 INSERT INTO imports.rows (import_id, tenant_id, row_number, line, idempotency_key, outcome, attempt, source_cells,
                         problems, username, username_key, email, virtual_extension, extension_generated, role_ids, desk_ids,
                         skill_group_ids, tag_ids)
                 SELECT '018f6c2e-0000-7000-8000-000000000001', 1, number, number + 1, gen_random_uuid(), outcome, 1,
                        convert_to('[\"u\",\"Secret-1\",\"Secret-2\",\"a\\u0000b\"]', 'UTF8'),
                        CASE outcome WHEN 'error' THEN '[{}]'::jsonb ELSE '[]' END,
                        'u', 'u', 'u@x.org', '10', false, '{}', '{}', '{}', '{}'
                   FROM (VALUES (1, 'created'), (2, 'error'), (3, 'pending')) AS rows (number, outcome);
                 INSERT INTO imports.rows (import_id, tenant_id, row_number, line, idempotency_key, outcome, attempt, source_cells, problems)
                 VALUES ('018f6c2e-0000-7000-8000-000000000002', 1, 1, 2, gen_random_uuid(), 'error', 1,
                         convert_to('[\"u\",\"x\"]', 'UTF8'), '[{}]')",
            )
            .await;
        for file in files.iter().filter(|file| !is_before(file)) {
            apply(file).await;
        }
        let kept: Vec<String> = world
            .values("SELECT convert_from(source_cells, 'UTF8') FROM imports.rows ORDER BY import_id, row_number")
            .await;
        let cleaned = "[\"u\",\"\",\"\",\"a\\u0000b\"]";
        assert_eq!(kept, ["[]", cleaned, cleaned, "[\"u\",\"x\"]"]);
    })
    .await;
}
