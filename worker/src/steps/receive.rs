//! Receive: a job goes in, the import that it asks for is known, and its plan is due. Next to no work, so that the queue of
//! jobs, the only one that all tenants share, is nearly always empty: whoever floods it makes nobody wait.

use shared::{
    contract,
    contract::{Version, message::PlanDue},
};

use crate::{
    engine::MAX_RESCUES,
    message::Message,
    steps::{Context, Error},
};

/// Keeps the job, unless that has been done; returns what is due next.
pub async fn receive(context: &Context, body: &[u8]) -> Result<Vec<Message>, Error> {
    let job = contract::job::parse(body).map_err(|error| Error::Malformed(error.to_string()))?;
    let (import, shard) = context.db.receive(&job, context.shards(job.tenant_id)).await?;
    if import.job != job {
        return Err(Error::ImportIdTaken);
    }
    if import.finished_at.is_none() && import.rescues > MAX_RESCUES {
        return Err(Error::MessagesLost {
            rescues: import.rescues - 1,
        });
    }
    crash_point!("received");
    let due = PlanDue {
        version: Version,
        import_id: job.import_id,
        tenant_id: job.tenant_id,
        attempt: import.attempt,
    };
    Ok(vec![Message::Plan(due, shard)])
}
