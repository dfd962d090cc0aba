//! UTC as results write it.

use std::time::{SystemTime, UNIX_EPOCH};

/// As RFC 3339 writes it, to the second: `2026-11-25T08:10:00Z`. A clock before 1970 reads as 1970.
#[must_use]
pub fn rfc3339(time: SystemTime) -> String {
    let Utc { year, month, day, hour, minute, second } = Utc::of(time);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// As a name of a directory can hold it: `20261125T081000Z`. Names sort by time.
#[must_use]
pub fn compact(time: SystemTime) -> String {
    rfc3339(time).replace(['-', ':'], "")
}

struct Utc {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Utc {
    fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
        let (days, second) = (seconds / 86_400, seconds % 86_400);
        // Years that begin in March end with the leap day, and 153 days are five of their months (Hinnant,
        // chrono-Compatible Low-Level Date Algorithms, civil_from_days). Day 0 is 1 March of the year 0.
        let day_number = days + 719_468;
        let (era, of_era) = (day_number / 146_097, day_number % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: 400 * era + year_of_era + u64::from(month <= 2),
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{compact, rfc3339};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn known_instants() {
        // As `date -u -d @N +%FT%TZ` prints them.
        let known = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (1_795_594_200, "2026-11-25T08:10:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ];
        for (seconds, text) in known {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
        assert_eq!(compact(UNIX_EPOCH + Duration::from_secs(1_795_594_200)), "20261125T081000Z");
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn four_centuries_of_days_follow_each_other() {
        let mut expected = (1970, 1, 1);
        for day in 0..146_097_u64 {
            let (year, month, date) = expected;
            let text = rfc3339(UNIX_EPOCH + Duration::from_secs(day * 86_400));
            assert_eq!(text, format!("{year:04}-{month:02}-{date:02}T00:00:00Z"));
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = match month {
                2 => 28 + u32::from(leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            expected = match (month, date) {
                (12, 31) => (year + 1, 1, 1),
                (_, date) if date == length => (year, month + 1, 1),
                _ => (year, month, date + 1),
            };
        }
    }
}
