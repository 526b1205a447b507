//! The Dialer's side from another language, with nothing but the documented contract.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use kit::{Worker, World, in_world, summary, variable};
use serde_json::{Value, json};

fn python(world: &World, script: &str) -> Command {
    let mut command = Command::new(variable("TEST_PYTHON"));
    command
        .arg(format!("{}/../dialer/{script}", env!("CARGO_MANIFEST_DIR")))
        .env("AMQP_PREFIX", world.prefix());
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialer_written_in_python_imports_a_file() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        // The script is to have the Dialer's queue to itself.
        world.stop_listening().await;
        let _worker = Worker::start(world, &[]);
        let file = world.scratch_file(
            "users.csv",
            b"login,mail\r\nann,ann@example.com\r\nbob,bob@example.com\r\nANN,a@x.org\r\n",
        );
        let ran = python(world, "dialer.py")
            .arg(&file)
            .arg(tenant.id.to_string())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let output: Value = serde_json::from_slice(&ran.stdout).unwrap();
        assert_eq!(output["event"]["data"]["summary"], summary(2, 1, 0));
        let of = |row: &Value, column: &str| row[column].as_str().unwrap().to_owned();
        let rows = output["success"].as_array().unwrap();
        let named: Vec<_> = rows
            .iter()
            .map(|row| (of(row, "Username"), of(row, "Virtual Extension")))
            .collect();
        assert_eq!(
            named,
            [
                ("ann".to_owned(), "1000".to_owned()),
                ("bob".to_owned(), "1001".to_owned())
            ]
        );

        let mut pairs = Vec::new();
        for row in rows {
            let hash: String =
                sqlx::query_scalar("SELECT password_hash FROM dialer.users WHERE user_id::text = $1")
                    .bind(of(row, "User ID"))
                    .fetch_one(&world.db)
                    .await
                    .unwrap();
            pairs.push((of(row, "Temporary Password"), hash));
        }
        let verify = |pairs: &Value| {
            let mut child = python(world, "verify.py")
                .stdin(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            child
                .stdin
                .take()
                .unwrap()
                .write_all(pairs.to_string().as_bytes())
                .unwrap();
            child.wait().unwrap().success()
        };
        assert!(verify(&json!(pairs)), "each password verifies");
        assert!(!verify(&json!([[pairs[0].0, pairs[1].1]])), "and no other");
    })
    .await;
}
