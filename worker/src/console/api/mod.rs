//! The API: JSON in, JSON out, described by OpenAPI 3.1 that is generated from its types.

mod audit;
mod dead;
mod doctor;
pub(super) mod downloads;
mod examples;
mod imports;
mod json;
mod media;
mod operators;
mod pauses;
pub(super) mod progress;
mod session;
mod tenant;
mod uploads;
mod workers;

use std::sync::Arc;

use aide::{
    axum::{
        ApiRouter,
        routing::{delete_with, get_with, post_with},
    },
    openapi::{
        Info, OpenApi, Parameter, ParameterData, ParameterSchemaOrContent, PathStyle, ReferenceOr,
        SchemaObject, SecurityScheme, Server, Tag,
    },
    transform::TransformOpenApi,
};
use axum::{Json, Router, extract::DefaultBodyLimit, routing::get};

pub(super) use uploads::{changed, discard, receive};

use super::{error::Failure, state::Console};

/// Where a program finds the description.
const DESCRIPTION: &str = "/api/openapi.json";

/// Maximum size of the body of a request that is not a file: the same as for a job.
const MAX_BODY_BYTES: usize = shared::contract::job::MAX_JOB_BYTES;

/// All routes of the API, and the description of themselves.
pub(super) fn routes() -> Router<Arc<Console>> {
    // The description says what the types say; an inconsistency would be ours, and tests find it.
    aide::generate::extract_schemas(true);
    aide::generate::all_error_responses(false);
    let mut description = OpenApi {
        info: Info {
            title: "User import console".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Info::default()
        },
        ..OpenApi::default()
    };
    let router = documented().finish_api_with(&mut description, describe);
    name_ids(&mut description);
    if let Err(error) = examples::add(&mut description) {
        tracing::error!(%error, "the description of the API has no examples");
    }
    let description = Arc::new(description);
    router
        .route(
            DESCRIPTION,
            get(move || {
                let description = Arc::clone(&description);
                async move { Json((*description).clone()) }
            }),
        )
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}

/// Describes what is in the braces of paths: all of them are IDs.
fn name_ids(description: &mut OpenApi) {
    let paths = description.paths.iter_mut().flat_map(|paths| &mut paths.paths);
    for (path, item) in paths {
        let ReferenceOr::Item(item) = item else { continue };
        let names = path.split('{').skip(1).filter_map(|part| part.split('}').next());
        item.parameters = names.map(|name| ReferenceOr::Item(id(name))).collect();
    }
}

fn id(name: &str) -> Parameter {
    Parameter::Path {
        parameter_data: ParameterData {
            name: name.to_owned(),
            description: None,
            required: true,
            deprecated: None,
            format: ParameterSchemaOrContent::Schema(SchemaObject {
                json_schema: schemars::json_schema!({ "type": "string", "format": "uuid" }),
                external_docs: None,
                example: None,
            }),
            example: None,
            examples: Default::default(),
            explode: None,
            extensions: Default::default(),
        },
        style: PathStyle::Simple,
    }
}

fn documented() -> ApiRouter<Arc<Console>> {
    let administrators = ApiRouter::new()
        .api_route("/api/tenant", get_with(tenant::lists, tenant::describe_lists))
        .api_route("/api/users", get_with(tenant::users, tenant::describe_users))
        .api_route(
            "/api/uploads",
            post_with(uploads::create, uploads::describe_create),
        )
        .api_route(
            "/api/uploads/{upload_id}",
            get_with(uploads::show, uploads::describe_show)
                .merge(delete_with(uploads::delete, uploads::describe_delete)),
        )
        .api_route(
            "/api/imports",
            post_with(imports::create, imports::describe_create)
                .get_with(imports::list, imports::describe_list),
        )
        .api_route(
            "/api/imports/{import_id}",
            get_with(imports::show, imports::describe_show),
        )
        .api_route(
            "/api/imports/{import_id}/rows",
            get_with(imports::rows, imports::describe_rows),
        )
        .api_route(
            "/api/imports/{import_id}/progress",
            get_with(progress::stream, progress::describe),
        )
        .api_route(
            "/api/imports/{import_id}/success.csv",
            get_with(downloads::success, downloads::describe_success),
        )
        .api_route(
            "/api/imports/{import_id}/errors.csv",
            get_with(downloads::errors, downloads::describe_errors),
        );
    ApiRouter::new()
        .api_route(
            "/api/session",
            post_with(session::begin, session::describe_begin)
                .merge(get_with(session::show, session::describe_show))
                .merge(delete_with(session::end, session::describe_end)),
        )
        .merge(administrators)
        .merge(operators())
}

/// What operators see and change.
fn operators() -> ApiRouter<Arc<Console>> {
    ApiRouter::new()
        .api_route(
            "/api/operators/imports",
            get_with(operators::list, operators::describe_list),
        )
        .api_route(
            "/api/operators/imports/{import_id}",
            get_with(operators::show, operators::describe_show),
        )
        .api_route(
            "/api/operators/imports/{import_id}/cancel",
            post_with(operators::cancel, operators::describe_cancel),
        )
        .api_route(
            "/api/operators/imports/{import_id}/replay",
            post_with(operators::replay, operators::describe_replay),
        )
        .api_route(
            "/api/operators/audit",
            get_with(audit::list, audit::describe_list),
        )
        .api_route(
            "/api/operators/doctor",
            get_with(doctor::list, doctor::describe_list),
        )
        .api_route(
            "/api/operators/pauses",
            get_with(pauses::list, pauses::describe_list),
        )
        .api_route(
            "/api/operators/pause",
            post_with(pauses::pause, pauses::describe_pause),
        )
        .api_route(
            "/api/operators/resume",
            post_with(pauses::resume, pauses::describe_resume),
        )
        .api_route(
            "/api/operators/workers",
            get_with(workers::list, workers::describe_list),
        )
        .api_route(
            "/api/operators/queues",
            get_with(workers::queues, workers::describe_queues),
        )
        .api_route("/api/operators/dead", get_with(dead::list, dead::describe_list))
        .api_route(
            "/api/operators/dead/replay",
            post_with(dead::replay, dead::describe_replay),
        )
        .api_route(
            "/api/operators/dead/discard",
            post_with(dead::discard, dead::describe_discard),
        )
}

fn describe(api: TransformOpenApi<'_>) -> TransformOpenApi<'_> {
    let tag = |name: &str, description: &str| Tag {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        ..Tag::default()
    };
    api.description(
        "What the pages of the console can do, for programs. A request carries a token, a JWT signed with one of CONSOLE_KEYS, \
         as `Authorization: Bearer …`, or the cookie that POST /api/session gave for it. Changes with a cookie need the console's \
         own `Origin`.",
    )
    .server(Server {
        url: "/".to_owned(),
        ..Server::default()
    })
    .tag(tag("sessions", "A token is exchanged for a cookie."))
    .tag(tag("administrators", "A tenant's own imports, and what they are made of."))
    .tag(tag("operators", "Imports of all tenants, without any cell of their files."))
    .security_scheme(
        "token",
        SecurityScheme::Http {
            scheme: "bearer".to_owned(),
            bearer_format: Some("JWT".to_owned()),
            description: Some("Made by the Dialer's backend, or by `user-import token`.".to_owned()),
            extensions: Default::default(),
        },
    )
    .security_requirement("token")
    .default_response_with::<Json<Failure>, _>(|failure| failure.description("What went wrong, and what to do."))
}
