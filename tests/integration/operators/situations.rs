//! The situations in which an import can be when an operator gives a command, each made by hand, without a worker.

use kit::{
    Tenant, World, id,
    steps::{planned, receive, step},
    variable,
};
use serde_json::{Value, json};
use uuid::Uuid;
use worker::{
    db::Audit,
    message::{DeadLetter, DeadReason, Message, RowRange, Subject},
    operate::{self, ReplayOptions},
    steps::Context,
};

/// Four rows that become users, two of them with the first batch; one whose role is not there yet.
const FILE: &str = "Username,Email,Virtual Extension,Role\n\
    a,a@x.org,2001,10\nb,b@x.org,2002,10\nc,c@x.org,2003,10\nd,d@x.org,2004,10\ne,e@x.org,2005,17\n";

/// The last row has a surplus cell, which is not kept: no replay can create it.
const SURPLUS: &str = "Username,Email,Virtual Extension,Role\na,a@x.org,2001,10\nb,b@x.org,2002,10,surplus\n";

/// What situations are made with: what a worker gives to its steps, and the same with another key in place of the right
/// one.
pub(super) struct Makers {
    context: Context,
    strange: Context,
    audit: Audit,
}

impl Makers {
    pub(super) fn new(world: &World) -> Self {
        let mut strange = world.context();
        let keys = variable("SEAL_KEYS");
        let (key_id, _) = keys.split_once(':').unwrap();
        strange.seals = format!("{key_id}:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")
            .parse()
            .unwrap();
        Self {
            context: world.context(),
            strange,
            audit: Audit {
                command: "test",
                operator: "olga".to_owned(),
                reason: None,
            },
        }
    }

    /// An import of the tenant in this situation; returns its job.
    pub(super) async fn make(&self, world: &World, tenant: Tenant, situation: &str) -> Value {
        match situation {
            "completed, only surplus cells refused" => {
                let job = world.upload(tenant, SURPLUS).await;
                self.complete(&job).await;
                job
            }
            "rejected as object_missing, which has come" => self.rejected(world, tenant).await,
            _ => {
                let job = world.upload(tenant, FILE).await;
                self.bring_about(world, &job, situation).await;
                job
            }
        }
    }

    async fn bring_about(&self, world: &World, job: &Value, situation: &str) {
        match situation {
            "received" => drop(receive(&self.context, job).await),
            "running" => drop(self.half(&self.context, job).await),
            "running, cancelled" => {
                self.half(&self.context, job).await;
                self.cancel(job).await;
            }
            "cancelled" | "cancelled, rows purged" => {
                let [_, report] = self.half(&self.context, job).await;
                self.cancel(job).await;
                step(&self.context, &report).await;
            }
            "cancelled before it was read" => {
                receive(&self.context, job).await;
                self.cancel(job).await;
            }
            "cancelled, its report failed" => {
                let [_, report] = self.half(&self.context, job).await;
                self.cancel(job).await;
                self.fail(job, "reports", &report.body().unwrap()).await;
            }
            "failed before it was read" => {
                receive(&self.context, job).await;
                self.fail(job, "requested", job.to_string().as_bytes()).await;
            }
            "completed" => self.complete(job).await,
            _ => {
                let context = match situation {
                    "failed, seal key lost" => &self.strange,
                    _ => &self.context,
                };
                let [rest, _] = self.half(context, job).await;
                self.fail(job, "rows.00", &rest.body().unwrap()).await;
            }
        }
        self.then(world, job, situation).await;
    }

    /// What was done to it afterwards.
    async fn then(&self, world: &World, job: &Value, situation: &str) {
        match situation {
            "cancelled, rows purged" => {
                let tenant = job["tenant_id"].to_string();
                let purge = ["purge", "--yes", "--rows-days", "0", "--tenant", &tenant];
                world.json_of(&purge, 0).await;
            }
            "failed, dead letter discarded" => {
                let discard = ["dead", "discard", "--yes", "--import", id(job)];
                world.json_of(&discard, 0).await;
            }
            "failed, replayed" => {
                let options = ReplayOptions::default();
                let replayed = operate::replay(&self.context.db, import_id(job), options, &self.audit);
                replayed.await.unwrap();
            }
            "failed, seed destroyed" => {
                let destroy =
                    "UPDATE imports.imports SET sealed_seed = NULL, seal_key_id = NULL, seed_attempt = NULL
                                WHERE import_id = $1";
                let destroyed = sqlx::query(destroy).bind(import_id(job)).execute(&world.db);
                destroyed.await.unwrap();
            }
            _ => {}
        }
    }

    /// The first two rows are users; returns the messages that ask for the other rows and for the report.
    async fn half(&self, context: &Context, job: &Value) -> [Message; 2] {
        let batches = planned(context, job).await;
        let Some(&Message::Batch(import, _, shard)) = batches.first() else {
            panic!("{batches:?}")
        };
        let batch = |first, last| Message::Batch(import, RowRange { first, last }, shard);
        step(context, &batch(1, 2)).await;
        [batch(3, 4), Message::Report(import)]
    }

    async fn complete(&self, job: &Value) {
        for message in self.half(&self.context, job).await {
            step(&self.context, &message).await;
        }
    }

    async fn cancel(&self, job: &Value) {
        let cancelled = operate::cancel(&self.context.db, import_id(job), &self.audit);
        cancelled.await.unwrap();
    }

    /// Sets a message of the import aside, as a worker does: the import fails.
    async fn fail(&self, job: &Value, origin: &str, message: &[u8]) {
        let letter = DeadLetter {
            reason: DeadReason::RetriesExhausted,
            error: Some("the storage was away".to_owned()),
            origin: origin.to_owned(),
            retry_count: 16,
            message_id: None,
            subject: Subject::of(message),
            size_bytes: message.len(),
            body: message.to_vec(),
        };
        let failing = Subject::of(job.to_string().as_bytes());
        self.context.db.set_aside(&letter, failing).await.unwrap();
    }

    async fn rejected(&self, world: &World, tenant: Tenant) -> Value {
        let mut job = world.upload(tenant, FILE).await;
        let key = format!("tenants/{}/uploads/late.csv", tenant.id);
        job["source"]["key"] = json!(key);
        planned(&self.context, &job).await;
        kit::storage().put(&key, FILE.into(), "text/csv").await.unwrap();
        job
    }
}

pub(super) fn import_id(job: &Value) -> Uuid {
    id(job).parse().unwrap()
}
