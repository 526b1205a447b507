//! Receive: a job goes in, the import that it asks for is stored, and its plan is due. Next to no work, so that the
//! queue of jobs, the only one that all tenants share, is nearly always empty: a flood of jobs makes nobody wait.

use shared::{contract::job::Job, rejection::RejectionCode};

use super::{Context, Error, event};
use crate::{
    db::{Import, Received, State},
    message::Message,
    policy::MAX_RESCUES,
};

/// Stores the job, unless that has been done; returns what is due next.
pub async fn receive(context: &Context, job: &Job) -> Result<Vec<Message>, Error> {
    let (mut import, shard) = match context.db.receive(job, context.shards(job.tenant_id)).await? {
        Received::Import(import, shard) => (import, shard),
        Received::Purged(purged) if purged.tenant_id == job.tenant_id => return Err(Error::ImportPurged),
        Received::Purged(_) => return Err(Error::ImportIdTaken),
    };
    if !import.job.is_same_as(job) {
        return Err(Error::ImportIdTaken);
    }
    if has_no_object(&import) && context.storage.exists_soon(&job.source.key).await? {
        *import = context.db.reopen_rejected(import.reference(), shard).await?;
    }
    if !import.state.is_final() && import.rescues > MAX_RESCUES {
        return Err(Error::MessagesLost {
            rescues: import.rescues - 1,
        });
    }
    crash_point!("received");
    let mut messages = Vec::new();
    if import.attempt == 1 && !import.state.is_final() {
        messages.push(Message::event(event::received(&import)?));
    }
    messages.push(Message::Plan(import.reference(), shard));
    Ok(messages)
}

/// An import that was rejected because its object was not there has created nothing: publishing its job again means
/// this import.
fn has_no_object(import: &Import) -> bool {
    let code = import.rejection.as_ref().map(|rejection| rejection.code);
    import.state == State::Rejected && code == Some(RejectionCode::ObjectMissing)
}
