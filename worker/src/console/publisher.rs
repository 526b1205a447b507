//! The way to the broker: one connection for the whole console, made when it is first needed and again after it broke.

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::{
    broker::{self, Link},
    message::Message,
};

/// Sends messages; keeps its connection for the next ones.
#[derive(Debug)]
pub(super) struct Publisher {
    options: broker::Options,
    link: Mutex<Option<Arc<Link>>>,
}

impl Publisher {
    pub(super) fn new(options: broker::Options) -> Self {
        Self {
            options,
            link: Mutex::default(),
        }
    }

    /// Where the broker is.
    pub(super) const fn options(&self) -> &broker::Options {
        &self.options
    }

    /// Sends messages, and returns when the broker has them. Tries once more over a new connection if an old one may
    /// have broken unnoticed: every message may arrive twice.
    pub(super) async fn publish(&self, messages: &[Message]) -> Result<(), broker::Error> {
        let (link, is_new) = self.link().await?;
        match link.publisher().publish(messages).await {
            Err(error) if !is_new => {
                tracing::info!(%error, "broker: reconnecting");
                self.forget().await;
                let (link, _) = self.link().await?;
                link.publisher().publish(messages).await
            }
            published => published,
        }
        .inspect_err(|error| tracing::warn!(%error, "messages were not published"))
    }

    /// The connection, and whether it was made just now.
    pub(super) async fn link(&self) -> Result<(Arc<Link>, bool), broker::Error> {
        let mut kept = self.link.lock().await;
        if let Some(link) = kept.as_ref().filter(|link| link.publisher().is_open()) {
            return Ok((Arc::clone(link), false));
        }
        let link = Arc::new(Link::connect(&self.options).await?);
        *kept = Some(Arc::clone(&link));
        Ok((link, true))
    }

    /// Drops the connection.
    pub(super) async fn forget(&self) {
        *self.link.lock().await = None;
    }
}
