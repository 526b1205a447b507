//! Files that mislead, through a real worker: each comes out as `shared/tests/cases` says, and a validation says so
//! beforehand.

use std::collections::BTreeMap;

use kit::{Tenant, Worker, World, final_data, id, in_world};
use serde_json::{Value, json};

use self::right::{Before, Came, Case, Finished, Refused, cases};

#[path = "../../../shared/tests/cases/right.rs"]
mod right;

/// The tenant that the cases are written for.
async fn tenant(world: &World) -> Tenant {
    let tenant = world.tenant().await;
    for statement in [
        "UPDATE dialer.tenants SET extension_first = '0200', extension_last = '0899' WHERE tenant_id = $1",
        "INSERT INTO dialer.desks (tenant_id, desk_id, name) VALUES ($1, 1, 'a'), ($1, 200, 'b'), ($1, 1200, 'c')",
        "INSERT INTO dialer.skill_groups (tenant_id, skill_group_id, name) VALUES ($1, 32, 'French')",
        "DELETE FROM dialer.tags WHERE tenant_id = $1 AND tag_id <> 40",
    ] {
        let done = sqlx::query(statement)
            .bind(tenant.id.get())
            .execute(&world.db)
            .await;
        done.unwrap();
    }
    world
        .user(tenant, "existing.agent", "existing.agent@example.com", "0999")
        .await;
    tenant
}

async fn prepare(world: &World, tenant: Tenant, before: Vec<Before>) {
    for step in before {
        match step {
            Before::Import(bytes) => {
                world.import(tenant, bytes).await;
            }
            Before::Delete => {
                let imported =
                    "DELETE FROM dialer.users WHERE tenant_id = $1 AND idempotency_key IS NOT NULL";
                let deleted = sqlx::query(imported)
                    .bind(tenant.id.get())
                    .execute(&world.db)
                    .await;
                deleted.unwrap();
            }
        }
    }
}

async fn submit(world: &World, tenant: Tenant, case: &Case, mode: &str) -> Value {
    let mut job = world.upload(tenant, case.bytes()).await;
    job["fields"] = case.fields();
    job["mode"] = json!(mode);
    world.publish(&job).await;
    job
}

/// The users that rows became, or would have become in a validation, by the numbers of the rows.
async fn users(world: &World, job: &Value) -> BTreeMap<u32, Value> {
    let query = match job["mode"].as_str() {
        Some("validate") => {
            "SELECT row_number, jsonb_build_object(
                        'username', username, 'email', email, 'virtual_extension', virtual_extension,
                        'first_name', first_name, 'last_name', last_name, 'roles', role_ids, 'desks', desk_ids,
                        'skill_groups', skill_group_ids, 'tags', tag_ids)
               FROM imports.rows WHERE import_id = $1::uuid AND outcome = 'created'"
        }
        _ => {
            "SELECT r.row_number, jsonb_build_object(
                        'username', u.username, 'email', u.email, 'virtual_extension', u.virtual_extension,
                        'first_name', u.first_name, 'last_name', u.last_name,
                        'roles', ARRAY(SELECT role_id FROM dialer.user_roles WHERE user_id = u.user_id ORDER BY 1),
                        'desks', ARRAY(SELECT desk_id FROM dialer.user_desks WHERE user_id = u.user_id ORDER BY 1),
                        'skill_groups', ARRAY(SELECT skill_group_id FROM dialer.user_skill_groups
                                               WHERE user_id = u.user_id ORDER BY 1),
                        'tags', ARRAY(SELECT tag_id FROM dialer.user_tags WHERE user_id = u.user_id ORDER BY 1))
               FROM imports.rows r JOIN dialer.users u USING (user_id)
              WHERE r.import_id = $1::uuid AND r.outcome = 'created'"
        }
    };
    let rows: Vec<(i32, Value)> = sqlx::query_as(query)
        .bind(id(job))
        .fetch_all(&world.db)
        .await
        .unwrap();
    let rows = rows.into_iter();
    rows.map(|(row, user)| (row.try_into().unwrap(), user)).collect()
}

/// The last columns of the error CSV: number, line, result, codes and sentences of the row. One text holds all its sentences.
fn refused(rows: Vec<Vec<String>>) -> BTreeMap<u32, Refused> {
    let row = |cells: Vec<String>| {
        let [.., row, _line, outcome, codes, sentences] = cells.as_slice() else {
            panic!("{cells:?}")
        };
        let refused = Refused {
            outcome: outcome.clone(),
            codes: codes.split(';').map(str::to_owned).collect(),
            sentences: vec![sentences.clone()],
        };
        (row.parse().unwrap(), refused)
    };
    rows.into_iter().map(row).collect()
}

async fn came(world: &World, job: &Value, event: &Value) -> Came {
    if event["type"] == "dialer.import.rejected" {
        let sentence =
            sqlx::query_scalar("SELECT rejection_message FROM imports.imports WHERE import_id = $1::uuid");
        return Came::Rejected {
            code: event["data"]["code"].as_str().unwrap().to_owned(),
            sentence: sentence.bind(id(job)).fetch_one(&world.db).await.unwrap(),
        };
    }
    let reports = world.reports(event).await;
    let finished = Finished {
        users: users(world, job).await,
        refused: refused(reports.error_rows()),
        error_csv: String::from_utf8(reports.errors).unwrap(),
    };
    let count = |outcome: &str| {
        finished
            .refused
            .values()
            .filter(|row| row.outcome == outcome)
            .count()
    };
    assert_eq!(
        final_data(event, "completed")["summary"],
        json!({
            "total": finished.users.len() + finished.refused.len(), "created": finished.users.len(),
            "duplicates": count("duplicate"), "errors": count("error"), "cancelled": 0,
        }),
        "the event counts what the reports hold"
    );
    Came::Finished(finished)
}

/// All that was written of an import: its rows in the database, its events and its error CSV.
async fn written(world: &World, job: &Value, came: &Came) -> String {
    let stored: Option<String> = sqlx::query_scalar(
        "SELECT (to_jsonb(i) - 'source_header')::text || coalesce(convert_from(i.source_header, 'UTF8'), '')
                || coalesce((SELECT string_agg((to_jsonb(r) - 'source_cells')::text || convert_from(r.source_cells, 'UTF8'), '')
                               FROM imports.rows r WHERE r.import_id = i.import_id), '')
           FROM imports.imports i WHERE i.import_id = $1::uuid",
    )
    .bind(id(job))
    .fetch_one(&world.db)
    .await
    .unwrap();
    format!("{came:?}{}{:?}", stored.unwrap(), world.events(job))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_that_misleads_comes_out_right() {
    in_world(async |world| {
        let _worker = Worker::start(world, &[]);
        let cases = cases();
        assert!(cases.len() > 70, "{} cases", cases.len());
        let mut tenants = Vec::new();
        for case in &cases {
            let tenant = tenant(world).await;
            prepare(world, tenant, case.before()).await;
            tenants.push((case, tenant));
        }
        let mut failures = Vec::new();
        for mode in ["validate", "import"] {
            let mut jobs = Vec::new();
            for &(case, tenant) in &tenants {
                jobs.push((case, submit(world, tenant, case, mode).await));
            }
            for (case, job) in jobs {
                let event = world.final_event(&job).await;
                let came = came(world, &job, &event).await;
                let written = written(world, &job, &came).await;
                failures.extend(
                    case.failure(&came, &written)
                        .map(|failure| format!("{mode} {failure}")),
                );
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
    })
    .await;
}
