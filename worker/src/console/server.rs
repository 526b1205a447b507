//! Connections come in, requests go to the router; until the console is told to stop, and then what is under way ends.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;

/// Whoever connects and says nothing, or says it a letter at a time, keeps a place no longer than this.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);

/// Whoever asks and then takes nothing of the answer keeps a place no longer than this.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long requests may take to end after the console was told to stop.
const GRACE: Duration = Duration::from_secs(20);

/// Answers until `stop`.
pub(super) async fn serve(listener: TcpListener, app: Router, connections: u16, stop: CancellationToken) {
    let places = Arc::new(tokio::sync::Semaphore::new(usize::from(connections)));
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((connection, _)) => {
                let mut connection = TimeoutStream::new(connection);
                connection.set_write_timeout(Some(WRITE_TIMEOUT));
                let answering = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIMEOUT)
                    .serve_connection(
                        TokioIo::new(Box::pin(connection)),
                        TowerToHyperService::new(app.clone()),
                    );
                let answering = graceful.watch(answering);
                tokio::spawn(async move {
                    // Whoever asks hears of it by the end of his connection.
                    let _ = answering.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, for instance: it passes, and asking again at once would not help.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way and were broken off");
    }
}
