//! What was not read of a file is told: rows that only look filled, and columns that no field needs.

use kit::{Worker, final_data, id, in_world};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn event_and_status_tell_which_rows_and_columns_were_ignored() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let tenant = world.tenant().await;
        let file = "No;Login;E-Mail;Ext;Role;Skil Groups;Active\n1;ann;ann@example.com;0301;10;30;TRUE\n\
                    2;;;;;;FALSE\n;;;;;;\n3;;;;;;FALSE\n";
        let job = world.upload(tenant, file).await;
        let event = world.run(&job).await;
        let data = final_data(&event, "completed");
        assert_eq!(data["summary"]["total"], 1);
        assert_eq!(
            (&data["file"]["ignored_rows"], &data["file"]["ignored_columns"]),
            (&json!(2), &json!([1, 6, 7]))
        );
        // The names are those of the file: for whoever may see the import, not for every reader of events.
        assert!(!event.to_string().contains("Skil"), "{event}");
        let status = world.user_import(&["status", id(&job)]).await.out;
        for told in [
            "2 rows whose mapped cells are all blank",
            "column 1 \"No\"",
            "column 6 \"Skil Groups\"; is it meant as ",
            "column 7 \"Active\"",
        ] {
            assert!(status.contains(told), "{told}: {status}");
        }
        let status = world.json_of(&["status", id(&job)], 0).await;
        assert_eq!(
            (&status["ignored_rows"], &status["ignored_columns"]),
            (&json!(2), &json!([1, 6, 7]))
        );
    })
    .await;
}
