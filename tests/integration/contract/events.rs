//! What the Dialer is told, and what no event may tell. Every event of every test is validated against the published
//! schema where it is received.

use kit::{Worker, World, final_data, good_rows, in_world};
use serde_json::{Value, json};

/// Is in every cell and in every column name.
const MARK: &str = "qzx7";

/// Header and rows with the mark in every cell.
fn marked(rows: &[&str]) -> String {
    format!(
        "Login qzx7;Mail qzx7;Ext qzx7;Role qzx7;Desk qzx7;Note qzx7\n{}\n",
        rows.join("\n")
    )
}

fn mapping() -> Value {
    json!({
        "username": { "column": "Login qzx7" }, "email": { "column": "Mail qzx7" },
        "virtual_extension": { "column": "Ext qzx7" }, "role": { "column": "Role qzx7" },
        "desks": { "column": "Desk qzx7" },
    })
}

async fn final_of(world: &World, content: String, fields: Value, mode: &str) -> Value {
    let tenant = world.tenant().await;
    let mut job = world.upload(tenant, content).await;
    job["fields"] = fields;
    job["mode"] = json!(mode);
    let last = world.run(&job).await;
    for event in world.events(&job) {
        let text = event.to_string();
        assert!(!text.contains(MARK), "a cell's value is in {text}");
        // Numbers of the file that could be anything: an extension.
        assert!(!text.contains("987654321"), "a cell's value is in {text}");
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn no_event_carries_the_value_of_a_cell() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[("BATCH_ROWS", "1")]);
        let rows = [
            "qzx7a;qzx7a@example.com;9876543210;10;20;qzx7",
            "qzx7b;qzx7b@example.com;9876543211;10;20;qzx7",
            "qzx7a;qzx7c@example.com;9876543212;10;20;qzx7",
            "qzx7 d;qzx7d@;qzx7;qzx7;qzx7;qzx7;qzx7",
            "qzx7e;qzx7e@example.com;9876543210;10;20;qzx7",
            &format!("{};qzx7\u{1};1,001;qzx7;987654321;qzx7", "qzx7".repeat(20)),
        ];
        for mode in ["import", "validate"] {
            let event = final_of(world, marked(&rows), mapping(), mode).await;
            let data = final_data(&event, "completed");
            assert_eq!(data["summary"]["created"], 2);
            assert_eq!(data["problems"].as_array().unwrap().len(), 10, "{data}");
        }
        let header = "Login qzx7;LOGIN_QZX7;Mail qzx7\nqzx7;qzx7;qzx7\n";
        for (content, code) in [
            (marked(&[]), "empty_file"),
            (marked(&["\"qzx7"]), "malformed_csv"),
            (marked(&[&"qzx7".repeat(10_000)]), "malformed_csv"),
            (marked(&["qzx7"; 501]), "required_field_unmapped"),
            ("qzx7;qzx7b\nqzx7;9876543210\n".to_owned(), "missing_header"),
            (header.to_owned(), "missing_header"),
            (
                "Username;username;qzx7\nqzx7;qzx7;qzx7\n".to_owned(),
                "duplicate_header",
            ),
            (
                "Login;Login name;qzx7\nqzx7;qzx7;qzx7\n".to_owned(),
                "mapping_conflict",
            ),
            ("<html>qzx7".to_owned(), "not_csv"),
        ] {
            // Without the mapping: a column that the job names is the job's text, not the file's.
            let fields = if code == "required_field_unmapped" {
                json!({ "username": { "column": "Login QZX7" } })
            } else {
                json!({})
            };
            let event = final_of(world, content, fields, "import").await;
            assert_eq!(final_data(&event, "rejected")["code"], code);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_told_once_for_each_tenth_of_the_rows() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[("BATCH_ROWS", "1")]);
        let tenant = world.tenant().await;
        let job = world.submit(tenant, good_rows(200)).await;
        world.final_event(&job).await;
        let told: Vec<String> = world
            .events(&job)
            .iter()
            .filter(|event| event["type"] == "dialer.import.progress")
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect();
        // The last step is the completion.
        assert!((5..=9).contains(&told.len()), "{told:?}");
    })
    .await;
}
