//! Metrics exposition: OpenMetrics 1.0, and the older Prometheus text format.
//!
//! The names are an interface: dashboards and alerts depend on them.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeLabelSet, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::process_metrics::ProcessMetrics;
use crate::server::metrics::{BOUNDS, HistogramSnapshot};
use crate::server::status::ServerStatus;
use crate::server::tls::Certificates;
use crate::store::BucketStats;

/// The two text formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus text format, version 0.0.4.
    Prometheus,
}

impl Format {
    /// The format that `Accept` prefers: OpenMetrics if it is named, as Prometheus does.
    pub(super) fn wanted<'a>(mut accept: impl Iterator<Item = &'a str>) -> Self {
        let names_it = |value: &str| {
            value.split(',').any(|range| {
                let mut parts = range.split(';').map(str::trim);
                parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/openmetrics-text"))
                    && !parts.any(|part| matches!(part, "q=0" | "q=0.0"))
            })
        };
        if accept.any(names_it) { Self::OpenMetrics } else { Self::Prometheus }
    }

    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// All metrics, including those of this `process`.
pub(super) fn write(status: &ServerStatus, process: Option<ProcessMetrics>, format: Format) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Counted { status: status.clone(), process }));
    let mut written = String::with_capacity(16 << 10);
    text::encode(&mut written, &registry).expect("writing to a String cannot fail");
    match format {
        Format::OpenMetrics => written,
        Format::Prometheus => to_prometheus(&written),
    }
}

/// Converts OpenMetrics to the Prometheus text format: there type and help of counters and of the build information use the name of
/// their samples, the latter is a gauge, and there are neither units nor an end.
fn to_prometheus(openmetrics: &str) -> String {
    let mut written = String::with_capacity(openmetrics.len());
    let mut help = None;
    for line in openmetrics.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), text) => help = Some((name, text.unwrap_or_default())),
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                let (suffix, kind) = match kind {
                    "counter" => ("_total", kind),
                    "info" => ("_info", "gauge"),
                    _ => ("", kind),
                };
                if let Some((_, text)) = help.take().filter(|(named, _)| *named == name) {
                    let _ = writeln!(written, "# HELP {name}{suffix} {text}");
                }
                let _ = writeln!(written, "# TYPE {name}{suffix} {kind}");
            }
            (Some("#"), ..) => {}
            _ => drop(writeln!(written, "{line}")),
        }
    }
    written
}

/// All metrics at one moment.
#[derive(Debug)]
struct Counted {
    status: ServerStatus,
    process: Option<ProcessMetrics>,
}

impl Collector for Counted {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(&mut encoder);
        let status = &self.status;
        page.serving(status)?;
        page.stores(status)?;
        page.tls(status)?;
        page.log(status)?;
        page.configuration(status)?;
        page.program(self.process)
    }
}

struct Page<'p, 'e>(&'p mut DescriptorEncoder<'e>);

impl Page<'_, '_> {
    fn serving(&mut self, status: &ServerStatus) -> fmt::Result {
        let metrics = &status.metrics;
        self.counters(
            "wamedia_http_requests",
            "Requests by mount and status class; none: the client disconnected before there was a status",
            None,
            metrics.requests().map(|(mount, outcome, count)| {
                ([("mount", mount), ("status", outcome.label().to_owned())], count)
            }),
        )?;
        self.counters(
            "wamedia_http_response_body",
            "Bytes of response bodies sent, by mount",
            Some(&Unit::Bytes),
            metrics.bytes().map(|(mount, count)| ([("mount", mount)], count)),
        )?;
        self.counter("wamedia_http_responses_cut", "Responses cut short", metrics.cut())?;
        self.times(
            "wamedia_http_time_to_first_byte",
            "Time from the end of a request's head to the first byte of its response",
            &metrics.first_byte(),
        )?;
        self.times(
            "wamedia_http_request_duration",
            "Time from the end of a request's head to the last byte of its response",
            &metrics.duration(),
        )?;
        self.gauge("wamedia_http_connections_open", "Open connections", None, status.connections.open())?;
        self.counter("wamedia_http_connections", "Accepted connections", metrics.accepted())?;
        self.counter(
            "wamedia_http_connections_turned_away",
            "Connections rejected because of a connection limit or the PROXY protocol",
            metrics.rejected(),
        )?;
        self.counter(
            "wamedia_http_requests_limited",
            "Requests answered 429 because of the rate limit",
            metrics.rate_limited(),
        )?;
        self.counter(
            "wamedia_cache_hits",
            "Asset requests answered without asking the store",
            metrics.hits(),
        )?;
        self.counter(
            "wamedia_cache_misses",
            "Asset requests for which the store was asked, or another request's answer awaited",
            metrics.misses(),
        )
    }

    fn stores(&mut self, status: &ServerStatus) -> fmt::Result {
        let stores = status.snapshots.load().stores.stats();
        self.counter("wamedia_cache_evictions", "Assets evicted for others", stores.evictions)?;
        self.gauge(
            "wamedia_cache_held",
            "Bytes of bodies in memory, including evicted ones that are still being sent",
            Some(&Unit::Bytes),
            stores.held,
        )?;
        self.gauge(
            "wamedia_cache_limit",
            "Upper bound of the bodies in memory (memory.cache)",
            Some(&Unit::Bytes),
            stores.held_limit,
        )?;
        self.counter("wamedia_hash_files", "Files hashed", stores.hashed.files)?;
        self.sum("wamedia_hash_read", "Bytes read for hashing", &Unit::Bytes, &stores.hashed.bytes)?;
        self.sum(
            "wamedia_hash",
            "Time spent reading and hashing files",
            &Unit::Seconds,
            &stores.hashed.time.as_secs_f64(),
        )?;
        let labelled =
            |bucket: &BucketStats| [("bucket", bucket.name.clone()), ("mount", bucket.mount.clone())];
        let buckets = &stores.buckets;
        self.counters(
            "wamedia_upstream_requests",
            "Requests to a bucket, including retries",
            None,
            buckets.iter().map(|bucket| (labelled(bucket), bucket.requests)),
        )?;
        let failed = buckets.iter().flat_map(|bucket| {
            let kinds = bucket.failed.iter().map(|(fault, count)| (fault.name(), *count));
            let of_objects =
                [("forbidden", bucket.forbidden), ("unusable", bucket.unusable), ("broken", bucket.broken)];
            kinds.chain(of_objects).map(|(kind, count)| {
                let [name, mount] = labelled(bucket);
                ([name, mount, ("kind", kind.to_owned())], count)
            })
        });
        self.counters("wamedia_upstream_errors", "Failed requests to a bucket, by kind", None, failed)?;
        self.gauges(
            "wamedia_upstream_answers",
            "1 if the bucket answered the last request, else 0",
            None,
            buckets.iter().map(|bucket| (labelled(bucket), u64::from(bucket.answers))),
        )
    }

    /// Without HTTPS there are no samples.
    fn tls(&mut self, status: &ServerStatus) -> fmt::Result {
        let handshakes = status.certificates.iter().flat_map(|_| status.metrics.handshakes());
        self.counters(
            "wamedia_tls_handshakes",
            "TLS handshakes by result",
            None,
            handshakes.map(|(result, count)| ([("result", result)], count)),
        )?;
        self.certificates(status.certificates.as_deref())
    }

    /// By name, as served to clients: of two certificates for one name, that in the earlier slot. Without a certificate there is no
    /// sample.
    fn certificates(&mut self, certificates: Option<&Certificates>) -> fmt::Result {
        let mut expiries = BTreeMap::new();
        for certificate in certificates.map(Certificates::all).unwrap_or_default().into_iter().flatten() {
            for name in certificate.names() {
                expiries.entry(name.clone()).or_insert(certificate.not_after());
            }
        }
        let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.gauge(
            "wamedia_tls_certificates_wanted",
            "Certificates that the last attempt failed to obtain from the certificate authority",
            None,
            certificates.map_or(0, |certificates| certificates.errors().len() as u64),
        )?;
        self.gauges(
            "wamedia_tls_certificate_expiry_timestamp",
            "Expiry of the certificate for the name, since 1970",
            Some(&Unit::Seconds),
            expiries.into_iter().map(|(name, expiry)| ([("name", name)], seconds(expiry))),
        )
    }

    fn log(&mut self, status: &ServerStatus) -> fmt::Result {
        self.counter(
            "wamedia_log_lines_dropped",
            "Log lines dropped because the queue was full or writing failed",
            status.log.lost(),
        )
    }

    fn configuration(&mut self, status: &ServerStatus) -> fmt::Result {
        let last = status.reloads.last();
        self.counters(
            "wamedia_config_reloads",
            "Configuration reloads by result",
            None,
            status.reloads.counts().into_iter().map(|(result, count)| ([("result", result)], count)),
        )?;
        self.gauge(
            "wamedia_config_last_reload_successful",
            "1 if the last reload succeeded, else 0",
            None,
            u64::from(last.was_successful),
        )?;
        let since = last.applied_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        self.0
            .encode_descriptor(
                "wamedia_config_last_reload_success_timestamp",
                "When the current configuration was read, since 1970",
                Some(&Unit::Seconds),
                MetricType::Gauge,
            )?
            .encode_gauge(&since.as_secs_f64())
    }

    fn program(&mut self, process: Option<ProcessMetrics>) -> fmt::Result {
        let labels = [("version", env!("CARGO_PKG_VERSION"))];
        self.0
            .encode_descriptor("wamedia_build", "Build information", None, MetricType::Info)?
            .encode_info(&labels)?;
        let Some(process) = process else { return Ok(()) };
        self.sum("process_cpu", "CPU time, user and system", &Unit::Seconds, &process.cpu.as_secs_f64())?;
        self.gauge("process_resident_memory", "Resident memory", Some(&Unit::Bytes), process.resident)?;
        self.gauge("process_open_fds", "Open file descriptors", None, process.open_files)?;
        self.gauge("process_max_fds", "Limit of open file descriptors", None, process.max_files)?;
        self.0
            .encode_descriptor(
                "process_start_time",
                "When the process started, since 1970",
                Some(&Unit::Seconds),
                MetricType::Gauge,
            )?
            .encode_gauge(&process.began.as_secs_f64())
    }

    fn counter(&mut self, name: &str, help: &str, count: u64) -> fmt::Result {
        let mut counter = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        counter.encode_counter::<NoLabelSet, _, u64>(&count, None)
    }

    /// A counter with a unit.
    fn sum(&mut self, name: &str, help: &str, unit: &Unit, sum: &impl EncodeCounterValue) -> fmt::Result {
        let mut counter = self.0.encode_descriptor(name, help, Some(unit), MetricType::Counter)?;
        counter.encode_counter::<NoLabelSet, _, u64>(sum, None)
    }

    fn counters<L: EncodeLabelSet, N: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        counts: impl Iterator<Item = (L, N)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Counter)?;
        for (labels, count) in counts {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, N, u64>(&count, None)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: u64) -> fmt::Result {
        self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        values: impl Iterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in values {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    fn times(&mut self, name: &str, help: &str, seen: &HistogramSnapshot) -> fmt::Result {
        let bounds = BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(seen.buckets).collect();
        let count = seen.buckets.iter().sum();
        self.0
            .encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(seen.sum.as_secs_f64(), count, &buckets, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scraper_gets_the_format_that_it_prefers() {
        for (accept, expected) in [
            (
                "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics,
            ),
            ("text/plain;version=0.0.4", Format::Prometheus),
            ("application/openmetrics-text; q=0, text/plain", Format::Prometheus),
            ("*/*", Format::Prometheus),
            ("", Format::Prometheus),
        ] {
            assert_eq!(Format::wanted([accept].into_iter()), expected, "{accept}");
        }
        assert_eq!(Format::wanted(std::iter::empty()), Format::Prometheus);
    }

    #[test]
    fn the_prometheus_format_names_a_counter_as_its_samples() {
        let text = "# HELP a_b Some help.\n# TYPE a_b counter\n# UNIT a_b bytes\na_b_total{m=\"/\"} 3\n\
                    # HELP i The i.\n# TYPE i info\ni_info{v=\"1\"} 1\n\
                    # HELP g Help here.\n# TYPE g gauge\ng 1\n# EOF\n";
        let expected = "# HELP a_b_total Some help.\n# TYPE a_b_total counter\na_b_total{m=\"/\"} 3\n\
                        # HELP i_info The i.\n# TYPE i_info gauge\ni_info{v=\"1\"} 1\n\
                        # HELP g Help here.\n# TYPE g gauge\ng 1\n";
        assert_eq!(to_prometheus(text), expected);
    }
}
