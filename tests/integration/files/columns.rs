//! `user-import columns`: what a mapping step shows, without any server.

use std::process::Output;

use kit::in_world;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn the_columns_of_a_file_are_shown_without_any_server() {
    in_world(async |world| {
        let columns = |name: &str, content: &[u8], more: &[&str]| -> Output {
            let file = world.scratch_file(name, content);
            let mut command = world.command();
            for (variable, _) in world.variables() {
                command.env_remove(variable);
            }
            command.arg("columns").arg(file).args(more).output().unwrap()
        };
        let file = "Login;E-Mail;Ext;Extension;Notiz\nann;ann@example.com;1;2;x\n".as_bytes();
        let ran = columns("users.csv", file, &["--json"]);
        assert_eq!(ran.status.code(), Some(0));
        let shown: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(
            (
                &shown["encoding"],
                &shown["delimiter"],
                &shown["suggested"],
                &shown["missing"]
            ),
            (
                &json!("utf-8"),
                &json!("semicolon"),
                &json!({ "username": "Login", "email": "E-Mail" }),
                &json!(["role"])
            )
        );
        assert_eq!(
            shown["conflicts"],
            json!([{ "field": "virtual_extension", "columns": [3, 4] }])
        );
        let text = String::from_utf8(columns("users.csv", file, &[]).stdout).unwrap();
        for line in [
            "column 1    \"Login\" → username",
            "choose      virtual_extension: one of the columns 3, 4",
            "missing     role",
        ] {
            assert!(text.contains(line), "{text}");
        }

        // Readable, but an import would reject it.
        let ran = columns("header.csv", b"Username,Email\n", &[]);
        assert_eq!(ran.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&ran.stdout).contains("(empty_file)"));
        // Not a CSV file at all.
        let ran = columns("book.csv", b"PK\x03\x04", &["--json"]);
        assert_eq!(ran.status.code(), Some(4));
        let shown: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(shown["rejections"][0]["code"], "not_csv");
        let ran = columns("large.csv", b"Username,Email\n", &["--max-file-bytes", "3"]);
        assert_eq!(ran.status.code(), Some(4));
        assert!(String::from_utf8_lossy(&ran.stdout).contains("(file_too_large)"));
    })
    .await;
}
