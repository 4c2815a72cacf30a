//! Threads for readers.

use std::io;

use tokio::runtime::{Builder, Handle, Runtime};

/// How much less often than the others a thread of readers runs where processors are short, in steps of `nice`.
///
/// Ten steps are about a tenth of the time of a thread that follows a chain.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Threads of their own, so that readers take what following and settling leave of the processors.
///
/// Threads started by them inherit the priority, such as those of `SQLite`'s connections for readers.
#[derive(Debug)]
pub struct ReaderThreads(Option<Runtime>);

impl ReaderThreads {
    /// Starts them, as many as the machine has processors.
    pub fn start() -> io::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        builder.enable_all().thread_name("readers").on_thread_start(yield_to_others);
        builder.build().map(|runtime| Self(Some(runtime)))
    }

    /// Where the work of readers is spawned.
    pub fn handle(&self) -> &Handle {
        self.0.as_ref().expect("held until dropped").handle()
    }
}

impl Drop for ReaderThreads {
    fn drop(&mut self) {
        // Whoever drops it may be a task, which must not wait for threads.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Lowers the priority of this thread. Linux has one for each thread; elsewhere it is the whole process's, and stays.
fn yield_to_others() {
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::warn!("readers' threads keep the priority of the others: {error}");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn threads_of_readers_and_those_they_start_come_after_the_others() {
        let own = || getpriority_process(None).unwrap();
        let before = own();
        let threads = ReaderThreads::start().unwrap();
        let handle = threads.handle();
        let worker = handle.spawn(async move { (own(), std::thread::spawn(own).join().unwrap()) });
        let later = (before + NICE).min(19);
        assert_eq!(worker.await.unwrap(), (later, later));
        assert_eq!(handle.spawn_blocking(own).await.unwrap(), later);
        assert_eq!(own(), before);
    }
}
