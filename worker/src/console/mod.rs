//! The console: pages and an API over HTTP, for administrators of tenants and for operators. It is a front end next to
//! the command line: imports are made by jobs on the broker, as the Dialer makes them, and changed by
//! [`crate::operate`].

mod access;
mod api;
mod assets;
mod bounds;
mod cached;
mod choices;
mod corrections;
mod dead_letters;
mod error;
mod findings;
mod form;
mod headers;
mod imports;
mod inspect;
mod options;
mod pages;
mod publisher;
mod queues;
mod request;
mod separator;
mod server;
mod size;
mod state;
mod watch;

use std::sync::Arc;

use axum::{Router, middleware, response::Response, routing::get};
use shared::limits::Limits;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) use access::MAX_LIFE;
pub use access::{InvalidKeys, Keys};
pub use options::{Framing, Options};
pub use state::Console;

use crate::{broker, db::Db, storage::Storage};

/// Memory for the files of all tenants that are read again, in bytes; as much for the reports that are being sent, and twice as
/// much for the files that are being received, at whatever speed they come.
const FILE_MEMORY: u64 = 120 * 1024 * 1024;

/// Files of one tenant that are read again, and reports that are sent to it, at one time.
const FILES_OF_A_TENANT: u16 = 4;

/// Files whose cells are in memory at one time. Reading keeps a core busy, and cells take up to thirty times the file's size.
const FILES_READ_AT_A_TIME: usize = 2;

/// Uploads that nobody touches for this long are forgotten.
const UPLOAD_DAYS: i32 = 30;

/// How often such uploads are looked for.
const TIDY_INTERVAL: std::time::Duration = std::time::Duration::from_secs(60 * 60);

impl Console {
    /// A console with these servers.
    pub fn new(
        db: Db,
        storage: Storage,
        broker: broker::Options,
        keys: Keys,
        limits: Limits,
        options: &Options,
    ) -> Self {
        let files = u16::try_from(FILE_MEMORY / limits.max_file_bytes.max(1)).unwrap_or(u16::MAX);
        let files = files.clamp(FILES_OF_A_TENANT, 1024);
        Self {
            db,
            storage,
            publisher: publisher::Publisher::new(broker),
            queues: queues::Queues::default(),
            findings: findings::Findings::default(),
            keys,
            limits,
            framing: options.framing.clone(),
            uploads: bounds::Bounds::new(options.uploads_per_tenant, files.saturating_mul(2)),
            files: bounds::Bounds::new(FILES_OF_A_TENANT, files),
            downloads: bounds::Bounds::new(FILES_OF_A_TENANT, files),
            // The other half of the connections is for all else.
            streams: bounds::Bounds::new(options.streams_per_tenant, (options.connections / 2).max(1)),
            reading: Arc::new(tokio::sync::Semaphore::new(FILES_READ_AT_A_TIME)),
            watch: watch::Watch::default(),
        }
    }
}

/// Answers requests until `stop`.
pub async fn serve(console: Console, listener: TcpListener, connections: u16, stop: CancellationToken) {
    let console = Arc::new(console);
    let watching = tokio::spawn(console.watch.clone().run(console.db.clone(), stop.clone()));
    let tidying = tokio::spawn(tidy(Arc::clone(&console), stop.clone()));
    server::serve(listener, router(console), connections, stop).await;
    watching.abort();
    tidying.abort();
}

fn router(console: Arc<Console>) -> Router {
    let security: Arc<[_]> = headers::security(&console.framing).into();
    Router::new()
        .merge(api::routes())
        .merge(pages::routes())
        .merge(assets::routes())
        // For probes: it answers without its servers, so that an outage of theirs restarts nothing.
        .route("/livez", get("alive\n"))
        .fallback(pages::missing)
        .layer(middleware::from_fn(access::check_origin))
        .layer(middleware::from_fn(pages::failures_as_pages))
        .layer(middleware::from_fn(request::receive))
        .layer(middleware::map_response(move |mut response: Response| {
            let security = Arc::clone(&security);
            async move {
                headers::add(response.headers_mut(), &security);
                response
            }
        }))
        .with_state(console)
}

/// Forgets old uploads. The files of those that became imports are left to workers and operators.
async fn tidy(console: Arc<Console>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match console.db.old_uploads(UPLOAD_DAYS).await {
            Ok(old) => {
                for (upload_id, key) in old {
                    let forgotten = async {
                        // Somebody may have come back to it since. The object is deleted first: without its row nobody
                        // would find it.
                        if console.db.is_old_upload(upload_id, UPLOAD_DAYS).await? {
                            if let Some(key) = key {
                                console.storage.delete(&key).await?;
                            }
                            console.db.forget_upload(upload_id, UPLOAD_DAYS).await?;
                        }
                        Ok::<_, error::Error>(())
                    };
                    if let Err(error) = forgotten.await {
                        tracing::warn!(%error, %upload_id, "could not forget an old upload");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "could not look for old uploads"),
        }
        tokio::select! {
            () = tokio::time::sleep(TIDY_INTERVAL) => {}
            () = stop.cancelled() => {}
        }
    }
}
