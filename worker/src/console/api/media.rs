//! Answers that are not JSON: their types do not describe them.

use aide::{
    openapi::{self, ReferenceOr},
    transform::TransformOperation,
};

/// Describes the answer of an operation if it is not JSON.
pub(super) fn answers_with<'t>(
    mut operation: TransformOperation<'t>,
    description: &str,
    media_type: &str,
) -> TransformOperation<'t> {
    let answer = openapi::Response {
        description: description.to_owned(),
        content: [(media_type.to_owned(), openapi::MediaType::default())]
            .into_iter()
            .collect(),
        ..openapi::Response::default()
    };
    let responses = operation.inner_mut().responses.get_or_insert_default();
    responses
        .responses
        .insert(openapi::StatusCode::Code(200), ReferenceOr::Item(answer));
    operation
}
