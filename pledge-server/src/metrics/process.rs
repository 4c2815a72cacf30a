//! The process itself.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::runtime::Handle;

use super::family::gauge;

#[derive(Debug)]
struct ThisProcess {
    runtime: Handle,
}

/// Registers what is known of the process. Called inside its runtime.
pub(super) fn register(registry: &mut Registry) {
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("pledge_build", "The version that runs", build);
    registry.register_collector(Box::new(ThisProcess { runtime: Handle::current() }));
}

impl Collector for ThisProcess {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let tasks = self.runtime.metrics().num_alive_tasks();
        gauge(&mut encoder, ("pledge_tokio_tasks", "Tasks of the runtime"), tasks)?;
        system::encode(&mut encoder)
    }
}

/// What Linux knows of the process, by the names that every exporter uses.
#[cfg(target_os = "linux")]
mod system {
    use std::fmt;
    use std::time::Duration;

    use procfs::process::{LimitValue, Process};
    use procfs::{ProcResult, boot_time_secs, page_size, ticks_per_second};
    use prometheus_client::encoding::DescriptorEncoder;

    use super::super::family::{counter, gauge};

    struct Figures {
        start: Duration,
        resident_bytes: u64,
        descriptors: u64,
        descriptors_max: Option<u64>,
        processor: Duration,
    }

    fn read() -> ProcResult<Figures> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let descriptors_max = match process.limits()?.max_open_files.soft_limit {
            LimitValue::Value(limit) => Some(limit),
            LimitValue::Unlimited => None,
        };
        Ok(Figures {
            start: Duration::from_secs(boot_time_secs()?) + of_ticks(stat.starttime),
            resident_bytes: stat.rss * page_size(),
            descriptors: process.fd_count()? as u64,
            descriptors_max,
            processor: of_ticks(stat.utime + stat.stime),
        })
    }

    fn of_ticks(ticks: u64) -> Duration {
        let (second, millis) = (ticks_per_second(), 1_000);
        Duration::from_millis(ticks.saturating_mul(millis) / second)
    }

    /// A figure that cannot be read is left out: there is no true number for it.
    pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let figures = match read() {
            Ok(figures) => figures,
            Err(error) => {
                tracing::debug!("the figures of the process cannot be read: {error}");
                return Ok(());
            }
        };
        let help = "Start of the process, in unix seconds";
        let start = figures.start.as_secs_f64();
        gauge(encoder, ("process_start_time_seconds", help), start)?;
        let help = "Memory that is in use";
        gauge(encoder, ("process_resident_memory_bytes", help), figures.resident_bytes)?;
        gauge(encoder, ("process_open_fds", "Open file descriptors"), figures.descriptors)?;
        if let Some(most) = figures.descriptors_max {
            gauge(encoder, ("process_max_fds", "The most open file descriptors"), most)?;
        }
        let help = "Time of the processor, of the process and of the kernel for it";
        counter(encoder, ("process_cpu_seconds", help), figures.processor.as_secs_f64())
    }
}

/// Nothing of the system is shown elsewhere.
#[cfg(not(target_os = "linux"))]
mod system {
    use std::fmt;

    use prometheus_client::encoding::DescriptorEncoder;

    pub(super) const fn encode(_: &mut DescriptorEncoder<'_>) -> fmt::Result {
        Ok(())
    }
}
