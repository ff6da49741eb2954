//! Minimum send rate: finds clients that read more slowly than `limits.min_send_rate`.
//!
//! A client has a credit of time: one stall timeout. While the server waits for the client, the credit decreases with time and
//! increases with each byte that the client reads, by what that byte takes at the minimum rate. So a pause is forgiven if a burst follows, and
//! a byte now and then is not enough. The credit never exceeds its initial value: a fast start does not pay for a slow end.

use std::time::Duration;

/// The rate of one connection or stream.
#[derive(Debug)]
pub(in crate::server) struct SendRate {
    whole: Duration,
    credit: Duration,
    /// Bytes that the client had read when the server last waited for it; `None` if it does not.
    read: Option<u64>,
}

impl SendRate {
    /// With full credit, which is this long.
    pub(in crate::server) fn new(stall_timeout: Duration) -> Self {
        Self { whole: stall_timeout, credit: stall_timeout, read: None }
    }

    /// Records that time has `passed` since the last call. `read` is how many bytes the client has read so far, if the server waits for
    /// it. Returns whether the client still has credit under a minimum `rate` in bytes a second; 0 is none.
    pub(in crate::server) fn record(&mut self, read: Option<u64>, passed: Duration, rate: usize) -> bool {
        if rate == 0 {
            return true;
        }
        match (self.read, read) {
            (Some(before), Some(now)) => {
                let micros = now.saturating_sub(before).saturating_mul(1_000_000) / rate as u64;
                let earned = Duration::from_micros(micros);
                self.credit = self.credit.saturating_add(earned).min(self.whole).saturating_sub(passed);
            }
            // The time before the server waited for the client is not the client's delay.
            (None, Some(_)) => {}
            (_, None) => self.credit = self.credit.saturating_add(passed).min(self.whole),
        }
        self.read = read;
        !self.credit.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL_TIMEOUT: Duration = Duration::from_secs(30);
    const INTERVAL: Duration = Duration::from_millis(500);

    /// How many intervals a client lasts that reads `acknowledged(n)` bytes before interval number `n`.
    fn lasts(min_send_rate: usize, intervals: u32, acknowledged: impl Fn(u32) -> u64) -> u32 {
        let (mut rate, mut sum) = (SendRate::new(STALL_TIMEOUT), 0);
        (0..intervals)
            .find(|n| {
                sum += acknowledged(*n);
                !rate.record(Some(sum), INTERVAL, min_send_rate)
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
        let mut rate = SendRate::new(STALL_TIMEOUT);
        for _ in 0..1000 {
            // The whole credit in half a minute, were it not restored in between.
            assert!(rate.record(Some(0), INTERVAL, 500));
            assert!(rate.record(Some(0), INTERVAL, 500));
            assert!(rate.record(None, INTERVAL, 500));
        }
    }
}
