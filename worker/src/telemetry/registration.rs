//! How metrics are named and registered.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, Result,
    core::Collector,
};

pub(super) fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("user_import_{name}"), help)
}

pub(super) fn registered<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

pub(super) fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge> {
    registered(registry, IntGauge::with_opts(opts(name, help))?)
}

pub(super) fn gauges(registry: &Registry, name: &str, help: &str, label: &str) -> Result<IntGaugeVec> {
    registered(registry, IntGaugeVec::new(opts(name, help), &[label])?)
}

pub(super) fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec> {
    registered(registry, IntCounterVec::new(opts(name, help), labels)?)
}

pub(super) fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: &[f64],
) -> Result<HistogramVec> {
    let opts = HistogramOpts::new(format!("user_import_{name}"), help).buckets(buckets.to_vec());
    registered(registry, HistogramVec::new(opts, &["step"])?)
}
