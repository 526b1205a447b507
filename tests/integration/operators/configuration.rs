//! What can never work is reported at once, before anything is connected, and without showing a secret.

use kit::{Ran, in_world};
use worker::broker::Topology;

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_can_never_work_ends_a_command_at_once_with_exit_code_2() {
    in_world(async |world| {
        let long = "p".repeat(236);
        #[rustfmt::skip]
        let cases = [
            ("work", "AMQP_URL", "rabbit:hunter2@host", "AMQP_URL is not of the form amqp://"),
            ("work", "AMQP_URL", "amqp://u:hunter2@host:port/v", "AMQP_URL is not of the form amqp://"),
            ("work", "DATABASE_URL", "u:hunter2@host/db", "not of the form postgres://"),
            ("work", "DATABASE_URL", "mysql://u:hunter2@host/db", "not of the form postgres://"),
            ("work", "DATABASE_URL", "postgres://u:hunter2@host:port/db", "not of the form postgres://"),
            ("work", "S3_ENDPOINT", "127.0.0.1:9000", "S3_ENDPOINT is not of the form http://"),
            ("work", "S3_ENDPOINT", "http://:9000", "S3_ENDPOINT is not of the form http://"),
            ("work", "S3_ENDPOINT", "https://key:hunter2@store", "S3_ENDPOINT is not of the form http://"),
            ("work", "S3_ENDPOINT", "https://store/?key=hunter2", "S3_ENDPOINT is not of the form http://"),
            ("work", "S3_ENDPOINT", "https://store:90000/x", "S3_ENDPOINT is not of the form http://"),
            ("work", "MAX_ROWS", "0", "--max-rows"),
            ("work", "MAX_FILE_BYTES", "0", "--max-file-bytes"),
            ("work", "MAX_COLUMNS", "0", "--max-columns"),
            ("work", "MAX_CELL_BYTES", "0", "--max-cell-bytes"),
            ("work", "BATCH_ROWS", "0", "--batch-rows"),
            ("work", "AMQP_PREFIX", &long, "it has 236 bytes, 235 are allowed"),
            ("work", "AMQP_PREFIX", "amq.mine", "belong to the broker"),
            ("work", "AMQP_SHARDS", "0", "--amqp-shards"),
            ("work", "AMQP_SHARDS", "101", "--amqp-shards"),
            ("work", "SEAL_KEYS", "hunter2", "SEAL_KEYS cannot be used"),
            ("work", "ARGON2_LANES", "0", "argon2"),
            ("work", "ARGON2_ALLOW_WEAK", "false", "too weak"),
            ("topology", "AMQP_URL", "rabbit:hunter2@host", "AMQP_URL is not of the form amqp://"),
            ("dead replay --all", "AMQP_URL", "rabbit:hunter2@host", "AMQP_URL is not of the form amqp://"),
            ("status 018f6c2e-8d3b-7c51-9a34-2f1d7c0a4e11", "DATABASE_URL", "u:hunter2@host/db", "not of the form postgres://"),
            ("migrate", "MIGRATE_DATABASE_URL", "u:hunter2@host/db", "MIGRATE_DATABASE_URL cannot be used"),
            ("rotate-seals", "SEAL_KEYS", "hunter2", "SEAL_KEYS cannot be used"),
        ];
        for (command, variable, value, expected) in cases {
            let arguments: Vec<&str> = command.split(' ').collect();
            let Ran { code, error, .. } = world.user_import_with(&[(variable, value)], &arguments).await;
            assert_eq!(code, Some(2), "{command} {variable}={value}: {error}");
            assert!(error.contains(expected), "{command} {variable}={value}: {error}");
            assert!(!error.contains("hunter2"), "a secret is shown: {error}");
        }
        // The broker accepts the longest prefix that is allowed.
        let (_, queues) = Topology::new("p".repeat(235), 100).names();
        assert!(queues.iter().all(|queue| queue.as_str().len() <= 255));
    })
    .await;
}
