//! Where log lines go: a thread writes them, so that nothing waits for a destination that nobody reads. Lines for which
//! there is no room are dropped and counted.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::Builder,
    time::{Duration, Instant},
};

use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait: some minutes of a busy worker's log, about a megabyte.
const MAX_WAITING: usize = 4096;

/// How long a program that ends waits for its last lines.
const LAST_LINES: Duration = Duration::from_secs(1);

/// How long it waits before it looks for room again.
const FULL_PAUSE: Duration = Duration::from_millis(10);

enum Entry {
    Line(Vec<u8>),
    /// Answered once everything before it is written.
    End(SyncSender<()>),
}

/// Takes lines and never waits. The program goes on without its log: the destination may be full, gone, or not read.
#[derive(Debug, Clone)]
pub(super) struct LogWriter {
    waiting: SyncSender<Entry>,
    dropped: Arc<AtomicU64>,
}

/// Ends the log when it is dropped: waits for its last lines, unless nobody reads them.
#[derive(Debug)]
#[must_use = "the log ends where this is dropped"]
pub struct LogEnd(SyncSender<Entry>);

impl LogWriter {
    /// Starts the thread that writes to the destination.
    pub(super) fn start(destination: impl Write + Send + 'static) -> std::io::Result<(Self, LogEnd)> {
        Self::with_room(destination, MAX_WAITING)
    }

    fn with_room(
        destination: impl Write + Send + 'static,
        max_waiting: usize,
    ) -> std::io::Result<(Self, LogEnd)> {
        let (waiting, entries) = sync_channel(max_waiting);
        let dropped = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&dropped);
        Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(destination, &entries, &counted))?;
        let end = LogEnd(waiting.clone());
        Ok((Self { waiting, dropped }, end))
    }
}

fn write_all(mut destination: impl Write, entries: &Receiver<Entry>, dropped: &AtomicU64) {
    let mut told = 0;
    for entry in entries {
        match entry {
            // In one piece, so that the lines of processes that share a destination stay whole.
            Entry::Line(line) => {
                // A destination that is full or gone is no reason to end.
                let _ = destination.write_all(&line);
            }
            Entry::End(done) => {
                let _ = done.send(());
            }
        }
        let lines = dropped.load(Ordering::Relaxed);
        if lines > told {
            told = lines;
            tracing::warn!(
                lines,
                "log lines were dropped since the start: the log is not read fast enough"
            );
        }
    }
}

impl Write for LogWriter {
    /// Takes one line, including its line break.
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        match self.waiting.try_send(Entry::Line(line.to_owned())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Drop for LogEnd {
    fn drop(&mut self) {
        let deadline = Instant::now() + LAST_LINES;
        let (done, written) = sync_channel(1);
        let mut end = Entry::End(done);
        while let Err(TrySendError::Full(unsent)) = self.0.try_send(end) {
            if Instant::now() >= deadline {
                return;
            }
            end = unsent;
            std::thread::sleep(FULL_PAUSE);
        }
        match written.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A destination that takes what is written to it once it may.
    #[derive(Debug, Clone)]
    struct Pipe {
        may: Arc<Mutex<()>>,
        taken: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let _may = self.may.lock().unwrap();
            self.taken.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_destination_that_hangs_holds_nobody_up_and_what_is_dropped_is_counted() {
        let pipe = Pipe {
            may: Arc::default(),
            taken: Arc::default(),
        };
        let (mut writer, end) = LogWriter::with_room(pipe.clone(), 10).unwrap();
        let hangs = pipe.may.lock().unwrap();
        for line in 0..100 {
            writer.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        let dropped = writer.dropped.load(Ordering::Relaxed);
        // One may be in the hands of the thread.
        assert!((89..=90).contains(&dropped), "{dropped}");
        drop(hangs);
        drop(end);
        let taken = String::from_utf8(pipe.taken.lock().unwrap().clone()).unwrap();
        assert_eq!(taken.lines().count() as u64, 100 - dropped, "{taken}");
        assert!(taken.starts_with("0\n1\n2\n"), "{taken}");
    }
}
