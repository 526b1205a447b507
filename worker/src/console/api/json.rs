//! Bodies and queries of requests: what cannot be read is refused in a sentence that names the place.

use aide::OperationInput;
use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Query, Request},
    http::request::Parts,
};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::console::error::Error;

/// A body in JSON.
#[derive(Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(rejection.into()),
        }
    }
}

impl<T: JsonSchema> OperationInput for Body<T> {
    fn operation_input(context: &mut aide::generate::GenContext, operation: &mut aide::openapi::Operation) {
        Json::<T>::operation_input(context, operation);
    }
}

/// The query of a URL.
#[derive(Debug)]
pub(super) struct QueryParams<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(rejection) => Err(rejection.into()),
        }
    }
}

impl<T: JsonSchema> OperationInput for QueryParams<T> {
    fn operation_input(context: &mut aide::generate::GenContext, operation: &mut aide::openapi::Operation) {
        Query::<T>::operation_input(context, operation);
    }
}
