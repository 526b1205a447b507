//! Secrets: where they come from, and that nobody sees them by accident.

use std::os::unix::fs::{PermissionsExt, symlink};

use kit::{Worker, good_rows, in_world, variable};
use serde_json::Value;

use crate::operators::doctor::verdict;

#[tokio::test(flavor = "multi_thread")]
async fn every_secret_can_come_from_a_file() {
    in_world(async |world| {
        let own = world.variables();
        let mut command = world.command();
        for name in [
            "DATABASE_URL",
            "OPERATOR_DATABASE_URL",
            "AMQP_URL",
            "S3_ENDPOINT",
            "S3_ACCESS_KEY_ID",
            "S3_SECRET_ACCESS_KEY",
            "SEAL_KEYS",
        ] {
            let value = own.iter().find(|(own, _)| *own == name);
            let value = value.map_or_else(|| variable(name), |(_, value)| value.clone());
            let file = world.scratch_file(name, format!("{value}\n").as_bytes());
            command.env_remove(name).env(format!("{name}_FILE"), file);
        }
        let doctor = command.args(["doctor", "--json"]).output().unwrap();
        assert!(doctor.status.success(), "{doctor:?}");
        let found: Value = serde_json::from_slice(&doctor.stdout).unwrap();
        assert_eq!(verdict(&found, "configuration"), "ok", "{found}");
        assert!(
            found.to_string().contains("all that is needed, and no more"),
            "{found}"
        );
        let unread = world
            .command()
            .arg("work")
            .env_remove("SEAL_KEYS")
            .env("SEAL_KEYS_FILE", "/no/such/file")
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&unread.stderr).into_owned();
        assert_eq!(unread.status.code(), Some(2));
        assert!(
            error.contains("SEAL_KEYS_FILE: cannot read /no/such/file"),
            "{error}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_never_repeats_a_url_with_a_password() {
    in_world(async |world| {
        let urls = ["amqp://u:hunter2@host/v", "postgres://host/d?password=hunter2"];
        for url in urls {
            for arguments in [
                &["work", url][..],
                &["list", url],
                &["status", url],
                &["submit", url, "--tenant", "1"],
            ] {
                let ended = world.user_import(arguments).await;
                let error = ended.error;
                assert!(
                    !error.is_empty() && !error.contains("hunter2"),
                    "{arguments:?}: {error}"
                );
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_text_to_another_machine_is_warned_of() {
    in_world(async |world| {
        // Addresses that are reserved for documentation. Source: RFC 5737.
        let changes = [
            (
                "DATABASE_URL",
                "postgres://u:p@192.0.2.1/d?sslmode=prefer",
                "database",
            ),
            ("AMQP_URL", "amqp://u:p@192.0.2.2/v", "broker"),
            ("S3_ENDPOINT", "http://192.0.2.3:9000", "object storage"),
        ];
        for (name, url, server) in changes {
            let mut command = tokio::process::Command::from(world.command());
            command.arg("work").env(name, url).kill_on_drop(true);
            let log = world.scratch().join(server);
            command.stderr(std::fs::File::create(&log).unwrap());
            let _worker = command.spawn().unwrap();
            kit::eventually("the warning", async || {
                let log = std::fs::read_to_string(&log).unwrap();
                log.contains(&format!("the connection to the {server} at"))
                    .then_some(())
            })
            .await;
        }
        let quiet = Worker::start(world, &[]);
        let job = world.submit(world.tenant().await, good_rows(3)).await;
        world.final_event(&job).await;
        assert!(quiet.terminate().await.success());
        assert!(!world.logged().contains("NOT ENCRYPTED"), "{}", world.logged());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_new_files_for_their_owner_alone() {
    in_world(async |world| {
        let tenant = world.tenant().await.id.to_string();
        let _worker = Worker::start(world, &[]);
        let file = world.scratch_file("users.csv", good_rows(3).as_bytes());
        let out = world.scratch().join("out");
        std::fs::create_dir(&out).unwrap();
        let elsewhere = world.scratch_file("elsewhere", b"untouched");
        symlink(&elsewhere, out.join("success.csv")).unwrap();
        let open = out.join("errors.csv");
        std::fs::write(&open, "old").unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o666)).unwrap();
        let arguments = [
            "submit",
            file.to_str().unwrap(),
            "--tenant",
            &tenant,
            "--wait",
            "--out",
            out.to_str().unwrap(),
        ];
        let ended = world.user_import(&arguments).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(std::fs::read(&elsewhere).unwrap(), b"untouched");
        for name in ["success.csv", "errors.csv", "problems.jsonl"] {
            let found = std::fs::symlink_metadata(out.join(name)).unwrap();
            assert!(found.is_file(), "{name}");
            assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
        }
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 3);
    })
    .await;
}
