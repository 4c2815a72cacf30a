//! The nodes of each chain. A node is named by its place in the configuration, never by its url.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::family::{counters, gauges};
use crate::nodes::{NodeFigures, Nodes, Standing};

/// The nodes that are used now, by the name of their chain. A clone is another handle to the same.
#[derive(Debug, Clone, Default)]
pub struct NodesSeen(Arc<Mutex<BTreeMap<String, Arc<dyn Nodes>>>>);

/// A chain, and a node's place in its list.
type Place = [(&'static str, String); 2];

impl NodesSeen {
    /// Shows the nodes of a chain from now on.
    pub fn show(&self, chain: &str, nodes: Arc<dyn Nodes>) {
        self.0.lock().expect("no holder panics").insert(chain.to_owned(), nodes);
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(self.clone()));
    }

    fn figures(&self) -> Vec<(Place, NodeFigures)> {
        let seen = self.0.lock().expect("no holder panics");
        let of_chain = |(chain, nodes): (&String, &Arc<dyn Nodes>)| {
            let places = nodes.figures().into_iter().enumerate();
            let named = |(place, figures): (usize, NodeFigures)| {
                ([("chain", chain.clone()), ("node", place.to_string())], figures)
            };
            places.map(named).collect::<Vec<_>>()
        };
        seen.iter().flat_map(of_chain).collect()
    }
}

impl Collector for NodesSeen {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (figures, encoder) = (self.figures(), &mut encoder);
        encode_states(encoder, &figures)?;
        let of_each = |figure: fn(&NodeFigures) -> u64| {
            figures.iter().map(move |(place, figures)| (place.clone(), figure(figures)))
        };
        let help = "JSON-RPC calls that were sent, each one of a batch counted";
        counters(encoder, ("pledge_node_calls", help), of_each(|node| node.calls))?;
        let help = "Requests that brought at least one answer";
        let answered = of_each(|node| node.requests_answered);
        counters(encoder, ("pledge_node_requests_answered", help), answered)?;
        encode_failures(encoder, &figures)?;
        encode_durations(encoder, &figures)
    }
}

/// Every state of a node, and its name.
const STATES: [(Standing, &str); 4] = [
    (Standing::Current, "current"),
    (Standing::Ready, "ready"),
    (Standing::Waits, "waits"),
    (Standing::OutOfUse, "out_of_use"),
];

fn encode_states(
    encoder: &mut DescriptorEncoder<'_>,
    figures: &[(Place, NodeFigures)],
) -> fmt::Result {
    let states = figures.iter().flat_map(|(place, figures)| {
        STATES.map(|(standing, state)| {
            let [chain, node] = place.clone();
            let labels = [chain, node, ("state", state.to_owned())];
            (labels, u64::from(figures.standing == standing))
        })
    });
    let help = "What a node is to its chain: 1 for its state, 0 for the others";
    gauges(encoder, ("pledge_node_state", help), states)
}

fn encode_failures(
    encoder: &mut DescriptorEncoder<'_>,
    figures: &[(Place, NodeFigures)],
) -> fmt::Result {
    let failures = figures.iter().flat_map(|(place, figures)| {
        figures.failures.iter().map(|(reason, count)| {
            let [chain, node] = place.clone();
            ([chain, node, ("reason", (*reason).to_owned())], *count)
        })
    });
    let help = "Requests that failed and single calls that were refused, by reason";
    counters(encoder, ("pledge_node_failures", help), failures)
}

fn encode_durations(
    encoder: &mut DescriptorEncoder<'_>,
    figures: &[(Place, NodeFigures)],
) -> fmt::Result {
    let help = "Time of requests to a node, whatever came of them";
    let name = "pledge_node_request_duration_seconds";
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (place, node) in figures {
        let classes = node.durations.iter().map(|(bound, count)| (bound.as_secs_f64(), *count));
        let buckets: Vec<(f64, u64)> = classes.chain([(f64::INFINITY, node.longer)]).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = node.duration_sum.as_secs_f64();
        metric.encode_family(place)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
    }
    Ok(())
}
