//! Minimum send rate: closes connections whose client reads more slowly than `limits.min_send_rate`.
//!
//! A client has a credit: what it would read in one stall timeout at the minimum rate. While the server waits for the client, the
//! credit decreases with time and increases with each byte that the client reads. So a pause is forgiven if a burst follows, and a
//! byte now and then is not enough. The credit never exceeds its initial value: a fast start does not pay for a slow end.

use std::time::Duration;

use crate::config::Limits;

/// The rate of one connection.
#[derive(Debug)]
pub(in crate::server) struct SendRate {
    /// In thousandths of a byte.
    credit: u64,
    /// Bytes that the client had acknowledged when the server last waited for it; `None` if it does not.
    acknowledged: Option<u64>,
}

impl SendRate {
    /// With full credit.
    pub(in crate::server) fn new(limits: &Limits) -> Self {
        Self { credit: whole_credit(limits), acknowledged: None }
    }

    /// Records that time has `passed` since the last call. `acknowledged` is how many bytes the client has acknowledged so far, if the
    /// server waits for it. Returns whether the client still has credit.
    pub(in crate::server) fn record(
        &mut self,
        acknowledged: Option<u64>,
        passed: Duration,
        limits: &Limits,
    ) -> bool {
        let whole = whole_credit(limits);
        let due = in_thousandths(limits.min_send_rate, passed);
        match (self.acknowledged, acknowledged) {
            (Some(before), Some(now)) => {
                let earned = now.saturating_sub(before).saturating_mul(1000);
                self.credit = self.credit.saturating_add(earned).min(whole).saturating_sub(due);
            }
            // The time before the server waited for the client is not the client's delay.
            (None, Some(_)) => {}
            (_, None) => self.credit = self.credit.saturating_add(due).min(whole),
        }
        self.acknowledged = acknowledged;
        self.credit > 0 || whole == 0
    }
}

fn whole_credit(limits: &Limits) -> u64 {
    in_thousandths(limits.min_send_rate, limits.stall_timeout)
}

/// What `rate` bytes a second are in this time, in thousandths of a byte.
fn in_thousandths(rate: usize, time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).saturating_mul(rate as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(min_send_rate: usize) -> Limits {
        let wait = Duration::from_secs(30);
        Limits {
            connections: 1,
            connections_per_client: 0,
            requests_per_second: 0,
            burst: 1,
            handshake_timeout: wait,
            head_timeout: wait,
            idle_timeout: wait,
            stall_timeout: wait,
            min_send_rate,
            drain_timeout: wait,
            head_size: 1 << 15,
        }
    }

    const INTERVAL: Duration = Duration::from_millis(500);

    /// How many intervals a client lasts that reads `acknowledged(n)` bytes before interval number `n`.
    fn lasts(min_send_rate: usize, intervals: u32, acknowledged: impl Fn(u32) -> u64) -> u32 {
        let limits = limits(min_send_rate);
        let (mut rate, mut sum) = (SendRate::new(&limits), 0);
        (0..intervals)
            .find(|n| {
                sum += acknowledged(*n);
                !rate.record(Some(sum), INTERVAL, &limits)
            })
            .unwrap_or(intervals)
    }

    #[test]
    fn a_client_below_the_rate_lasts_as_long_as_its_credit_and_one_at_the_rate_for_ever() {
        for (rate, what, acknowledged, expected) in [
            (500, "nothing", (|_| 0) as fn(u32) -> u64, 60),
            (500, "a byte now and then", |n| u64::from(n % 58 == 0), 60),
            // A tenth of the rate restores some credit.
            (500, "a tenth", |_| 25, 67),
            (500, "a little less", |_| 249, 14_751),
            (500, "just as much", |_| 250, 100_000),
            (500, "in pieces, twenty seconds apart", |n| if n % 40 == 39 { 10_000 } else { 0 }, 100_000),
            // A fast start earns nothing.
            (500, "much and then nothing", |n| if n < 10 { 1 << 30 } else { 0 }, 69),
            (0, "nothing, without a minimum rate", |_| 0, 100_000),
        ] {
            let lasted = lasts(rate, 100_000, acknowledged);
            assert!(lasted.abs_diff(expected) <= 1, "{what}: {lasted} intervals");
        }
    }

    #[test]
    fn time_in_which_the_server_does_not_wait_for_the_client_costs_no_credit() {
        let limits = limits(500);
        let mut rate = SendRate::new(&limits);
        for _ in 0..1000 {
            // The whole credit in half a minute, were it not restored in between.
            assert!(rate.record(Some(0), INTERVAL, &limits));
            assert!(rate.record(Some(0), INTERVAL, &limits));
            assert!(rate.record(None, INTERVAL, &limits));
        }
    }
}
