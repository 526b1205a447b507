//! Nothing that a run emits holds a password or a value of a cell: neither logs, however verbose, nor messages, nor
//! what operators read in the database. Only the reports hold them.

use kit::{Fault, Proxy, Worker, final_data, good_rows, in_world, variable};

/// Secrets of the file: none of these may be seen anywhere.
fn secrets(rows: u32) -> Vec<String> {
    let good = (1..=rows).flat_map(|n| [format!("user{n}@example.com"), format!("user{n},")]);
    let refused = ["secretive@", "bob.hidden", "bob@hidden.example"].map(str::to_owned);
    good.chain(refused).collect()
}

/// The value of a variable, or the password in it.
fn password_of(name: &str) -> String {
    let value = kit::variable(name);
    let (start, _) = value.rsplit_once('@').unwrap_or((&value, ""));
    let (_, password) = start.rsplit_once(':').unwrap_or(("", start));
    password.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_run_emits_holds_a_password_or_an_address() {
    in_world(async |world| {
        let tap = world.tap_all().await;
        let storage = Proxy::before(&variable("S3_ENDPOINT")).await;
        let endpoint = storage.url(&variable("S3_ENDPOINT"));
        let talkative = [("RUST_LOG", "trace"), ("S3_ENDPOINT", endpoint.as_str())];
        let worker = Worker::start(world, &talkative);
        let tenant = world.tenant().await;

        // Created, duplicate and refused rows.
        let file = format!(
            "{}user1,user1@example.com,29001,10\r\nbob.hidden,secretive@,x1,99\r\n",
            good_rows(40)
        );
        let job = world.submit(tenant, file).await;
        let event = world.final_event(&job).await;
        final_data(&event, "completed");
        let passwords = world.reports(&event).await.success_column(4);
        assert_eq!(passwords.len(), 40);

        // A store that fails while the reports with the passwords are written.
        let job = world
            .upload(
                tenant,
                "username,email,ext,role\nbob.hidden,bob@hidden.example,28001,10\n",
            )
            .await;
        world.execute("ALTER TABLE dialer.tags RENAME TO away").await;
        world.publish(&job).await;
        // PostgreSQL refuses, and says why.
        tap.until("imports.delay.1s").await;
        storage.set(Fault::Answer(500));
        world.execute("ALTER TABLE dialer.away RENAME TO tags").await;
        world.until_logged("object storage:").await;
        storage.set(Fault::None);
        let event = world.final_event(&job).await;
        let last = world.reports(&event).await.success_rows()[0][4].clone();

        // A message that is not valid.
        world.publish_to("reports", br#"{"import_id": "no"}"#).await;
        world.dead_letter().await;
        worker.terminate().await;

        let told: Vec<String> = world.values("SELECT concat_ws(' ', job, rejection_message, failure_reason, last_error) FROM imports.imports").await;
        let mut emitted = world.logged();
        assert!(emitted.contains("DEBUG"), "it was verbose");
        emitted.push_str(&told.concat());
        for heard in tap.heard() {
            emitted.push_str(&format!(
                "{:?} {}",
                heard.properties,
                String::from_utf8_lossy(&heard.body)
            ));
        }
        // The worker's own: whatever is in its environment.
        let own = ["AMQP_URL", "DATABASE_URL", "SEAL_KEYS", "S3_SECRET_ACCESS_KEY"].map(password_of);
        for secret in secrets(40).into_iter().chain(passwords).chain([last]).chain(own) {
            if let Some(at) = emitted.find(&secret) {
                let from = emitted.floor_char_boundary(at.saturating_sub(300));
                let to = emitted.floor_char_boundary(at + 100);
                panic!("{secret:?} was emitted: {}", &emitted[from..to]);
            }
        }
        // In the database only where rows and users are.
        let hashes: Vec<String> = world.values("SELECT password_hash FROM dialer.users").await;
        assert!(hashes.iter().all(|hash| hash.starts_with("$argon2id$")));
    })
    .await;
}
