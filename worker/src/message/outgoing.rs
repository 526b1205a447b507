//! A message as it is published.

use shared::contract::{
    Version,
    event::Event,
    job::Job,
    message::{PlanDue, ReportDue, RowsDue},
};

use super::import_ref::{ImportRef, Marker, RowRange};

/// A message between steps about an import.
macro_rules! due {
    ($due:ident, $import:expr $(, $field:ident: $value:expr)*) => {
        $due {
            version: Version,
            import_id: $import.import_id,
            tenant_id: $import.tenant_id,
            attempt: $import.attempt,
            $($field: $value),*
        }
    };
}

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A job, as the Dialer publishes it.
    Job(Box<Job>),
    /// An import to plan, and the shard that it goes to.
    Plan(ImportRef, u16),
    /// A batch of rows, and the shard that it goes to.
    Batch(ImportRef, RowRange, u16),
    /// Reports that can be written.
    Report(ImportRef),
    /// A marker for one of the queues.
    Marker(Marker),
    /// An event for the Dialer.
    Event(Box<Event>),
}

impl Message {
    /// An event for the Dialer.
    pub fn event(event: Event) -> Self {
        Self::Event(Box::new(event))
    }

    /// The message as JSON.
    pub fn body(&self) -> Result<Vec<u8>, serde_json::Error> {
        match self {
            Self::Job(job) => serde_json::to_vec(job),
            Self::Plan(import, _) => serde_json::to_vec(&due!(PlanDue, import)),
            Self::Batch(import, rows, _) => {
                serde_json::to_vec(&due!(RowsDue, import, first_row: rows.first, last_row: rows.last))
            }
            Self::Report(import) => serde_json::to_vec(&due!(ReportDue, import)),
            Self::Marker(marker) => serde_json::to_vec(marker),
            Self::Event(event) => serde_json::to_vec(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::contract::Id;
    use uuid::Uuid;

    use super::*;
    use crate::message::task::{Task, TaskKind};

    #[test]
    fn what_is_published_is_read_as_the_task_that_it_asks_for() {
        let import = ImportRef {
            import_id: Uuid::from_u128(7),
            tenant_id: Id::try_from(1).unwrap(),
            attempt: 2,
        };
        let rows = RowRange { first: 3, last: 9 };
        let cases = [
            (Message::Plan(import, 1), TaskKind::Plan, Task::Plan(import)),
            (
                Message::Batch(import, rows, 1),
                TaskKind::Batch,
                Task::Batch(import, rows),
            ),
            (Message::Report(import), TaskKind::Report, Task::Report(import)),
        ];
        for (message, kind, task) in cases {
            assert_eq!(Task::parse(kind, &message.body().unwrap()).unwrap(), task);
        }
    }
}
