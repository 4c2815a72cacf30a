//! Work that failed and is tried again, and the parts that a process can do without.

use std::fmt;
use std::sync::Arc;

use pledge_http::{PartState, Process};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use super::family::gauges;

#[derive(Debug)]
struct Work(Arc<dyn Process>);

pub(super) fn register(registry: &mut Registry, process: Arc<dyn Process>) {
    registry.register_collector(Box::new(Work(process)));
}

impl Collector for Work {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let incidents = self.0.incidents().into_iter().map(|incident| {
            let chain = incident.chain.unwrap_or_default();
            ([("chain", chain), ("work", incident.work.to_owned())], 1_u64)
        });
        let help = "Work that failed and is tried again: 1 while it is; `/readyz` lists it too";
        gauges(&mut encoder, ("pledge_incidents", help), incidents)?;
        let parts = self.0.parts().into_iter().filter_map(|part| {
            let is_up = part.state? == PartState::Up;
            Some(([("part", part.name)], u64::from(is_up)))
        });
        let help = "Whether a part that can be done without works: 1 or 0";
        gauges(&mut encoder, ("pledge_part_up", help), parts)
    }
}
