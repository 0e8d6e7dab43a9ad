//! Instants in the unit of their column.

use chrono::{DateTime, NaiveDateTime};

use crate::model::Timestamp;

/// How many of a column's ticks make a second; for dates, how many seconds make a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Days,
    Seconds,
    Millis,
    Micros,
    Nanos,
}

impl Unit {
    /// Nanoseconds of one tick.
    const fn nanos(self) -> i128 {
        match self {
            Self::Days => 86_400_000_000_000,
            Self::Seconds => 1_000_000_000,
            Self::Millis => 1_000_000,
            Self::Micros => 1_000,
            Self::Nanos => 1,
        }
    }
}

/// A number of ticks since 1970 UTC (or since midnight).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instant {
    ticks: i64,
    unit: Unit,
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;

impl Instant {
    pub(super) const fn new(ticks: i64, unit: Unit) -> Self {
        Self { ticks, unit }
    }

    /// Decimals of a second that the unit can tell.
    pub(super) const fn decimals(self) -> usize {
        match self.unit {
            Unit::Days | Unit::Seconds => 0,
            Unit::Millis => 3,
            Unit::Micros => 6,
            Unit::Nanos => 9,
        }
    }

    fn nanos(self) -> i128 {
        i128::from(self.ticks) * self.unit.nanos()
    }

    /// Whole seconds, rounded down.
    pub(super) fn seconds(self) -> Option<i64> {
        match self.unit {
            Unit::Days => self.ticks.checked_mul(86_400),
            Unit::Seconds => Some(self.ticks),
            Unit::Millis => Some(self.ticks.div_euclid(1_000)),
            Unit::Micros => Some(self.ticks.div_euclid(1_000_000)),
            Unit::Nanos => Some(self.ticks.div_euclid(1_000_000_000)),
        }
    }

    pub(super) fn has_fraction(self) -> bool {
        self.nanos() % NANOS_PER_SECOND != 0
    }

    /// Microseconds, rounded down; `None` beyond 64 bits.
    pub(super) fn timestamp(self) -> Option<Timestamp> {
        match self.unit {
            Unit::Micros => Some(Timestamp::from_micros(self.ticks)),
            _ => i64::try_from(self.nanos().div_euclid(1_000)).ok().map(Timestamp::from_micros),
        }
    }

    /// Date and time in UTC; `None` beyond the calendar.
    pub(super) fn date_time(self) -> Option<NaiveDateTime> {
        let seconds = i64::try_from(self.nanos().div_euclid(NANOS_PER_SECOND)).ok()?;
        let nanos = u32::try_from(self.nanos().rem_euclid(NANOS_PER_SECOND)).ok()?;
        DateTime::from_timestamp(seconds, nanos).map(|instant| instant.naive_utc())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_rounded_down() {
        let half_before = Instant::new(-500, Unit::Millis);
        assert_eq!(half_before.seconds(), Some(-1));
        assert!(half_before.has_fraction());
        assert_eq!(half_before.timestamp(), Some(Timestamp::from_micros(-500_000)));
        assert_eq!(Instant::new(-1, Unit::Nanos).timestamp(), Some(Timestamp::from_micros(-1)));
        assert_eq!(Instant::new(i64::MAX, Unit::Seconds).timestamp(), None);
        assert_eq!(Instant::new(i64::MAX, Unit::Days).seconds(), None);
        assert_eq!(Instant::new(1, Unit::Days).seconds(), Some(86_400));
    }
}
