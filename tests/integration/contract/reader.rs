//! What the Dialer may read besides the broker: views for its own database user, and the columns of a file.

use std::{io::Write, process::Stdio};

use kit::{Worker, contract, good_rows, id, in_world};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_readers_role_sees_imports_and_reports_and_nothing_else() {
    in_world(async |world| {
        let readable: Vec<String> = sqlx::query_scalar(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname IN ('imports', 'dialer') AND c.relkind IN ('r', 'v')
                AND has_any_column_privilege('user_import_reader', c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
              ORDER BY 1",
        )
        .fetch_all(&world.db)
        .await
        .unwrap();
        assert_eq!(readable, ["attempt_reports", "import_status", "purged_imports"]);

        let _worker = Worker::start(world, &[]);
        let job = world.submit(world.tenant().await, good_rows(3)).await;
        let event = world.final_event(&job).await;
        let (state, created, total): (String, i32, i32) =
            sqlx::query_as("SELECT state, created, total FROM imports.import_status WHERE import_id = $1::uuid")
                .bind(id(&job))
                .fetch_one(&world.db)
                .await
                .unwrap();
        assert_eq!((state.as_str(), created, total), ("completed", 3, 3));
        let (created, key): (i32, String) =
            sqlx::query_as("SELECT created, success_key FROM imports.attempt_reports WHERE import_id = $1::uuid")
                .bind(id(&job))
                .fetch_one(&world.db)
                .await
                .unwrap();
        assert_eq!((created, json!(key)), (3, event["data"]["reports"]["success"].clone()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_columns_of_a_file_are_read_from_standard_input_and_are_of_their_schema() {
    in_world(async |world| {
        let validator = contract::validator(&contract::schema("columns.json"));
        let large = vec![b'a'; 5 * 1024 * 1024 + 7];
        for (content, code, rejection) in [
            (good_rows(2).into_bytes(), 0, None),
            (b"Login;Login name;Skil groups\na;b;c\n".to_vec(), 0, None),
            (b"PK\x03\x04".to_vec(), 4, Some("not_csv")),
            (large, 4, Some("file_too_large")),
        ] {
            let mut command = world.command();
            command.args(["columns", "-", "--json"]);
            let mut child = command
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            child.stdin.take().unwrap().write_all(&content).unwrap();
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(code));
            let found: Value = serde_json::from_slice(&output.stdout).unwrap();
            let wrong = contract::breaches(&validator, &found);
            assert!(wrong.is_empty(), "{wrong:?}: {found}");
            if let Some(rejection) = rejection {
                assert_eq!(found["rejections"][0]["code"], rejection);
            }
        }
    })
    .await;
}
