//! Every step may run twice: one after the other, and at once on several workers.

use futures::future::join_all;
use kit::{
    Worker, World, final_data, good_rows, in_world,
    steps::{planned, receive, step},
};
use serde_json::Value;
use worker::message::Message;

async fn twice<T: PartialEq + std::fmt::Debug>(step: impl AsyncFn() -> T) -> T {
    let (one, other) = tokio::join!(step(), step());
    assert_eq!(one, other);
    assert_eq!(step().await, one);
    one
}

async fn users(world: &World) -> Vec<(i64, String, String)> {
    world
        .rows("SELECT user_id, username, password_hash FROM dialer.users ORDER BY user_id")
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_run_twice_at_once_and_once_more_has_the_effect_of_one() {
    in_world(async |world| {
        let (context, other) = (world.context(), world.context());
        let job = world.upload(world.tenant().await, good_rows(60)).await;

        let received = twice(async || receive(&context, &job).await).await;
        let batches = twice(async || step(&context, &received[0]).await).await;
        assert_eq!(batches.len(), 3, "60 rows in batches of 25");

        let mut last = Vec::new();
        for batch in &batches {
            let (one, two) = tokio::join!(step(&context, batch), step(&other, batch));
            last = step(&context, batch).await;
            let due = |following: &[Message]| {
                following
                    .iter()
                    .any(|message| matches!(message, Message::Report(_)))
            };
            assert_eq!((due(&one), due(&two)), (due(&last), due(&last)));
        }
        let created = users(world).await;
        assert_eq!(created.len(), 60);

        let [due] = last.as_slice() else {
            panic!("{last:?}")
        };
        let done = twice(async || step(&context, due).await).await;
        let [Message::Event(event)] = done.as_slice() else {
            panic!("{done:?}")
        };
        let event = serde_json::to_value(event).unwrap();
        let reports = world.verified_reports(&event).await;

        // Late copies of all messages find nothing to do any more.
        assert_eq!(receive(&context, &job).await, received);
        assert_eq!(step(&context, &received[0]).await, done);
        for batch in &batches {
            assert_eq!(step(&context, batch).await, []);
        }
        assert_eq!(step(&context, due).await, done);
        assert_eq!(users(world).await, created);
        assert_eq!(world.reports(&event).await, reports);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_job_that_many_workers_receive_at_once_is_one_import() {
    in_world(async |world| {
        let workers = [(); 4].map(|()| world.context());
        let template = world.upload(world.tenant().await, good_rows(1)).await;
        // More than one unique index can tell them that they are not alone: each job is another chance to meet.
        for _ in 0..100 {
            let mut job = template.clone();
            job["import_id"] = Value::from(uuid::Uuid::new_v4().to_string());
            let due = join_all(workers.iter().map(|context| receive(context, &job))).await;
            assert!(due.windows(2).all(|pair| pair[0] == pair[1]), "{due:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redelivered_messages_of_a_running_import_change_nothing() {
    in_world(async |world| {
        let _workers = [Worker::start(world, &[]), Worker::start(world, &[])];
        let tenant = world.tenant().await;
        let job = world.submit(tenant, good_rows(150)).await;
        world
            .until("SELECT count(planned_at) > 0 FROM imports.imports")
            .await;
        let message = |first: u32, last: u32| {
            let mut due = serde_json::json!({
                "version": 1, "import_id": job["import_id"], "tenant_id": tenant.id, "attempt": 1,
            });
            if last > 0 {
                due["first_row"] = Value::from(first);
                due["last_row"] = Value::from(last);
            }
            due.to_string().into_bytes()
        };
        for (first, last) in [(1, 25), (26, 50), (1, 150), (140, 150)] {
            world.publish_to("rows.00", &message(first, last)).await;
            world.publish_to("rows.01", &message(first, last)).await;
        }
        world.publish_to("reports", &message(0, 0)).await;
        let event = world.completed_whole(&job, 150).await;
        let reports = world.reports(&event).await;
        world.publish_to("reports", &message(0, 0)).await;
        world.publish_to("rows.00", &message(1, 150)).await;
        world.event_once_more(&event).await;
        assert_eq!(world.reports(&event).await, reports);
        assert_eq!(users(world).await.len(), 150);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_done_fails_the_import_of_its_attempt_alone() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(10)).await;
        let batches = planned(&world.context(), &job).await;
        let _worker = Worker::start(world, &[]);
        let spoilt = |job: &Value, attempt: u32| {
            let message = serde_json::json!({
                "version": 1, "import_id": job["import_id"], "tenant_id": job["tenant_id"], "attempt": attempt,
            });
            message.to_string().into_bytes()
        };
        world.publish_to("rows.00", &spoilt(&job, 2)).await;
        assert_eq!(world.dead_letter().await.0, "malformed");
        world.publish_to("rows.00", batches[0].body().unwrap()).await;
        world.completed_whole(&job, 10).await;

        let job = world.upload(world.tenant().await, good_rows(10)).await;
        planned(&world.context(), &job).await;
        world.publish_to("rows.00", &spoilt(&job, 1)).await;
        assert_eq!(final_data(&world.final_event(&job).await, "failed")["reason"], "malformed");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_newer_release_is_set_aside_as_it_is_and_fails_no_import() {
    in_world(async |world| {
        let job = world.upload(world.tenant().await, good_rows(10)).await;
        let batches = planned(&world.context(), &job).await;
        let _worker = Worker::start(world, &[]);
        // The last blanks and the order of the fields would not survive being parsed and written again.
        let newer = format!(
            "{{\"rows\": [[1, 10]],\"version\":2, \"attempt\":1,\"tenant_id\":{},\"import_id\":{}}} \n",
            job["tenant_id"], job["import_id"]
        );
        // After half a minute, in which a newer worker could have taken it.
        world.publish_to("rows.00", newer.as_bytes()).await;
        assert_eq!(
            world.dead_letter().await,
            ("newer_version".to_owned(), newer.into_bytes())
        );
        world.publish_to("rows.00", batches[0].body().unwrap()).await;
        let event = world.final_event(&job).await;
        assert_eq!(final_data(&event, "completed")["summary"]["created"], 10);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_deleted_after_the_plan_makes_its_rows_errors() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let context = world.context();
        let file = "username,email,ext,role\na,a@x.org,21,10\nb,b@x.org,22,11\nc,c@x.org,23,10|11\n";
        let job = world.upload(tenant, file).await;
        let batches = planned(&context, &job).await;
        world.execute("DELETE FROM dialer.roles WHERE role_id = 11").await;
        step(&context, &batches[0]).await;
        let outcomes: Vec<(String, String)> = world
            .rows("SELECT outcome, coalesce(problems->0->>'code', '') FROM imports.rows ORDER BY row_number")
            .await;
        let outcomes: Vec<_> = outcomes
            .iter()
            .map(|row| (row.0.as_str(), row.1.as_str()))
            .collect();
        assert_eq!(
            outcomes,
            [
                ("created", ""),
                ("error", "unknown_reference"),
                ("error", "unknown_reference")
            ]
        );
        assert_eq!(users(world).await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pbx_domain_deleted_after_the_plan_makes_its_rows_errors() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let context = world.context();
        let file = "username,email,ext,role,device\na,a@x.org,21,10,1\nb,b@x.org,22,11,2\n";
        let mut job = world.upload(tenant, file).await;
        job["sip"] = serde_json::json!({ "kind": "classic_pbx", "pbx_domain_id": 50 });
        let batches = planned(&context, &job).await;
        for deleted in [
            "DELETE FROM dialer.pbx_domains",
            "DELETE FROM dialer.roles WHERE role_id = 11",
        ] {
            world.execute(deleted).await;
        }
        let due = step(&context, &batches[0]).await;
        assert!(matches!(due[..], [Message::Report(_)]), "{due:?}");
        let problems: Vec<(String, serde_json::Value)> = world
            .rows("SELECT outcome, jsonb_path_query_array(problems, '$[*].message') FROM imports.rows ORDER BY row_number")
            .await;
        let domain =
            "PBX domain \"50\" is not the ID of a PBX domain of this tenant: import the row again with another one.";
        let role = "Role \"11\" is not the ID of an active role of this tenant: copy the ID from Users > Roles in the Dialer.";
        let error = |messages| ("error".to_owned(), messages);
        assert_eq!(
            problems,
            [error(serde_json::json!([domain])), error(serde_json::json!([role, domain]))]
        );
        assert_eq!(users(world).await.len(), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn users_made_by_hand_after_the_plan_become_conflicts_of_their_rows() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let context = world.context();
        let mut job = world
            .upload(tenant, "username,email,ext\na,a@x.org,\nb,b@x.org,\nc,c@x.org,2001\nd,d@x.org,2002\ne,e@x.org,\n")
            .await;
        job["fields"] = serde_json::json!({
            "role": { "value": 10 }, "virtual_extension": { "column": "ext", "generate": true },
        });
        let batches = planned(&context, &job).await;
        // Somebody takes a's generated number, b's username, c's number, and d's everything.
        for (username, email, extension) in [
            ("new1", "new1@x.org", "1000"),
            ("B", "new2@x.org", "3000"),
            ("new3", "new3@x.org", "2001"),
            ("d", "d@x.org", "2002"),
        ] {
            world.user(tenant, username, email, extension).await;
        }
        let next = step(&context, &batches[0]).await;
        let outcomes: Vec<(String, String, String)> = world.rows("SELECT outcome, coalesce((SELECT string_agg(p->>'code', ';') FROM jsonb_array_elements(problems) p), ''),
                    virtual_extension
               FROM imports.rows ORDER BY row_number").await;
        let outcomes: Vec<_> = outcomes.iter().map(|row| (row.0.as_str(), row.1.as_str(), row.2.as_str())).collect();
        assert_eq!(
            outcomes,
            [
                ("created", "", "1003"),
                ("duplicate", "already_exists", "1001"),
                ("error", "extension_taken", "2001"),
                ("duplicate", "already_exists;already_exists", "2002"),
                ("created", "", "1002"),
            ]
        );
        let done = step(&context, &next[0]).await;
        let [Message::Event(event)] = done.as_slice() else { panic!("{done:?}") };
        let summary = &serde_json::to_value(event).unwrap()["data"]["summary"];
        assert_eq!((&summary["created"], &summary["duplicates"], &summary["errors"]), (&2.into(), &2.into(), &1.into()));
    })
    .await;
}
