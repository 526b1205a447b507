//! `/metrics`, `/livez` and `/readyz`, on an address of their own. A request never has to wait for an unavailable
//! server to come back.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};

use super::{
    health::{Health, Stage},
    metrics::{Metrics, Server},
};
use crate::{
    crypto::hashing::Hasher,
    db::{Backlog, Db},
};

/// Concurrent connections: a scraper or two, the probes, and somebody who looks. Others wait.
const MAX_CONNECTIONS: usize = 16;

/// Time for one request, from connecting to the last byte of the answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the database may take for a scrape. An answer that comes later is for the next one.
const BACKLOG_TIMEOUT: Duration = Duration::from_secs(1);

/// Scrapes that come sooner after one another get the same answer from the database.
const BACKLOG_FRESH: Duration = Duration::from_secs(5);

/// An answer from the database that is older no longer says anything.
const BACKLOG_STALE: Duration = Duration::from_secs(30);

/// Source: Prometheus, exposition formats.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the pages are made of.
#[derive(Debug, Clone)]
pub struct Pages {
    /// What the worker counts.
    pub metrics: Metrics,
    /// Whether its loop runs, and at which stage it is.
    pub health: Health,
    /// What knows how much work waits.
    pub db: Db,
    /// Whose threads are counted.
    pub hasher: Arc<Hasher>,
    /// The last answer from the database.
    answer: Arc<Mutex<Option<(Instant, Backlog)>>>,
    /// Held by the task that asks the database.
    asking: Arc<tokio::sync::Mutex<()>>,
}

impl Pages {
    /// The pages of a worker.
    pub fn new(metrics: Metrics, health: Health, db: Db, hasher: Arc<Hasher>) -> Self {
        Self {
            metrics,
            health,
            db,
            hasher,
            answer: Arc::default(),
            asking: Arc::default(),
        }
    }

    /// The database's last answer, unless it is too old. If it is some seconds old, the database is asked again, by one
    /// task at a time, which goes on even if nobody waits for it any more.
    async fn backlog(&self) -> Option<Backlog> {
        if self.answered_within(BACKLOG_FRESH).is_none()
            && let Ok(alone) = Arc::clone(&self.asking).try_lock_owned()
        {
            let pages = self.clone();
            let asking = tokio::spawn(async move {
                pages.ask().await;
                drop(alone);
            });
            let _ = tokio::time::timeout(BACKLOG_TIMEOUT, asking).await;
        }
        self.answered_within(BACKLOG_STALE)
    }

    async fn ask(&self) {
        let answer = self.db.backlog().await;
        self.metrics.connected(Server::Database, answer.is_ok());
        match answer {
            Ok(backlog) => *self.answer() = Some((Instant::now(), backlog)),
            Err(error) => tracing::debug!(%error, "could not ask the database how much work waits"),
        }
    }

    fn answered_within(&self, age: Duration) -> Option<Backlog> {
        let answer = *self.answer();
        answer
            .filter(|(at, _)| at.elapsed() < age)
            .map(|(_, backlog)| backlog)
    }

    /// The value is always consistent, even if a thread panicked while holding it.
    fn answer(&self) -> MutexGuard<'_, Option<(Instant, Backlog)>> {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers for as long as the process lives.
pub async fn serve(listener: TcpListener, pages: Pages) -> Infallible {
    let app = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(pages);
    let permits = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    loop {
        let permit = Arc::clone(&permits).acquire_owned().await;
        match listener.accept().await {
            Ok((connection, _)) => {
                let answering = answer(connection, app.clone());
                tokio::spawn(async move {
                    // The client learns of a failure when its connection ends.
                    let _ = tokio::time::timeout(REQUEST_TIMEOUT, answering).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors, for instance: it passes, and trying again at once would not help.
                tracing::debug!(%error, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// One request for each connection, so that no client keeps one without using it.
async fn answer(connection: TcpStream, app: Router) -> hyper::Result<()> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(connection), TowerToHyperService::new(app))
        .await
}

async fn metrics(State(pages): State<Pages>) -> Response {
    let backlog = pages.backlog().await;
    pages
        .metrics
        .hash_threads(pages.hasher.threads(), pages.hasher.busy());
    match pages.metrics.text(backlog.as_ref()) {
        Ok(text) => ([(CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn livez(State(pages): State<Pages>) -> Response {
    if pages.health.is_alive() {
        "ok\n".into_response()
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "the worker loop is not responding\n",
        )
            .into_response()
    }
}

async fn readyz(State(pages): State<Pages>) -> Response {
    match pages.health.stage() {
        Stage::Consuming => "ok\n".into_response(),
        stage => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", stage.as_str())).into_response(),
    }
}
