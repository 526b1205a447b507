//! Steps run by hand, without a worker and without the broker.

use serde_json::Value;
use shared::contract::event::Body;
use worker::{
    engine,
    message::{Message, Task, TaskKind},
    steps::Context,
};

use crate::{World, good_rows, id};

/// Receives a job.
pub async fn receive(context: &Context, job: &Value) -> Vec<Message> {
    run(context, TaskKind::Receive, job.to_string().as_bytes()).await
}

/// Does what a message asks for; returns the messages that follow.
pub async fn step(context: &Context, message: &Message) -> Vec<Message> {
    let kind = match message {
        Message::Plan(..) => TaskKind::Plan,
        Message::Batch(..) => TaskKind::Batch,
        Message::Report(..) => TaskKind::Report,
        other => panic!("{other:?} asks for no step"),
    };
    run(context, kind, &message.body().expect("a message is JSON")).await
}

/// Receives and plans a job; returns its batches.
pub async fn planned(context: &Context, job: &Value) -> Vec<Message> {
    let received = receive(context, job).await;
    step(context, &received[0]).await
}

/// As a worker does that gets the message for the first time.
async fn run(context: &Context, kind: TaskKind, body: &[u8]) -> Vec<Message> {
    let task = Task::parse(kind, body).expect("a task");
    let mut messages = engine::run(context, task, false).await.expect("the step is done");
    // Leaves out the received and planned events.
    messages.retain(|message| match message {
        Message::Event(event) => !matches!(event.body, Body::Received(_) | Body::Planned(_)),
        _ => true,
    });
    messages
}

impl World {
    /// Fails an import, as a dead letter does.
    pub async fn fail(&self, job: &Value) {
        let failed = sqlx::query(
            "UPDATE imports.imports
                SET state = 'failed', failure_reason = 'retries_exhausted', last_error = 'the storage was away',
                    finished_at = now()
              WHERE import_id = $1::uuid",
        );
        failed
            .bind(id(job))
            .execute(&self.db)
            .await
            .expect("the import fails");
    }

    /// A failed import of 60 rows: the first batch of 25 has its users, and nobody has their passwords.
    pub async fn half_failed(&self) -> Value {
        let job = self.upload(self.tenant().await, good_rows(60)).await;
        let batches = planned(&self.context(), &job).await;
        step(&self.context(), &batches[0]).await;
        self.fail(&job).await;
        job
    }
}
