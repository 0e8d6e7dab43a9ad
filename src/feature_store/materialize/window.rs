//! Which event times a run reads.

use crate::error::MaterializeError;
use crate::model::{Interval, Span, Timestamp};

/// How far back the first incremental run of a view without a ttl reaches, as in Feast: 52 weeks.
const FIRST_REACH: Span = Span::from_seconds(52 * 7 * 86_400);

/// Which event times a run reads; both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// `materialize START END`
    Between(Interval),
    /// `materialize --disable-event-timestamp`: from 1970 to now
    UntilNow,
    /// `materialize-incremental [END]`: from the latest recorded end
    Since {
        /// last event time; `None`: now
        end: Option<Timestamp>,
        /// begin that much earlier
        lookback: Span,
    },
}

/// What earlier runs of a view left behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past<'a> {
    pub intervals: &'a [Interval],
    pub newest_created: Option<Timestamp>,
}

/// A window with its times known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub interval: Interval,
    /// rows created at this instant or after it (others may share it) are read although their event lies before the interval
    pub late_after: Option<Timestamp>,
    /// after this run, all rows up to the newest created time that it saw have been read
    pub settles_created: bool,
}

impl Window {
    pub(super) fn resolve(
        self,
        ttl: Option<Span>,
        past: Past<'_>,
        now: Timestamp,
        allow_future: bool,
    ) -> Result<Stretch, MaterializeError> {
        let stretch = match self {
            Self::Between(interval) => {
                Stretch { interval, late_after: None, settles_created: past.intervals.is_empty() }
            }
            Self::UntilNow => {
                let interval = Interval { start: Timestamp::EPOCH, end: now };
                Stretch { interval, late_after: None, settles_created: true }
            }
            Self::Since { end, lookback } => since(end.unwrap_or(now), lookback, ttl, past, now),
        };
        check(self, stretch.interval, now, allow_future)?;
        Ok(stretch)
    }
}

fn since(end: Timestamp, lookback: Span, ttl: Option<Span>, past: Past<'_>, now: Timestamp) -> Stretch {
    let reach = ttl.filter(|ttl| ttl.micros() > 0).unwrap_or(FIRST_REACH);
    let recorded = past.intervals.iter().map(|interval| interval.end).max();
    let start = recorded.unwrap_or_else(|| now.saturating_sub(reach)).saturating_sub(lookback);
    let late_after = recorded.and(past.newest_created);
    Stretch { interval: Interval { start, end }, late_after, settles_created: true }
}

fn check(window: Window, interval: Interval, now: Timestamp, allow_future: bool) -> Result<(), MaterializeError> {
    let Interval { start, end } = interval;
    if start > end {
        let recorded = matches!(window, Window::Since { .. });
        return Err(MaterializeError::StartAfterEnd { start, end, recorded });
    }
    if end > now && !allow_future { Err(MaterializeError::FutureEnd { end }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Span = Span::from_seconds(86_400);
    const NOW: Timestamp = Timestamp::from_micros(1_795_377_600_000_000);
    const NONE: Past<'_> = Past { intervals: &[], newest_created: None };
    const INCREMENTAL: Window = Window::Since { end: None, lookback: Span::ZERO };

    fn day(number: i64) -> Timestamp {
        Timestamp::from_micros(number * DAY.micros())
    }

    fn start(window: Window, ttl: Option<Span>, past: Past<'_>) -> Timestamp {
        window.resolve(ttl, past, NOW, false).unwrap().interval.start
    }

    #[test]
    fn the_first_incremental_run_reaches_back_by_the_ttl_or_52_weeks() {
        assert_eq!(start(INCREMENTAL, Some(DAY), NONE), NOW.saturating_sub(DAY));
        for ttl in [None, Some(Span::ZERO)] {
            assert_eq!(start(INCREMENTAL, ttl, NONE), NOW.saturating_sub(Span::from_seconds(364 * 86_400)));
        }
        assert_eq!(INCREMENTAL.resolve(None, NONE, NOW, false).unwrap().late_after, None);
    }

    #[test]
    fn later_ones_begin_at_the_latest_recorded_end_whatever_the_order() {
        let intervals = [Interval { start: day(1), end: day(9) }, Interval { start: day(2), end: day(5) }];
        let past = Past { intervals: &intervals, newest_created: Some(day(7)) };
        assert_eq!(start(INCREMENTAL, Some(DAY), past), day(9));
        assert_eq!(start(Window::Since { end: None, lookback: DAY }, Some(DAY), past), day(8));
        let stretch = INCREMENTAL.resolve(None, past, NOW, false).unwrap();
        assert_eq!((stretch.late_after, stretch.settles_created), (Some(day(7)), true));
        let early = Window::Since { end: Some(day(8)), lookback: Span::ZERO };
        let error = early.resolve(None, past, NOW, false).unwrap_err();
        assert!(matches!(error, MaterializeError::StartAfterEnd { recorded: true, .. }), "{error}");
        let backfill = Window::Between(Interval { start: day(0), end: day(1) });
        assert!(!backfill.resolve(None, past, NOW, false).unwrap().settles_created, "rows outside may be unread");
    }

    #[test]
    fn ends_in_the_future_and_before_the_start_are_refused() {
        let tomorrow = NOW.saturating_add(DAY);
        let between = |start, end| Window::Between(Interval { start, end });
        assert!(matches!(
            between(day(1), tomorrow).resolve(None, NONE, NOW, false),
            Err(MaterializeError::FutureEnd { .. })
        ));
        assert!(between(day(1), tomorrow).resolve(None, NONE, NOW, true).is_ok());
        assert!(between(day(1), NOW).resolve(None, NONE, NOW, false).is_ok());
        assert!(between(day(1), day(1)).resolve(None, NONE, NOW, false).is_ok());
        assert!(matches!(
            between(day(2), day(1)).resolve(None, NONE, NOW, false),
            Err(MaterializeError::StartAfterEnd { recorded: false, .. })
        ));
        assert_eq!(start(Window::UntilNow, None, NONE), Timestamp::EPOCH);
    }
}
