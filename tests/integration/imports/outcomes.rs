//! A file becomes users, two reports and an event.

use kit::{Worker, final_data, good_rows, in_world, summary};
use serde_json::{Value, json};
use shared::published;

#[tokio::test(flavor = "multi_thread")]
async fn good_rows_become_users_with_all_that_the_file_says() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let mut job = world
            .upload(
                tenant,
                "Login;E-Mail;Ext;Role IDs;Desk;Skill Groups;Tags;First Name;Surname\n\
                 ада;Ada@BÜCHER.example;0042;10|11;20;30,31;40;Ada;Lovelace\n\
                 bob;bob@example.com;0043;10;;;;;\n",
            )
            .await;
        job["two_factor"] = json!("google");
        job["security"] = json!({ "max_session_minutes": 480, "max_concurrent_sessions": 2 });
        let event = world.run(&job).await;
        let data = final_data(&event, "completed");
        assert_eq!(data["summary"], summary(2, 0, 0));
        assert_eq!(data["file"], json!({"encoding": "utf-8", "delimiter": "semicolon", "ignored_rows": 0, "ignored_columns": []}));
        assert_eq!(data["problems"], json!([]));
        let reports = world.verified_reports(&event).await;
        assert_eq!(reports.error_rows(), Vec::<Vec<String>>::new());

        let user: Value = sqlx::query_scalar(
            "SELECT to_jsonb(u) - 'password_hash' - 'password_expires_at' - 'created_at' - 'idempotency_key' - 'user_id' || jsonb_build_object(
                    'roles', (SELECT jsonb_agg(role_id ORDER BY role_id) FROM dialer.user_roles WHERE user_id = u.user_id),
                    'desks', (SELECT jsonb_agg(desk_id) FROM dialer.user_desks WHERE user_id = u.user_id),
                    'skill_groups', (SELECT jsonb_agg(skill_group_id ORDER BY 1) FROM dialer.user_skill_groups WHERE user_id = u.user_id),
                    'tags', (SELECT jsonb_agg(tag_id) FROM dialer.user_tags WHERE user_id = u.user_id))
               FROM dialer.users u WHERE tenant_id = $1 AND virtual_extension = '0042'",
        )
        .bind(tenant.id.get())
        .fetch_one(&world.db)
        .await
        .unwrap();
        assert_eq!(
            user,
            json!({
                "tenant_id": tenant.id, "username": "ада", "username_key": "ада",
                "email": "Ada@xn--bcher-kva.example", "email_key": "ada@xn--bcher-kva.example",
                "virtual_extension": "0042", "first_name": "Ada", "last_name": "Lovelace",
                "sip_kind": "webrtc", "pbx_domain_id": null, "pbx_device": null, "sip_uri": null,
                "two_factor": "google", "max_session_minutes": 480, "max_concurrent_sessions": 2,
                "password_must_change": true,
                "roles": [10, 11], "desks": [20], "skill_groups": [30, 31], "tags": [40],
            })
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_gets_its_outcome_and_its_place_in_the_reports() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        world.import(tenant, good_rows(2)).await;
        let event = world
            .import(
                tenant,
                "Username,Email,Virtual Extension,Role\n\
                 USER1,new@example.com,20101,10\n\
                 carol,carol@example.com,20102,10\n\
                 Carol,carol2@example.com,20103,10\n\
                 dave,dave,20104,99\n\
                 \n\
                 erin,erin@example.com,20001,10\n",
            )
            .await;
        let data = final_data(&event, "completed");
        assert_eq!(data["summary"], summary(1, 2, 2));
        assert_eq!(
            data["problems"],
            json!([
                {"row": 1, "line": 2, "field": "username", "code": "already_exists"},
                {"row": 3, "line": 4, "field": "username", "code": "duplicate_in_file"},
                {"row": 4, "line": 5, "field": "email", "code": "invalid_format"},
                {"row": 4, "line": 5, "field": "role", "code": "unknown_reference"},
                {"row": 5, "line": 7, "field": "virtual_extension", "code": "extension_taken"},
            ])
        );
        let reports = world.reports(&event).await;
        assert_eq!(reports.success_column(1), ["carol"]);
        let refused: Vec<String> = reports
            .error_rows()
            .iter()
            .map(|row| row[..8].join(","))
            .collect();
        assert_eq!(
            refused,
            [
                "USER1,new@example.com,20101,10,1,2,duplicate,already_exists",
                "Carol,carol2@example.com,20103,10,3,4,duplicate,duplicate_in_file",
                "dave,dave,20104,99,4,5,error,invalid_format;unknown_reference",
                "erin,erin@example.com,20001,10,5,7,error,extension_taken",
            ]
        );

        // The same for programs, with what each sentence says.
        let list = world.object(data["reports"]["problems"].as_str().unwrap()).await;
        let listed: Vec<Value> = str::from_utf8(&list.unwrap())
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let (_, schema) = published::all()
            .into_iter()
            .find(|(name, _)| *name == "problem.json")
            .unwrap();
        let schema = jsonschema::validator_for(schema.as_value()).unwrap();
        assert!(
            listed.iter().all(|problem| schema.is_valid(problem)),
            "{listed:?}"
        );
        let places = |problems: &[Value]| {
            let of = |problem: &Value| ["row", "line", "field", "code"].map(|name| problem[name].clone());
            problems.iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(places(&listed), places(data["problems"].as_array().unwrap()));
        let params: Vec<&Value> = listed.iter().map(|problem| &problem["params"]).collect();
        assert_eq!(
            params,
            [
                &json!({"value": "USER1"}),
                &json!({"value": "Carol", "other_row": 2, "other_line": 3}),
                &json!({"value": "dave"}),
                &json!({"ids": ["99"]}),
                &json!({"value": "20001"}),
            ]
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_extensions_are_the_lowest_free_ones_in_row_order() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let file = "username,email,ext\na,a@x.org,\nb,b@x.org,1001\nc,c@x.org,\n";
        let mut job = world.upload(tenant, file).await;
        job["fields"] =
            json!({ "virtual_extension": { "generate": true, "column": "ext" }, "role": { "value": 10 } });
        job["sip"] = json!({ "kind": "builtin_pbx" });
        let reports = world.reports(&world.run(&job).await).await;
        assert_eq!(reports.success_column(3), ["1000", "1001", "1002"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validation_reports_the_same_and_creates_nothing() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let file = "username,email,ext,role\na,a@x.org,21,10\nb,b,22,10\nA,c@x.org,23,10\n";
        let mut validation = world.upload(tenant, file).await;
        validation["mode"] = json!("validate");
        let validated = world.run(&validation).await;
        let users: i64 = world.value("SELECT count(*) FROM dialer.users").await;
        assert_eq!(users, 0);

        let imported = world.import(tenant, file).await;
        for part in ["summary", "problems", "file"] {
            assert_eq!(validated["data"][part], imported["data"][part]);
        }
        let reports = world.reports(&validated).await;
        assert_eq!(reports.errors, world.reports(&imported).await.errors);
        assert_eq!(reports.success_rows(), [["", "a", "a@x.org", "21", "", "1", ""]]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_only_passwords_have_twelve_digits() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let _worker = Worker::start(world, &[]);
        let mut job = world.upload(tenant, good_rows(30)).await;
        job["password"] = json!({ "digits_only": true });
        let reports = world.verified_reports(&world.run(&job).await).await;
        let digits = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        assert!(reports.success_column(4).iter().all(|password| digits(password)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_behind_but_state_and_reports() {
    in_world(async |world| {
        let tenant = world.tenant().await;
        let worker = Worker::start(world, &[]);
        let job = world.submit(tenant, good_rows(60)).await;
        let reports = world.reports(&world.final_event(&job).await).await;
        let sealed: i64 = world
            .value("SELECT count(sealed_seed) FROM imports.imports")
            .await;
        assert_eq!(sealed, 0, "the seed is destroyed");
        assert!(worker.terminate().await.success());
        world.until_no_work_waits().await;
        assert_eq!(world.dead_letters().await, 0);
        let stored: String = world
            .value(
                "SELECT concat((SELECT string_agg(i::text, '') FROM imports.imports i),
                           (SELECT string_agg(r::text, '') FROM imports.rows r),
                           (SELECT string_agg(u::text, '') FROM dialer.users u))",
            )
            .await;
        let events = serde_json::to_string(&world.events(&job)).unwrap();
        for row in reports.success_rows() {
            let (email, password) = (&row[2], &row[4]);
            for (place, text) in [("log", &world.logged()), ("events", &events)] {
                assert!(!text.contains(password), "a password is in the {place}");
                assert!(!text.contains(email), "an e-mail address is in the {place}");
            }
            assert!(!stored.contains(password), "a password is in the database");
        }
    })
    .await;
}
