//! How fast a client takes what it asked for, held against the least that it must.
//!
//! A client is in credit for what it would have to take in one stall timeout at the least rate. While it is waited for, that
//! is used up as time passes and comes back with each byte that it takes, so that a pause is forgiven to whom a burst follows, and a
//! byte now and then is not enough. What comes back beyond the whole credit is lost: a fast start pays for no slow end.

use std::time::Duration;

use crate::config::Limits;

/// The rate of one connection.
#[derive(Debug)]
pub(in crate::server) struct SendRate {
    /// In thousandths of a byte.
    credit: u64,
    /// Bytes that had been taken when the client was last found to be waited for; `None` since it was not.
    taken: Option<u64>,
}

impl SendRate {
    /// In full credit.
    pub(in crate::server) fn new(limits: &Limits) -> Self {
        Self { credit: whole_credit(limits), taken: None }
    }

    /// Notes that time has `passed` since the last record, and that the client is waited for and has taken so many bytes ever; `None`
    /// where nobody waits for it. Says whether it is still in credit.
    pub(in crate::server) fn record(
        &mut self,
        taken: Option<u64>,
        passed: Duration,
        limits: &Limits,
    ) -> bool {
        let whole = whole_credit(limits);
        let due = in_thousandths(limits.min_send_rate, passed);
        match (self.taken, taken) {
            (Some(before), Some(now)) => {
                let came_back = now.saturating_sub(before).saturating_mul(1000);
                self.credit = self.credit.saturating_add(came_back).min(whole).saturating_sub(due);
            }
            // What came before it is waited for is no delay of its own.
            (None, Some(_)) => {}
            (_, None) => self.credit = self.credit.saturating_add(due).min(whole),
        }
        self.taken = taken;
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

    /// Lets a client be waited for that takes `taken(n)` bytes before look number `n`; how many looks it lasted.
    fn lasts(min_send_rate: usize, looks: u32, taken: impl Fn(u32) -> u64) -> u32 {
        let limits = limits(min_send_rate);
        let (mut rate, mut sum) = (SendRate::new(&limits), 0);
        (0..looks)
            .find(|look| {
                sum += taken(*look);
                !rate.record(Some(sum), INTERVAL, &limits)
            })
            .unwrap_or(looks)
    }

    #[test]
    fn a_client_below_the_rate_lasts_as_long_as_its_credit_and_one_at_it_for_ever() {
        for (rate, what, taken, expected) in [
            (500, "nothing", (|_| 0) as fn(u32) -> u64, 60),
            (500, "a byte now and then", |look| u64::from(look % 58 == 0), 60),
            // A tenth of the rate is paid back.
            (500, "a tenth", |_| 25, 67),
            (500, "a little less", |_| 249, 14_751),
            (500, "just as much", |_| 250, 100_000),
            (
                500,
                "in pieces, twenty seconds apart",
                |look| if look % 40 == 39 { 10_000 } else { 0 },
                100_000,
            ),
            // A fast start pays for nothing.
            (500, "much and then nothing", |look| if look < 10 { 1 << 30 } else { 0 }, 69),
            (0, "nothing, where there is no least rate", |_| 0, 100_000),
        ] {
            let lasted = lasts(rate, 100_000, taken);
            assert!(lasted.abs_diff(expected) <= 1, "{what}: {lasted} looks");
        }
    }

    #[test]
    fn time_in_which_nobody_waits_for_the_client_costs_it_nothing() {
        let limits = limits(500);
        let mut rate = SendRate::new(&limits);
        for _ in 0..1000 {
            // Half a minute in all, were it not for what lies between.
            assert!(rate.record(Some(0), INTERVAL, &limits));
            assert!(rate.record(Some(0), INTERVAL, &limits));
            assert!(rate.record(None, INTERVAL, &limits));
        }
    }
}
