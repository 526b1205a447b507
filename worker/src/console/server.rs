//! Accepts connections and passes their requests to the router until the console is told to stop; then finishes what is
//! under way.

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

/// A client that connects and sends nothing, or a letter at a time, keeps a place no longer than this.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);

/// A client that asks and then does not read the answer keeps a place no longer than this.
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
                    // The client learns of a failure when its connection ends.
                    let _ = answering.await;
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, for instance: it passes, and trying again at once would not help.
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests that were still in progress were cut off");
    }
}
