//! Examples in the description: a request to each operation, and its answer. `tests/integration/console/examples.rs`
//! sends all of them, and rewrites the answers with `UPDATE_EXAMPLES=1`.

use std::collections::BTreeMap;

use aide::openapi::{OpenApi, Operation, ReferenceOr};
use serde::Deserialize;
use serde_json::Value;

const EXAMPLES: &str = include_str!("examples.json");

/// An example of an operation.
#[derive(Debug, Deserialize)]
struct Example {
    /// The body of the request, for operations that take one.
    request: Option<Value>,
    /// The body of the answer, for operations that give one.
    answer: Option<Value>,
}

/// Adds the examples to their operations.
pub(super) fn add(description: &mut OpenApi) -> serde_json::Result<()> {
    let mut examples: BTreeMap<String, Example> = serde_json::from_str(EXAMPLES)?;
    let paths = description.paths.iter_mut().flat_map(|paths| &mut paths.paths);
    for (_, item) in paths {
        let ReferenceOr::Item(item) = item else { continue };
        for operation in [&mut item.get, &mut item.post, &mut item.delete]
            .into_iter()
            .flatten()
        {
            let example = operation.operation_id.as_ref().and_then(|id| examples.remove(id));
            if let Some(example) = example {
                add_to(operation, example);
            }
        }
    }
    Ok(())
}

fn add_to(operation: &mut Operation, example: Example) {
    if let Some(ReferenceOr::Item(body)) = &mut operation.request_body {
        for media in body.content.values_mut() {
            media.example.clone_from(&example.request);
        }
    }
    let responses = operation
        .responses
        .iter_mut()
        .flat_map(|responses| &mut responses.responses);
    for (_, response) in responses {
        let ReferenceOr::Item(response) = response else {
            continue;
        };
        for media in response.content.values_mut() {
            media.example.clone_from(&example.answer);
        }
    }
}
